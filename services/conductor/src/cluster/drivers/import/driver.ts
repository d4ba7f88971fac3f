import { KubernetesConnection } from '@cetus/kubernetes/connection';
import type { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import { readKubeconfig, type ClusterAccess } from '@cetus/kubernetes/kubeconfig';
import { CetusError } from '@cetus/shared/errors';
import { certificateInfo } from '@cetus/shared/pki';
import { failureFrom, type ReconcileContext } from '@cetus/shared/reconcile';
import type { DriverDescription, Failure, StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type {
  AuthorityKind,
  CheckRequest,
  ClusterDriver,
  ClusterFacts,
  DriverResult,
  ImportRequest,
  Inspection,
  ReferenceCheck,
  ReferenceProblem,
} from '../../cluster-driver.ts';
import { openKubeconfig, sealKubeconfig } from '../../kubeconfig/sealed-kubeconfig.ts';
import { guardCluster } from './cluster-error.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { signThroughCluster } from './signing.ts';
import { nodeFacts, viewCluster, type ClusterView } from './view.ts';

export interface ImportDriverOptions {
  secrets: SecretBox;
  /** Where no cluster may be; default: anywhere. */
  deniedNetworks?: DeniedNetworks;
  /** How long a cluster's signature is waited for, in milliseconds. Default 7000. */
  signTimeoutMs?: number;
  /** How long a cluster may take to be looked at before it is taken in, in milliseconds. Default 8000. */
  checkTimeoutMs?: number;
}

/** Of a connection to a cluster. Its owner may mean harm: no answer may be larger. */
const LIMITS = { connectTimeoutMs: 3_000, requestTimeoutMs: 10_000, maxBodyBytes: 8 * 1024 * 1024 };
const SPEC_FIELD = 'spec.imported.kubeconfig';

/**
 * Takes in clusters that others made, by a kubeconfig. Such a cluster is looked at, followed and used as any other; it is not changed,
 * and when it is removed from Cetus it lives on.
 */
export class ImportDriver implements ClusterDriver {
  readonly description: DriverDescription = {
    name: 'import',
    capabilities: ['import', 'show-ca', 'sign-certificates'],
  };
  private readonly secrets: SecretBox;
  private readonly signTimeoutMs: number;
  private readonly checkTimeoutMs: number;
  private readonly deniedNetworks: DeniedNetworks | undefined;

  constructor(options: ImportDriverOptions) {
    const { secrets, deniedNetworks, signTimeoutMs = 7_000, checkTimeoutMs = 8_000 } = options;
    this.secrets = secrets;
    this.deniedNetworks = deniedNetworks;
    this.signTimeoutMs = signTimeoutMs;
    this.checkTimeoutMs = checkTimeoutMs;
  }

  async check({ spec, imported }: CheckRequest, signal: AbortSignal): Promise<ReferenceCheck> {
    if (imported !== undefined) return this.checkImport(imported, signal);
    // Something else of a cluster changes than how it is reached.
    if (spec?.imported != null) return { problems: [], image: null };
    const detail = 'The driver import takes in clusters that are there; it makes none';
    return { problems: [{ field: 'driver', code: 'unsupported', detail }], image: null };
  }

  /** Begins to use the kubeconfig of the spec: the first one, or one that replaces it. */
  apply(cluster: StoredCluster, { signal }: ReconcileContext): Promise<DriverResult> {
    return judge<DriverResult>(
      async () => {
        const kubeconfig = this.openSpec(cluster);
        const facts = await this.factsOf(cluster, kubeconfig, signal);
        const sealed = sealKubeconfig(this.secrets, cluster._id, kubeconfig);
        return { phase: 'done', facts: { ...facts, kubeconfig: sealed } };
      },
      (failure) => ({ phase: 'failed', facts: {}, failure }),
    );
  }

  inspect(cluster: StoredCluster, { signal }: ReconcileContext): Promise<Inspection> {
    return judge<Inspection>(
      async () => {
        const kubeconfig =
          cluster.status.kubeconfig === null ? this.openSpec(cluster) : openKubeconfig(this.secrets, cluster);
        return { facts: await this.factsOf(cluster, kubeconfig, signal), failure: null, drift: null };
      },
      (failure) => ({ facts: {}, failure, drift: null }),
    );
  }

  /** Forgets the cluster, which lives on. */
  remove(): Promise<DriverResult> {
    return Promise.resolve({ phase: 'done', facts: { kubeconfig: null } });
  }

  async authority(cluster: StoredCluster, kind: AuthorityKind): Promise<string> {
    if (kind !== 'kubernetes') {
      throw new CetusError('unsupported', `Of an imported cluster the authority ${kind} is not known`);
    }
    const { authorityCertificate } = readKubeconfig(openKubeconfig(this.secrets, cluster));
    if (authorityCertificate === undefined) {
      throw new CetusError('unsupported', 'The kubeconfig holds no authority: it trusts public ones');
    }
    return Promise.resolve(authorityCertificate);
  }

  async signCertificate(cluster: StoredCluster, request: string, signal: AbortSignal): Promise<string> {
    const access = readKubeconfig(openKubeconfig(this.secrets, cluster));
    const options = { clusterId: cluster._id, timeoutMs: this.signTimeoutMs, signal };
    return this.connected(access, (connection) => signThroughCluster(connection, request, options));
  }

  private async checkImport(
    { clusterId, kubeconfig, context, cluster }: ImportRequest,
    signal: AbortSignal,
  ): Promise<ReferenceCheck> {
    const deadline = AbortSignal.timeout(this.checkTimeoutMs);
    try {
      const access = readKubeconfig(kubeconfig, { context });
      const { uid } = await this.look(access, AbortSignal.any([signal, deadline]));
      if (cluster !== undefined) requireSame(cluster, uid, access);
      const sealed = this.secrets.seal(kubeconfigFor(access), { id: clusterId, field: SPEC_FIELD });
      return { problems: [], image: null, imported: { kubeconfig: sealed, server: access.server } };
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted) return { problems: [TOO_SLOW], image: null };
      if (!(error instanceof CetusError)) throw error;
      return { problems: [problemOf(error)], image: null };
    }
  }

  private async factsOf(
    cluster: StoredCluster,
    kubeconfig: string,
    signal: AbortSignal,
  ): Promise<ClusterFacts> {
    const access = readKubeconfig(kubeconfig);
    const { uid, version, nodes } = await this.look(access, signal);
    requireSame(cluster, uid, access);
    return {
      api_address: access.server,
      coe_version: version,
      ...nodeFacts(nodes),
      certificates: {
        ca_expires_at: expiryOf(access.authorityCertificate),
        client_expires_at: expiryOf(access.clientCertificate),
      },
      driver_state: { ...cluster.status.driver_state, cluster_uid: uid },
    };
  }

  private openSpec({ _id, spec }: StoredCluster): string {
    if (spec.imported === null)
      throw new CetusError('unsupported', 'The cluster has no kubeconfig to be taken in by');
    return this.secrets.open(spec.imported.kubeconfig, { id: _id, field: SPEC_FIELD });
  }

  /** Looks at a cluster, and whether it can be used. @throws CetusError saying why not */
  private look(access: ClusterAccess, signal: AbortSignal): Promise<ClusterView> {
    return this.connected(access, (connection) => viewCluster(connection, signal));
  }

  /** Runs something with a connection that is closed afterwards. */
  private async connected<T>(
    access: ClusterAccess,
    run: (connection: KubernetesConnection) => Promise<T>,
  ): Promise<T> {
    const { deniedNetworks } = this;
    const connection = new KubernetesConnection(access, { ...LIMITS, deniedNetworks });
    try {
      return await guardCluster(() => run(connection));
    } finally {
      await connection.close();
    }
  }
}

/** What only a person can mend is the cluster's failure; anything else is thrown, and tried again. */
async function judge<T>(run: () => Promise<T>, failed: (failure: Failure) => T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof CetusError) || error.retryable) throw error;
    return failed(failureFrom(error));
  }
}

const TOO_SLOW: ReferenceProblem = {
  field: 'kubeconfig',
  code: 'cluster_unreachable',
  detail: 'The cluster takes too long to answer',
};

/** To whoever sent the kubeconfig its cluster is no back end of ours that fails: the kubeconfig is wrong. */
function problemOf(error: CetusError): ReferenceProblem {
  const silent = error.code === 'back_end_unavailable' || error.code === 'back_end_refused';
  return {
    field: error.field ?? 'kubeconfig',
    code: silent ? 'cluster_unreachable' : error.code,
    detail: error.message,
  };
}

/** @throws CetusError `cluster_replaced` when another cluster was taken in than the one that answers now */
function requireSame({ status }: StoredCluster, uid: string, { server }: ClusterAccess): void {
  const known = status.driver_state['cluster_uid'];
  if (known === undefined || known === uid) return;
  throw new CetusError(
    'cluster_replaced',
    `At ${server} there is another cluster than the one that was imported; import it as a cluster of its own`,
  );
}

function expiryOf(certificate: string | undefined): Date | null {
  return certificate === undefined ? null : certificateInfo(certificate).notAfter;
}
