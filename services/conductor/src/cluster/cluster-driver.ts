import type { CetusError } from '@cetus/shared/errors';
import type { ClusterStatus, Failure, ObjectStatus, StoredCluster } from '@cetus/shared/schemas';

/** What a driver found out about a cluster; written to its status. */
export type ClusterFacts = Partial<Omit<ClusterStatus, keyof ObjectStatus>>;

/** How far a driver is with what was asked of it. */
export type DriverResult =
  /**
   * It goes on by itself in the back end; look again after `wakeUpAfterMs` (0: at once, when these facts are written). `unreachable`: the
   * back end did not answer, though it may have begun.
   */
  | {
      phase: 'working';
      facts: ClusterFacts;
      progress: string;
      wakeUpAfterMs: number;
      unreachable?: CetusError;
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
  apply(cluster: StoredCluster, signal: AbortSignal): Promise<DriverResult>;
  /** Removes what the back end has of the cluster. */
  remove(cluster: StoredCluster, signal: AbortSignal): Promise<DriverResult>;
  /** Compares without changing anything. */
  inspect(cluster: StoredCluster, signal: AbortSignal): Promise<Inspection>;
  /** Looks up what a request names, for the project and the user who ask. */
  checkReferences(
    asker: { projectId: string; userId: string },
    references: References,
    signal: AbortSignal,
  ): Promise<ReferenceCheck>;
}
