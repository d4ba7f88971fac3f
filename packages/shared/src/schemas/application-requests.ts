import type { ApplicationSpec, Cause } from './application.ts';
import type { SealedSecret } from './secret.ts';

// What the API asks of the service `applications` while a client waits: the methods of the bus with their parameters and answers.

/** What every request about an application that there is names. */
export interface ApplicationTarget {
  id: string;
  /** Only in this cluster; absent: in all. */
  cluster_id?: string;
}

/** One of its instances. */
export interface InstanceTarget extends ApplicationTarget {
  /** The name of the pod. */
  instance: string;
}

/** Values to be sealed for an application, with those of a change that were left out taken over from what it has. */
export interface SealRequest {
  id: string;
  /** By the name of the secret; null: as they were. */
  secrets: Record<string, Record<string, string> | null>;
  /** Null: as it was; absent: none. */
  pull_password?: string | null;
}

export interface SealAnswer {
  sealed: SealedSecret | null;
  /** The keys of each secret, sorted. */
  keys: Record<string, string[]>;
}

/** What an application would become. */
export interface DryRunRequest {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  generation: number;
  spec: ApplicationSpec;
}

/** What a cluster's own admission says of one object. */
export interface DryRunObject {
  api_version: string;
  kind: string;
  name: string;
  /** As it would be applied; the values of secrets are left out. */
  manifest: Record<string, unknown>;
  /** Null: it is admitted. */
  refusal: { code: string; message: string; fields: string[] } | null;
  /** What the cluster warns of. */
  warnings: string[];
}

export interface DryRunPlacement {
  cluster_id: string;
  cluster_name: string;
  namespace: string;
  admitted: boolean;
  /** Why nothing could be asked: the cluster is not there yet, or does not answer. */
  problem: { code: string; message: string } | null;
  objects: DryRunObject[];
}

export interface DryRunAnswer {
  placements: DryRunPlacement[];
}

/** A pod of an application. */
export interface Instance {
  name: string;
  uid: string;
  cluster_id: string;
  namespace: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Terminating`, `Unknown`. */
  phase: string;
  ready: boolean;
  node: string | null;
  pod_ip: string | null;
  host_ip: string | null;
  /** Of the rollout that it is of: equal for instances that are alike. */
  revision: string | null;
  restarts: number;
  qos_class: string | null;
  created_at: string;
  started_at: string | null;
  cause: Cause | null;
  containers: InstanceContainer[];
}

export interface InstanceContainer {
  name: string;
  image: string;
  init: boolean;
  ready: boolean;
  state: 'waiting' | 'running' | 'terminated';
  reason: string | null;
  message: string | null;
  exit_code: number | null;
  restarts: number;
  started_at: string | null;
}

export interface InstanceAnswer {
  instances: Instance[];
  /** Clusters that could not be asked, and why. */
  problems: { cluster_id: string; code: string; message: string }[];
}

/** An event of Kubernetes about one of an application's objects. */
export interface KubernetesEvent {
  cluster_id: string;
  type: string;
  reason: string;
  message: string;
  object: { kind: string; name: string };
  count: number;
  first_seen: string | null;
  last_seen: string | null;
  source: string | null;
}

export interface EventAnswer {
  events: KubernetesEvent[];
  problems: InstanceAnswer['problems'];
}

/** What of a container's log is wanted. */
export interface LogRequest extends InstanceTarget {
  project_id: string;
  container?: string;
  tail_lines?: number;
  since_seconds?: number;
  previous?: boolean;
  timestamps?: boolean;
  follow?: boolean;
}

/** A command to be run in a container, or with `command` absent what it runs already. */
export interface ExecRequest extends InstanceTarget {
  project_id: string;
  container?: string;
  command?: string[];
  stdin: boolean;
  tty: boolean;
}

/** The methods. */
export const APPLICATION_METHODS = {
  seal: 'application.seal',
  dryRun: 'application.dry_run',
  instances: 'application.instances',
  deleteInstance: 'application.delete_instance',
  events: 'application.events',
  log: 'application.log',
  exec: 'application.exec',
} as const;
