import type { Scheduler } from '../scheduler.ts';
import type { User } from './api/authentication.ts';
import type { SimClusterSpec } from './spec.ts';
import type { ObjectStore } from './store.ts';
import type { Registry } from './types/registry.ts';

/** Seconds that things take in a simulated cluster. */
export interface ClusterSeconds {
  /** From a pod's binding to its containers' start. */
  podStart: number;
  /** From the wish to end a pod to its end. */
  podStop: number;
  /** How long the pod of a Job works. */
  jobRun: number;
  /** Between two lines that a container writes. */
  logLine: number;
  /** Until a load balancer has its address, and until it is gone. */
  loadBalancer: number;
  /** Until a volume is provisioned. */
  volume: number;
  /** Wait before a crashed container is started again, the first time; doubled each time. */
  crashBackOff: number;
  /** How long a node that upgrades itself takes. */
  nodeUpgrade: number;
  /** Until a node that has gone silent counts as not ready. A real cluster takes 40. */
  nodeSilence: number;
}

/** What the parts of one cluster share. */
export interface ClusterContext {
  readonly spec: SimClusterSpec;
  readonly registry: Registry;
  readonly store: ObjectStore;
  readonly scheduler: Scheduler;
  readonly seconds: ClusterSeconds;
  readonly health: ReadonlyMap<string, string>;
  /** Runs when somebody is about to look at a resource: what is kept up to date only then. */
  beforeRead(storage: string): void;
  /** Signs a token for a service account. */
  signToken(
    user: { namespace: string; name: string; uid: string },
    seconds: number,
  ): { token: string; expires: number };
  /** The user of a token; undefined when it is no good. */
  userOfToken(token: string): User | undefined;
}
