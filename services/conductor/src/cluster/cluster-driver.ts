import type { ReconcileContext } from '@cetus/shared/reconcile';
import type {
  ClusterStatus,
  Failure,
  ObjectStatus,
  StoredCluster,
  ClusterSpec,
  ClusterTemplateSpec,
} from '@cetus/shared/schemas';

/** What a driver found out about a cluster; written to its status. */
export type ClusterFacts = Partial<Omit<ClusterStatus, keyof ObjectStatus>>;

/** How far a driver is with what was asked of it. */
export type DriverResult =
  /** It goes on by itself in the back end; look again after `wakeUpAfterMs` (0: at once, when these facts are written). */
  | {
      phase: 'working';
      facts: ClusterFacts;
      progress: string;
      wakeUpAfterMs: number;
    }
  | { phase: 'done'; facts: ClusterFacts }
  | { phase: 'failed'; facts: ClusterFacts; failure: Failure };

/** How a cluster that nothing was asked of compares with the back end. */
export interface Inspection {
  facts: ClusterFacts;
  /** What makes it unusable; null when nothing does. */
  failure: Failure | null;
  /** How it differs from what was asked for, though usable; null when it does not. */
  drift: string | null;
  /** Its deletion had failed, and nothing is left of it now. */
  gone?: true;
}

/** The back end's objects that a request names. */
export interface References {
  image_id?: string | null;
  flavor_id?: string | null;
  master_flavor_id?: string | null;
  keypair?: string | null;
  external_network_id?: string | null;
  fixed_network?: string | null;
  fixed_subnet?: string | null;
}

/** A request that the API has got and has not accepted yet. */
export interface CheckRequest {
  projectId: string;
  userId: string;
  references: References;
  /** What the cluster would be asked to be, */
  spec?: ClusterSpec | undefined;
  /** or the template. */
  template?: ClusterTemplateSpec | undefined;
}

export interface ReferenceProblem {
  /** The field of the request. */
  field: string;
  /** A code of the table of errors. */
  code: string;
  detail: string;
}

export interface ReferenceCheck {
  problems: ReferenceProblem[];
  /** The image, when it was named and exists. */
  image: { id: string; os_distro: string | null } | null;
}

/**
 * One kind of back end that makes clusters. Every method is idempotent and looks before it acts, so that it may be called any number of
 * times, by any process, after any crash. All throw CetusError: a retryable one (`back_end_unavailable`) is tried again.
 */
export interface ClusterDriver {
  readonly name: string;
  /** Brings the cluster to what its spec says: creates or updates. */
  apply(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult>;
  /** Removes what the back end has of the cluster. */
  remove(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult>;
  /** Compares without changing anything. */
  inspect(cluster: StoredCluster, context: ReconcileContext): Promise<Inspection>;
  /** Says what of a request cannot be: what it names and does not exist, for the project and the user who ask, and what the driver cannot do. */
  check(request: CheckRequest, signal: AbortSignal): Promise<ReferenceCheck>;
}
