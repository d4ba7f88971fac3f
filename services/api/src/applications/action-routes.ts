import { Ref, RefParams, ScopeQuery, type ApplicationScale } from '@cetus/shared/schemas';
import { APPLICATION } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { ERROR_RESPONSES, IfMatchHeaders, NoBody, scopeOfRequest, type TypedApp } from '../http/index.ts';
import { ApplicationIdRef, changeApplication, planOf, type ApplicationChange } from './accept.ts';
import { planOfPause, planOfRestart, planOfRun, planOfStop } from './actions.ts';
import { checkForm } from './check.ts';
import { ifMatchOf } from './entity-tag.ts';
import { FULL_FIELDS } from './fields.ts';
import { formOf } from './form.ts';
import { clusterIdNamed, scaled } from './scale.ts';

const common = {
  tags: ['applications'],
  params: RefParams,
  querystring: ScopeQuery,
  response: { 202: ApplicationIdRef, ...ERROR_RESPONSES },
};

/** The actions that say nothing but that they are asked for. */
const PLAIN: {
  action: 'restart' | 'stop' | 'start' | 'pause' | 'resume' | 'run' | 'retry';
  summary: string;
  plan?: NonNullable<ApplicationChange['plan']>;
}[] = [
  {
    action: 'restart',
    summary: 'Replace all instances by new ones, as a change would',
    plan: planOfRestart(() => new Date()),
  },
  { action: 'stop', summary: 'Let no instance run', plan: planOfStop(true) },
  { action: 'start', summary: 'Let as many instances run as are asked for', plan: planOfStop(false) },
  { action: 'pause', summary: 'Keep changes from the instances', plan: planOfPause(true) },
  { action: 'resume', summary: 'Let changes reach the instances again', plan: planOfPause(false) },
  { action: 'run', summary: 'Run a job, or a job of a cronjob, now', plan: planOfRun },
  { action: 'retry', summary: 'Try again what failed' },
];

/** What is done to an application besides changing its form. */
export function applicationActionRoutes(app: TypedApp, deps: ApiDeps): void {
  const { applications, clusters, config, dispatcher } = deps;

  for (const { action, summary, plan } of PLAIN) {
    app.post(
      `/v1/applications/:ref/actions/${action}`,
      {
        config: { role: 'member' },
        schema: {
          ...common,
          operationId: `${action}Application`,
          summary,
          headers: IfMatchHeaders,
          body: NoBody,
        },
      },
      async (request, reply) =>
        changeApplication(deps, request, reply.code(202), {
          requested: action,
          ...(plan === undefined ? {} : { plan }),
          ...ifMatchOf(request),
        }),
    );
  }

  app.post(
    '/v1/applications/:ref/actions/scale',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'scaleApplication',
        summary: 'Change the number of instances',
        headers: IfMatchHeaders,
        body: Ref<ApplicationScale>('ApplicationScale'),
      },
    },
    async (request, reply) => {
      const { replicas, cluster } = request.body;
      const { ref } = request.params;
      const seen = await applications.get(scopeOfRequest(request), ref, FULL_FIELDS);
      const clusterId = cluster === undefined ? null : await clusterIdNamed(clusters, seen, cluster);
      return changeApplication(deps, request, reply.code(202), {
        requested: 'scale',
        plan: (application) => {
          const spec = scaled(application, replicas, clusterId);
          checkForm(config, formOf(spec));
          return planOf(application, spec);
        },
        ...ifMatchOf(request),
      });
    },
  );

  app.post(
    '/v1/applications/:ref/actions/resync',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'resyncApplication',
        summary: 'Compare an application with its clusters now',
        body: NoBody,
      },
    },
    async (request, reply) => {
      const application = await applications.get(scopeOfRequest(request), request.params.ref, FULL_FIELDS);
      await dispatcher.wakeUp(APPLICATION, application, 'resync');
      reply.code(202);
      return { uuid: application._id };
    },
  );
}
