import type { ReconcileContext } from '@cetus/shared/reconcile';
import type {
  Blocker,
  ClusterSpec,
  ClusterStatus,
  ClusterTemplateSpec,
  DriverDescription,
  Failure,
  NodeGroupFacts,
  ObjectStatus,
  SealedSecret,
  StoredCluster,
} from '@cetus/shared/schemas';

/** What a driver found out about a cluster; written to its status. Of node groups it names those that there are, each time all of them. */
export type ClusterFacts = Partial<
  Omit<ClusterStatus, keyof ObjectStatus | 'node_groups' | 'applied_spec' | 'last_contact'>
> & { node_groups?: NodeGroupFacts[] };

/** How far a driver is with what was asked of it. */
export type DriverResult =
  /** It goes on by itself in the back end; look again after `wakeUpAfterMs` (0: at once, when these facts are written). */
  | {
      phase: 'working';
      facts: ClusterFacts;
      progress: string;
      wakeUpAfterMs: number;
      /** What it waits for outside of the back end, and what it did not wait for any longer; absent: as before. */
      blockedBy?: readonly Blocker[];
      leftBehind?: readonly Blocker[];
    }
  | { phase: 'done'; facts: ClusterFacts }
  | {
      phase: 'failed';
      facts: ClusterFacts;
      failure: Failure;
      /** Which node groups failed, by uuid, when the back end tells; the others are as asked. */
      failedGroups?: Readonly<Record<string, Failure>>;
      /**
       * Of a removal that the back end was told in this operation, carried out, and says that it failed: what is left, the widest first. A
       * forced delete ends then and names it. Absent: the cluster is not let go of.
       */
      remains?: readonly Blocker[];
    };

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
  /** or the template, */
  template?: ClusterTemplateSpec | undefined;
  /** or the cluster that is to be taken in, with the id that it has or would have. */
  imported?: ImportRequest | undefined;
}

/** A cluster that others made. */
export interface ImportRequest {
  clusterId: string;
  /** A kubeconfig, as YAML or JSON. */
  kubeconfig: string;
  /** The context to use; default: the current one. */
  context?: string | undefined;
  /** The cluster as it is, when it is there already: it must be the same one. */
  cluster?: StoredCluster | undefined;
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
  /** For a cluster that is to be taken in and can be: its `spec.imported`. */
  imported?: { kubeconfig: SealedSecret; server: string };
}

/** The authorities of a cluster. Source: Magnum's `ca_cert_type`. */
export type AuthorityKind = 'kubernetes' | 'kubelet' | 'etcd' | 'front-proxy';

/**
 * One kind of back end that makes clusters. Every method is idempotent and looks before it acts, so that it may be called any number of
 * times, by any process, after any crash. All throw CetusError: a retryable one (`back_end_unavailable`) is tried again.
 *
 * A cluster that is given has in `spec` what is to be brought about now, after a rollback too (see `specOf`).
 */
export interface ClusterDriver {
  /** Its name and what it can do: the API refuses what is not in it. */
  readonly description: DriverDescription;
  /** Brings the cluster to what its spec says: creates, updates, resizes, upgrades, rolls back, takes in. */
  apply(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult>;
  /** Removes what the back end has of the cluster. What the cluster's own controllers made outside of it is gone or given up by then. */
  remove(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult>;
  /** Compares without changing anything. */
  inspect(cluster: StoredCluster, context: ReconcileContext): Promise<Inspection>;
  /** Between operations: does what the last one did not wait for. A cluster that cannot be asked now is no error. */
  cleanUp?(cluster: StoredCluster, context: ReconcileContext): Promise<ClusterFacts>;
  /** Says what of a request cannot be: what it names and does not exist, for the project and the user who ask, and what the driver cannot do. */
  check(request: CheckRequest, signal: AbortSignal): Promise<ReferenceCheck>;
  /** The certificate of an authority, as PEM (`show-ca`). @throws CetusError `unsupported` for an authority that it has not */
  authority?(cluster: StoredCluster, kind: AuthorityKind, signal: AbortSignal): Promise<string>;
  /** A certificate for a client's request, both PEM; the request was checked (`sign-certificates`). */
  signCertificate?(cluster: StoredCluster, request: string, signal: AbortSignal): Promise<string>;
  /** Makes the administrator's certificate and kubeconfig anew before they run out; called between operations. */
  renewCredentials?(cluster: StoredCluster, context: ReconcileContext): Promise<ClusterFacts>;
}
