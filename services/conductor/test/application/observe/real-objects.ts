import { readFileSync } from 'node:fs';
import type { Event, Pod } from '@cetus/kubernetes/objects';
import type { WorkloadObject } from '../../../src/application/observe/objects.ts';
import { observationOf, type Asked, type Observed } from '../../../src/application/observe/observe.ts';
import { podFacts } from '../../../src/application/observe/pod-facts.ts';
import type { Finding } from '../../../src/application/observe/suspects.ts';
import { workloadFacts } from '../../../src/application/observe/workload-facts.ts';
import type { WorkloadKind } from '../../../src/application/observe/workload-kinds.ts';

/** What a real Kubernetes 1.20.2 said of an application some three minutes after it was made. */
export interface RealApplication {
  workload: WorkloadObject & { kind: WorkloadKind };
  pods: Pod[];
  runs?: WorkloadObject[];
  events?: Event[];
}

const REAL = JSON.parse(
  readFileSync(new URL('./fixtures/kubernetes-1.20.json', import.meta.url), 'utf8'),
) as Record<string, RealApplication>;

/** When it was looked at. */
export const THEN = Date.parse('2026-11-21T20:43:24Z');

/** A copy, to be changed. */
export function real(name: string): RealApplication {
  const found = REAL[name];
  if (found === undefined) throw new Error(`there is no ${name}`);
  return structuredClone(found);
}

const KINDS: Readonly<Record<WorkloadKind, Asked['kind']>> = {
  Deployment: 'stateless',
  StatefulSet: 'stateful',
  DaemonSet: 'daemon',
  Job: 'job',
  CronJob: 'cronjob',
};

export interface Looked {
  asked?: Partial<Asked>;
  now?: number;
  /** What was found, whatever was asked. */
  finding?: Finding;
}

/** How an application is, from its objects. */
export function look(
  {
    workload,
    pods,
    runs = [],
  }: Omit<RealApplication, 'workload'> & { workload: RealApplication['workload'] | null },
  { asked = {}, now = THEN, finding }: Looked = {},
): Observed {
  const kind = workload === null ? 'stateless' : KINDS[workload.kind];
  const isThere = <T>(one: T | undefined): one is T => one !== undefined;
  return observationOf({
    asked: { kind, stopped: false, paused: false, ...asked },
    workload: workload === null ? null : (workloadFacts(workload.kind, workload) ?? null),
    pods: pods.map(podFacts).filter(isThere),
    runs: runs.map((run) => workloadFacts('Job', run)).filter(isThere),
    services: [],
    ingresses: [],
    findings: () => finding,
    now,
  });
}
