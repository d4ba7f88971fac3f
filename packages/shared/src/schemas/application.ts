import type { ApplicationForm } from './api/application/form.ts';
import type { Overrides } from './api/application/placement.ts';
import { stateOf, type ObjectStatus, type StoredObject } from './object.ts';
import type { SealedSecret } from './secret.ts';
import type { Condition, Failure } from './state.ts';

/** Where an application runs, with clusters by id. */
export interface StoredPlacement {
  /** The id of a cluster; null: `selector` says. */
  cluster_id: string | null;
  selector: Record<string, string> | null;
  overrides: Overrides;
}

/** What is asked of an application: what its form says, and what actions have asked of it since. */
export interface ApplicationSpec extends Omit<
  ApplicationForm,
  'placements' | 'secrets' | 'image_pull_secret'
> {
  placements: StoredPlacement[];
  /** The names of its secrets with their keys; the values are in `sealed`. */
  secrets: { name: string; keys: string[] }[];
  image_pull_secret: { name: string } | { registry: string; username: string } | null;
  /** The values of secrets and the password of the pull secret, as JSON ({@link SecretValues}); null: none. */
  sealed: SealedSecret | null;
  /** How often it was stopped is not known, only that it is: no instance runs. */
  stopped: boolean;
  /** A rollout does not go on. */
  paused: boolean;
  /** When a restart was last asked for, RFC 3339; null: never. */
  restarted_at: string | null;
  /** How often a `job` or a `cronjob` was asked to run, besides when it does so by itself. */
  runs: number;
}

/** What `spec.sealed` holds. */
export interface SecretValues {
  /** By the name of the secret, by key. */
  secrets: Record<string, Record<string, string>>;
  pull_password: string | null;
  /** Known to nobody else, and always the same for the application: what is told of the values is told with it. */
  salt: string;
}

/** How far the application is in one cluster, as whoever brings it there knows. */
export const PLACEMENT_STATES = ['PENDING', 'ROLLING_OUT', 'COMPLETE', 'FAILED', 'REMOVING'] as const;
export type PlacementState = (typeof PLACEMENT_STATES)[number];

/** An object of Kubernetes that was applied. */
export interface AppliedObject {
  api_version: string;
  kind: string;
  name: string;
  uid: string;
}

/** The application in one cluster. */
export interface PlacementStatus {
  cluster_id: string;
  cluster_name: string;
  namespace: string;
  state: PlacementState;
  /** What it waits for, for people. */
  progress: string | null;
  failure: Failure | null;
  /** The generation of the application whose manifests were applied last; null: none yet. */
  applied_generation: number | null;
  objects: AppliedObject[];
  /**
   * The kinds of objects that were ever applied there and may be there still: noted before the first of a kind is. Null or absent: it is not
   * known, there may be of any.
   */
  kinds?: string[] | null;
  /** `metadata.generation` of the workload after it was applied: another one is drift. */
  workload_generation: number | null;
  /** How many runs that were asked for have begun there. */
  runs: number;
  /** What others changed and is not put back: paths. */
  drift: string[];
  /**
   * Of a rollout: what it had come to when it last made progress, when that was, and what whoever follows the cluster had told of it by then;
   * null: none goes on.
   */
  progressed: { at: Date; counts: string; told?: string } | null;
}

/** A cluster that an application shall be in, before anything was done there. */
export function pendingPlacement(clusterId: string, clusterName: string, namespace: string): PlacementStatus {
  return {
    cluster_id: clusterId,
    cluster_name: clusterName,
    namespace,
    state: 'PENDING',
    progress: null,
    failure: null,
    applied_generation: null,
    objects: [],
    kinds: null,
    workload_generation: null,
    runs: 0,
    drift: [],
    progressed: null,
  };
}

/** How an application does in one cluster, in one word. */
export const PHASES = [
  'Pending',
  'Progressing',
  'Running',
  'Degraded',
  'Stopped',
  'Paused',
  'Succeeded',
  'Failed',
  'Suspended',
  'Missing',
] as const;
export type Phase = (typeof PHASES)[number];

/** What Kubernetes calls the quality of service of a pod. */
export const QOS_CLASSES = ['BestEffort', 'Burstable', 'Guaranteed'] as const;
export type QosClass = (typeof QOS_CLASSES)[number];

/** Why an application is not as it shall be: the first cause, for people and for machines. */
export interface Cause {
  /** `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, `ProbeFailing`, `QuotaExceeded`, `SecretMissing`, `ConfigMapMissing`, `AdmissionRefused`, `ProgressDeadlineExceeded`, `VolumeNotReady`, `JobFailed`, `NodeUnreachable`, `OutOfMemory`, … */
  reason: string;
  /** A sentence. */
  message: string;
  /** The pod. */
  instance?: string;
  container?: string;
  image?: string;
  exit_code?: number;
  restarts?: number;
  /** The last lines that the container wrote. */
  log?: string;
}

