import {
  InstanceListQuery,
  InstanceParams,
  InstanceQuery,
  KubernetesEventQuery,
  MAX_KUBERNETES_EVENTS,
  Ref,
  RefParams,
  type Instance,
  type InstanceView,
  type KubernetesEvent,
  type KubernetesEventView,
  type ProblemView,
} from '@cetus/shared/schemas';
import type { FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import {
  answerPage,
  Empty,
  ERROR_RESPONSES,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { ask } from './ask.ts';
import {
  clusterOfInstance,
  instanceNamed,
  pageOfInstances,
  paramsOf,
  problemViews,
  TARGET_FIELDS,
  targetOf,
  type Target,
} from './instances.ts';

const TAGS = ['applications'];

type TargetRequest = FastifyRequest<{
  Params: { ref: string };
  Querystring: { all_projects?: boolean; cluster?: string };
}>;

/** The pods of an application, as its clusters know them now. */
export function applicationInstanceRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { applications, config } = deps;
  const target = async (request: TargetRequest): Promise<Target> => {
    const application = await applications.get(scopeOfRequest(request), request.params.ref, TARGET_FIELDS);
    return targetOf(application, request.query.cluster);
  };

  app.get(
    '/v1/applications/:ref/instances',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listApplicationInstances',
        summary: 'List the instances of an application, by name',
        params: RefParams,
        querystring: InstanceListQuery,
        response: {
          200: Ref<{ instances: InstanceView[]; problems: ProblemView[]; next?: string }>(
            'ApplicationInstanceList',
          ),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const wanted = await target(request);
      const { instances, problems } = await ask(deps, 'instances', paramsOf(wanted));
      const page = await answerPage({ config, links }, request, {
        name: 'instances',
        path: `/v1/applications/${wanted.application._id}/instances`,
        read: (page) => pageOfInstances(instances, page),
        present: (one) => instanceView(wanted, one),
      });
      return { ...page, problems: problemViews(wanted, problems) };
    },
  );

  app.get(
    '/v1/applications/:ref/instances/:instance',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getApplicationInstance',
        summary: 'Read an instance of an application',
        params: InstanceParams,
        querystring: InstanceQuery,
        response: { 200: Ref<InstanceView>('ApplicationInstance'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const wanted = await target(request);
      return instanceView(wanted, await instanceNamed(deps, wanted, request.params.instance));
    },
  );

  app.delete(
    '/v1/applications/:ref/instances/:instance',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'deleteApplicationInstance',
        summary: 'Delete an instance of an application; another one takes its place',
        params: InstanceParams,
        querystring: InstanceQuery,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { instance } = request.params;
      const wanted = await target(request);
      const cluster_id = await clusterOfInstance(deps, wanted, instance);
      await ask(deps, 'deleteInstance', { id: wanted.application._id, cluster_id, instance });
      return reply.code(204).send(undefined);
    },
  );

  app.get(
    '/v1/applications/:ref/events',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listApplicationEvents',
        summary: 'List what its clusters tell of the objects of an application, the newest first',
        params: RefParams,
        querystring: KubernetesEventQuery,
        response: {
          200: Ref<{ events: KubernetesEventView[]; problems: ProblemView[] }>('ApplicationEventList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const wanted = await target(request);
      const { limit = MAX_KUBERNETES_EVENTS } = request.query;
      const { events, problems } = await ask(deps, 'events', paramsOf(wanted));
      const newest = [...events].sort((a, b) => lastSeen(b) - lastSeen(a)).slice(0, limit);
      return {
        events: newest.map((one) => ({ ...one, cluster_name: wanted.names.get(one.cluster_id) ?? null })),
        problems: problemViews(wanted, problems),
      };
    },
  );
}

function instanceView({ names }: Target, instance: Instance): InstanceView {
  return { ...instance, cluster_name: names.get(instance.cluster_id) ?? null };
}

function lastSeen({ last_seen, first_seen }: KubernetesEvent): number {
  return Date.parse(last_seen ?? first_seen ?? '') || 0;
}
