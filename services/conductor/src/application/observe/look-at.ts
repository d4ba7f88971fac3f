import { readObject } from '@cetus/kubernetes/apply';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { listAll } from '@cetus/kubernetes/list';
import type { ManagedKindName } from '@cetus/kubernetes/managed-kinds';
import { collectionPath } from '@cetus/kubernetes/object-path';
import type { Ingress, KubernetesObject, Pod, Service } from '@cetus/kubernetes/objects';
import type { ServedApis } from '@cetus/kubernetes/served-apis';
import { APPLICATION_LABEL, type ApplicationSpec, type AppliedObject } from '@cetus/shared/schemas';
import { selectorOf } from '../selector.ts';
import { autoscalerFacts } from './autoscaler-facts.ts';
import { investigate } from './investigate.ts';
import { ingressFacts, serviceFacts } from './network-facts.ts';
import type { WorkloadObject } from './objects.ts';
import { assess, type ObserveInput, type Observed } from './observe.ts';
import { podFacts } from './pod-facts.ts';
import type { Finding } from './suspects.ts';
import { currentJob, workloadFacts } from './workload-facts.ts';
import { workloadKindOf, type WorkloadKind } from './workload-kinds.ts';

/** Which application is to be looked at, and what is asked of it. */
export interface LookTarget {
  applicationId: string;
  name: string;
  namespace: string;
  spec: Pick<ApplicationSpec, 'kind' | 'stopped' | 'paused'>;
  /** What was applied of it: nothing else is looked for but what makes others. Absent: everything is. */
  objects?: readonly Pick<AppliedObject, 'api_version' | 'kind' | 'name'>[];
}

/** A cluster as it is asked. */
export interface LookApi {
  connection: KubernetesConnection;
  apis: Pick<ServedApis, 'apiVersionOf'>;
}

/** Questions that one look asks about what is wrong: what the first one brings may show that it is something else. */
const MAX_QUESTIONS = 2;

/**
 * Looks at an application in a cluster: its workload and its pods, and when something is wrong at what tells why.
 * @throws KubernetesError, KubernetesUnreachableError, the signal's reason
 */
export async function lookAt(api: LookApi, target: LookTarget, signal: AbortSignal): Promise<Observed> {
  const { connection, apis } = api;
  const { applicationId, namespace, spec, objects } = target;
  const kind = workloadKindOf(spec.kind);
  const listed = async <T extends KubernetesObject, F>(
    what: ManagedKindName,
    project: (object: T) => F | undefined,
  ): Promise<F[]> => {
    const apiVersion = await apis.apiVersionOf(what, { signal });
    if (apiVersion === undefined) return [];
    const query = { labelSelector: selectorOf(applicationId) };
    const path = collectionPath({ apiVersion, kind: what, namespace });
    return (await listAll<T, F>(connection, path, { query, signal, project })).items;
  };
  /** What has names of its own: to read it costs the API server less than to look through all that there are. */
  const applied = async <T extends KubernetesObject, F>(
    what: ManagedKindName,
    project: (object: T) => F | undefined,
  ): Promise<F[]> => {
    if (objects === undefined) return listed(what, project);
    const facts: F[] = [];
    for (const { api_version: apiVersion, kind: its, name } of objects) {
      if (its !== what) continue;
      const found = await readObject<T>(connection, { apiVersion, kind: what, namespace, name }, { signal });
      const fact = isOf(found, applicationId) ? project(found) : undefined;
      if (fact !== undefined) facts.push(fact);
    }
    return facts;
  };
  const [named, pods, services, ingresses, jobs, autoscalers] = await Promise.all([
    kind === 'Job' ? null : workloadOf(api, kind, target, signal),
    listed<Pod, NonNullable<ReturnType<typeof podFacts>>>('Pod', podFacts),
    applied('Service', (one: Service) => serviceFacts(one)),
    applied('Ingress', (one: Ingress) => ingressFacts(one)),
    kind === 'CronJob' || kind === 'Job'
      ? listed('Job', (one: WorkloadObject) => workloadFacts('Job', one))
      : [],
    applied('HorizontalPodAutoscaler', autoscalerFacts),
  ]);
  const autoscaler = autoscalers.find(({ name }) => name === target.name);
  const findings = new Map<string, Finding>();
  const input: ObserveInput = {
    asked: spec,
    workload:
      kind === 'Job' ? currentJob(jobs) : named === null ? null : (workloadFacts(kind, named) ?? null),
    pods,
    services,
    ingresses,
    runs: kind === 'CronJob' ? jobs : [],
    ...(autoscaler === undefined ? {} : { autoscaler }),
    findings: (key) => findings.get(key),
    now: Date.now(),
  };
  for (let questions = 0; questions < MAX_QUESTIONS; questions += 1) {
    const { suspect } = assess(input);
    if (suspect === null || findings.has(suspect.key)) break;
    findings.set(suspect.key, await investigate(connection, suspect, signal));
  }
  return assess(input).observation;
}

async function workloadOf(
  { connection, apis }: LookApi,
  kind: WorkloadKind,
  { applicationId, name, namespace }: LookTarget,
  signal: AbortSignal,
): Promise<WorkloadObject | null> {
  const apiVersion = await apis.apiVersionOf(kind, { signal });
  if (apiVersion === undefined) return null;
  const found = await readObject<WorkloadObject>(
    connection,
    { apiVersion, kind, namespace, name },
    { signal },
  );
  return isOf(found, applicationId) ? found : null;
}

/** Another's of the same name is not it. */
function isOf<T extends KubernetesObject>(found: T | undefined, applicationId: string): found is T {
  return found?.metadata.labels?.[APPLICATION_LABEL] === applicationId;
}