/** How many instances there are, as the workload itself counts them. */
export interface ReplicaCounts {
  desired: number;
  updated: number;
  ready: number;
  available: number;
}

/** What the autoscaler of an application says of itself in one cluster. */
export interface AutoscalerStatus {
  /** Instances that it has counted. */
  current_replicas: number;
  /** As many as it wants; null: it has not worked that out. */
  desired_replicas: number | null;
  /** The use on average that it has measured last, in percent of what is requested; null: none. */
  cpu_percent: number | null;
  memory_percent: number | null;
  /** Whether it can act; null: it has not said so yet, or what it misses may only be late. */
  active: boolean | null;
  /** Why it can or cannot, in Kubernetes' own words: `ValidMetricFound`, `FailedGetResourceMetric`, …; null: it has not said. */
  reason: string | null;
  message: string | null;
  /** What keeps it from more or fewer instances, which its load asks for; null: nothing. */
  limited_by: 'min_replicas' | 'max_replicas' | null;
  /** When it last changed the number, RFC 3339; null: never. */
  last_scaled_at: string | null;
}

/** Where an application can be reached. */
export interface Endpoint {
  type: 'cluster_ip' | 'node_port' | 'load_balancer' | 'ingress';
  /** `http://…` for an ingress; `host:port` else. */
  address: string;
  port: number;
  protocol: string;
  /** From where: within the cluster, from the tenant's network, from anywhere. */
  scope: 'cluster' | 'network' | 'external';
}

/** The application in one cluster, as the follower of that cluster sees it; a key of `observed`, written by nobody else. */
export interface Observation {
  phase: Phase;
  /** The generation of the application that the workload was made of: {@link GENERATION_ANNOTATION}. */
  generation: number | null;
  /** Whether the workload's own controller has seen its newest specification. */
  settled: boolean;
  replicas: ReplicaCounts;
  cause: Cause | null;
  /** Address of the service within the cluster, node ports by port, and what load balancers and ingresses got. */
  service: {
    cluster_ip: string | null;
    node_ports: Record<string, number>;
    load_balancer: string[];
    ingress: string[];
  } | null;
  /** Absent: it has none there. */
  autoscaler?: AutoscalerStatus;
  /** When it became so. */
  since: Date;
  /** The fencing token of the follower's lease. */
  token: number;
}

/** One version of what an application was asked to be. */
export interface ApplicationRevision {
  /** From 1. */
  number: number;
  /** The generation of the application that it began with. */
  generation: number;
  /** What asked for it. */
  requested: string;
  user_id: string;
  created_at: Date;
  spec: ApplicationSpec;
}

/** How many revisions are kept. */
export const MAX_REVISIONS = 10;

/** What the conductor found. */
export interface ApplicationStatus extends ObjectStatus {
  placements: PlacementStatus[];
  /** What the last create, update or rollback that succeeded brought about: what a rollback goes back to. */
  applied_spec: ApplicationSpec | null;
}

/** The document of an application. */
export interface StoredApplication extends StoredObject<ApplicationSpec, ApplicationStatus> {
  /** By the id of the cluster; each written by the follower of that cluster. */
  observed: Record<string, Observation>;
  /**
   * The conditions `Healthy` and, where it is autoscaled, `ScalingActive`, over all clusters that it is in; written by their followers with
   * `observed`. Absent: nothing was seen yet.
   */
  health_conditions?: Condition[];
  /** Oldest first; written by the API with each change of the spec. */
  revisions: ApplicationRevision[];
}

/** What counts as asked for: the spec, or after a rollback what was applied before. */
export function applicationSpecOf(
  application: Pick<StoredApplication, 'spec' | 'status' | 'operation'>,
): ApplicationSpec {
  const { applied_spec } = application.status;
  return stateOf(application).startsWith('ROLLBACK_') && applied_spec != null
    ? applied_spec
    : application.spec;
}

/** Labels and annotations of what Cetus makes in clusters. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'cetus';
export const NAME_LABEL = 'app.kubernetes.io/name';
/** The id of the application, on all its objects, its pods included. */
export const APPLICATION_LABEL = 'cetus.io/application';
/** The project and the user of a namespace. */
export const PROJECT_LABEL = 'cetus.io/project';
export const USER_LABEL = 'cetus.io/user';
/** The generation of the application that a workload was made of. */
export const GENERATION_ANNOTATION = 'cetus.io/generation';
