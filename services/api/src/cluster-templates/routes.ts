import { requireRole } from '@cetus/shared/auth';
import { CetusError } from '@cetus/shared/errors';
import { deleteAtOnce, newObject, updateAtOnce, type Requester } from '@cetus/shared/operations';
import {
  ClusterTemplateListQuery,
  Ref,
  RefParams,
  ScopeQuery,
  type ClusterTemplateCreate,
  type ClusterTemplateSpec,
  type ClusterTemplateView,
  type JsonPatch,
  type StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { CLUSTER_TEMPLATE, entityTag, type Scope } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import { namedReferences, validateWithDriver, type References } from '../cluster-validation.ts';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
import {
  answerPage,
  Empty,
  ERROR_RESPONSES,
  firstAnswer,
  IdempotencyHeaders,
  idempotencyOf,
  IfMatchHeaders,
  ifMatchOf,
  IfNoneMatchHeaders,
  notModified,
  NoQuery,
  requesterOf,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { makeUpName } from '../names.ts';
import { refuseInUse } from './in-use.ts';
import { needsUnused, patchTemplate } from './patch.ts';
import { presentTemplate } from './presenter.ts';
import { templateSpec } from './spec.ts';

const TAGS = ['cluster templates'];

/** How often a change without If-Match is tried again when another writer came first. */
const CHANGE_ATTEMPTS = 5;

const TemplateRef = Ref<ClusterTemplateView>('ClusterTemplate');

/** Magnum's `/v1/clustertemplates`. */
export function clusterTemplateRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { templates, clusters, dispatcher, config } = deps;
  const lists = { config, links };

  app.post(
    '/v1/clustertemplates',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'createClusterTemplate',
        summary: 'Create a cluster template',
        querystring: NoQuery,
        headers: IdempotencyHeaders,
        body: Ref<ClusterTemplateCreate>('ClusterTemplateCreate'),
        response: { 201: TemplateRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { body } = request;
      if (body.public === true || body.hidden === true) requireRole(request.caller, 'admin');
      const caller = requesterOf(request);
      const idempotency = idempotencyOf(request);
      const base = links.base(request);
      const accepted = (template: StoredClusterTemplate): ClusterTemplateView => {
        reply.code(201).header('location', links.self(base, 'clustertemplates', template._id));
        return presentTemplate(template, links, base);
      };
      const first = await firstAnswer(templates, caller, idempotency);
      if (first !== null) return accepted(first);
      const driver = (await Drivers.of(deps.services)).forTemplate(body.driver);
      const spec = templateSpec(body, driver, null);
      const { osDistro } = await validateTemplate(caller, spec, referencesOf(spec));
      const { object, replayed } = await templates.create(
        newObject({
          kind: CLUSTER_TEMPLATE,
          caller,
          name: body.name ?? makeUpName('template'),
          spec: { ...spec, cluster_distro: osDistro },
          status: {},
          deadlineMs: null,
        }),
        idempotency,
      );
      if (!replayed) await dispatcher.dispatch(CLUSTER_TEMPLATE, object);
      return accepted(object);
    },
  );

  for (const [path, operationId] of [
    ['/v1/clustertemplates', 'listClusterTemplates'],
    ['/v1/clustertemplates/detail', 'listClusterTemplatesInDetail'],
  ] as const) {
    app.get(
      path,
      {
        config: { role: 'reader' },
        schema: {
          tags: TAGS,
          operationId,
          summary: 'List cluster templates, those that are public too',
          querystring: ClusterTemplateListQuery,
          response: {
            200: Ref<{ clustertemplates: ClusterTemplateView[]; next?: string }>('ClusterTemplateList'),
            ...ERROR_RESPONSES,
          },
        },
      },
      async (request) => {
        const base = links.base(request);
        const scope = scopeOfRequest(request);
        return answerPage(lists, request, {
          name: 'clustertemplates',
          path,
          read: (page) => templates.list(scope, page),
          present: (one) => presentTemplate(one, links, base),
        });
      },
    );
  }

  app.get(
    '/v1/clustertemplates/:ref',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getClusterTemplate',
        summary: 'Read a cluster template',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfNoneMatchHeaders,
        response: { 200: TemplateRef, 304: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const base = links.base(request);
      const template = await templates.get(scopeOfRequest(request), request.params.ref);
      if (notModified(request, reply, template)) return reply.send(undefined);
      return presentTemplate(template, links, base);
    },
  );

  app.patch(
    '/v1/clustertemplates/:ref',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'updateClusterTemplate',
        summary: 'Change a cluster template; clusters that exist stay as they are',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        body: Ref<JsonPatch>('JsonPatch'),
        response: { 200: TemplateRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const base = links.base(request);
      const scope = scopeOfRequest(request);
      const changed = await changeTemplate(request, scope, request.params.ref, request.body);
      await dispatcher.dispatch(CLUSTER_TEMPLATE, changed);
      reply.header('etag', entityTag(changed));
      return presentTemplate(changed, links, base);
    },
  );

  app.delete(
    '/v1/clustertemplates/:ref',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'deleteClusterTemplate',
        summary: 'Delete a cluster template that no cluster or node group refers to',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const caller = requesterOf(request);
      const scope = scopeOfRequest(request);
      const template = await ownTemplate(scope, request.params.ref);
      await refuseInUse(clusters, template);
      const deleted = await templates.change(
        scope,
        template._id,
        (current) => deleteAtOnce(current, { kind: CLUSTER_TEMPLATE, caller }),
        ifMatchOf(request),
      );
      await dispatcher.dispatch(CLUSTER_TEMPLATE, deleted);
      return reply.code(204).send(undefined);
    },
  );

  /** Checks a patch against the cloud and the clusters, then writes it if the template is still the one that was checked. */
  async function changeTemplate(
    request: FastifyRequest,
    scope: Scope,
    ref: string,
    patch: JsonPatch,
  ): Promise<StoredClusterTemplate> {
    const caller = requesterOf(request);
    const asked = ifMatchOf(request);
    for (let attempt = 1; ; attempt += 1) {
      const template = await ownTemplate(scope, ref);
      const { name, spec, changed } = patchTemplate(template, patch);
      if (changed.has('public') || changed.has('hidden')) requireRole(request.caller, 'admin');
      if (needsUnused(changed)) await refuseInUse(clusters, template);
      const { osDistro } = await validateTemplate(caller, spec, onlyChanged(referencesOf(spec), changed));
      const next = changed.has('image_id') ? { ...spec, cluster_distro: osDistro } : spec;
      try {
        return await templates.change(
          scope,
          template._id,
          (current) => updateAtOnce(current, { kind: CLUSTER_TEMPLATE, caller, name, spec: next }),
          { ifMatch: asked.ifMatch ?? entityTag(template) },
        );
      } catch (error) {
        const overtaken =
          error instanceof CetusError && error.code === 'precondition_failed' && asked.ifMatch === undefined;
        if (!overtaken || attempt === CHANGE_ATTEMPTS) throw error;
      }
    }
  }

  function validateTemplate(
    caller: Requester,
    template: ClusterTemplateSpec,
    references: References,
  ): Promise<{ osDistro: string | null }> {
    return validateWithDriver(
      deps,
      caller,
      { driver: template.driver, references, template },
      { keypair: 'keypair_id' },
    );
  }

  /** A template that the scope may change: a public one of another project is only there to be read. */
  async function ownTemplate(scope: Scope, ref: string): Promise<StoredClusterTemplate> {
    const template = await templates.get(scope, ref);
    if (scope.kind === 'project' && template.project_id !== scope.projectId) {
      throw new CetusError('not_found', `There is no clustertemplate ${ref} in the project`);
    }
    return template;
  }
}

function referencesOf(spec: ClusterTemplateSpec): References {
  return namedReferences({
    image_id: spec.image_id,
    flavor_id: spec.flavor_id,
    master_flavor_id: spec.master_flavor_id,
    keypair: spec.keypair_id,
    external_network_id: spec.external_network_id,
    fixed_network: spec.fixed_network,
    fixed_subnet: spec.fixed_subnet,
  });
}

/** Only what a patch names is checked: the rest was, when it was given. */
function onlyChanged(references: References, changed: ReadonlySet<string>): References {
  return Object.fromEntries(
    Object.entries(references).filter(([field]) => changed.has(field === 'keypair' ? 'keypair_id' : field)),
  );
}
