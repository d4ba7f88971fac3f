import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { guarded, type Call, type MagnumContext } from './api.ts';
import { badRequest, forbidden, MagnumError } from './errors.ts';
import { readBody } from './fields.ts';
import { pageOf } from './listing.ts';
import { applyPatch, readPatch } from './patch.ts';
import type { TemplateFields, TemplateRecord } from './records.ts';
import { checkDriver, checkResources, checkVolumes, networkDriverOf } from './template-checks.ts';
import { TEMPLATE_FIELDS } from './template-fields.ts';
import { randomName } from './names.ts';
import { V1 } from './paths.ts';

const TEMPLATES = `${V1}/clustertemplates`;

const DEFAULTS: Omit<TemplateFields, 'coe' | 'image_id'> = {
  name: null,
  flavor_id: null,
  master_flavor_id: null,
  dns_nameserver: null,
  keypair_id: null,
  external_network_id: null,
  fixed_network: null,
  fixed_subnet: null,
  network_driver: null,
  apiserver_port: null,
  docker_volume_size: null,
  cluster_distro: null,
  http_proxy: null,
  https_proxy: null,
  no_proxy: null,
  volume_driver: null,
  registry_enabled: false,
  labels: null,
  tls_disabled: false,
  public: false,
  server_type: 'vm',
  insecure_registry: null,
  docker_storage_driver: null,
  master_lb_enabled: false,
  floating_ip_enabled: true,
  hidden: false,
  tags: null,
};
const PATCH_RULES = {
  mandatory: [
    ...['/network_driver', '/external_network_id', '/tls_disabled', '/public', '/server_type'],
    ...['/coe', '/registry_enabled', '/cluster_distro', '/hidden', '/image_id'],
  ],
};

/** Cluster templates. */
export function templateRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, views } = context;
  const one = ({ params }: Call): string => params['template'] ?? '';

  for (const path of ['', '/detail']) {
    app.get(
      `${TEMPLATES}${path}`,
      guarded(context, (call) => {
        const { projectId } = call.all;
        const rows = [...store.templates.values()].filter(
          (template) =>
            projectId === undefined ||
            template.project_id === projectId ||
            (template.public && !template.hidden),
        );
        const marker = (ident: string): TemplateRecord => store.template(call.all, ident);
        const page = pageOf(call, { rows, marker, key: ({ uuid }) => uuid });
        return {
          clustertemplates: page.rows.map((template) => views.template(template)),
          ...(page.next === undefined ? {} : { next: views.href(`clustertemplates${path}${page.next}`) }),
        };
      }),
    );
  }

  app.get(
    `${TEMPLATES}/:template`,
    guarded(context, (call) => views.template(store.template(call.all, one(call)))),
  );

  app.post(
    TEMPLATES,
    guarded(context, async (call, reply) => {
      const given = readBody('cluster_template', TEMPLATE_FIELDS, call.body) as Partial<TemplateFields>;
      const fields = { ...DEFAULTS, ...given } as TemplateFields;
      fields.network_driver = networkDriverOf(given.coe, fields.network_driver);
      checkVolumes(fields);
      checkDriver(fields);
      fields.cluster_distro = checkResources(fields);
      if (fields.public || fields.hidden) requirePublisher(call);
      const template: TemplateRecord = {
        ...fields,
        name: fields.name ?? `${randomName()}-template`,
        id: store.nextId(),
        uuid: randomUUID(),
        project_id: call.caller.projectId,
        user_id: call.caller.userId,
        created_at: Date.now(),
        updated_at: null,
      };
      await store.saveTemplate(template);
      const location = views.href(`clustertemplates/${template.uuid}`);
      return reply.code(201).header('location', location).send(views.template(template, true));
    }),
  );

  app.patch(
    `${TEMPLATES}/:template`,
    guarded(context, async (call) => {
      const operations = readPatch(call.body, PATCH_RULES);
      // Found in the caller's own project only, even for an administrator.
      const template = store.template(call.own, one(call));
      requireOwner(call, template, 'update');
      const next = applyPatch(template, operations, TEMPLATE_FIELDS, DEFAULTS);
      next.network_driver = networkDriverOf(next.coe, next.network_driver);
      checkVolumes(next);
      checkResources(next);
      if (next.public !== template.public || next.hidden !== template.hidden) requirePublisher(call);
      if (!isHarmless(template, next)) refuseInUse(context, template);
      next.updated_at = Date.now();
      await store.saveTemplate(next);
      // The time of the change before this one.
      return views.template({ ...next, updated_at: template.updated_at });
    }),
  );

  app.delete(
    `${TEMPLATES}/:template`,
    guarded(context, async (call, reply) => {
      const template = store.template(call.all, one(call));
      requireOwner(call, template, 'delete');
      refuseInUse(context, template);
      await store.removeTemplate(template);
      return reply.code(204).send();
    }),
  );
}

/** A public template is seen by all and changed by its project. */
function requireOwner(call: Call, template: TemplateRecord, verb: 'update' | 'delete'): void {
  if (call.isAdmin || template.project_id === call.caller.projectId) return;
  throw forbidden(`clustertemplate:${verb}`);
}

function requirePublisher(call: Call): void {
  if (call.isAdmin) return;
  throw new MagnumError(403, 'Not authorized to set public or hidden flag for cluster template.');
}

/** What may be changed of a template in use: one of these, alone. */
function isHarmless(before: TemplateRecord, after: TemplateRecord): boolean {
  const changed = (Object.keys(after) as (keyof TemplateRecord)[]).filter(
    (field) => JSON.stringify(after[field]) !== JSON.stringify(before[field]),
  );
  const [field] = changed;
  if (changed.length !== 1) return false;
  return (
    field === 'name' ||
    field === 'hidden' ||
    (field === 'public' && after.public) ||
    (field === 'tags' && after.tags !== null)
  );
}

function refuseInUse({ store }: MagnumContext, template: TemplateRecord): void {
  const isUsed = [...store.families.values()].some(
    ({ cluster }) => cluster.cluster_template_id === template.uuid,
  );
  if (isUsed) {
    throw badRequest(`ClusterTemplate ${template.uuid} is referenced by one or multiple clusters.`);
  }
}
