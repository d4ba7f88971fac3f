import { KubernetesConnection } from '@cetus/kubernetes/connection';
import type { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import { hasStatus, KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import { ServedApis } from '@cetus/kubernetes/served-apis';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import { openKubeconfig } from '../cluster/kubeconfig/sealed-kubeconfig.ts';
import { identify } from '../health/identity.ts';

/** A cluster as its administrator reaches it. */
export interface ClusterApi {
  connection: KubernetesConnection;
  apis: ServedApis;
}

/** A connection that is held. */
export interface HeldCluster extends ClusterApi {
  /** Gives it back. @param error what went wrong with it, if anything did */
  release(error?: unknown): void;
}

export interface ClusterConnectionsOptions {
  secrets: SecretBox;
  /** Where no cluster that others made may be. */
  deniedNetworks?: DeniedNetworks | undefined;
  /** How long a connection that nobody uses is kept, in milliseconds; default a minute. */
  idleMs?: number;
  /** How long one request may take, in milliseconds; default 10,000. */
  requestMs?: number;
  /** How long a cluster that did not answer is taken not to, in milliseconds; default 10,000. */
  silentMs?: number;
}

interface Kept extends ClusterApi {
  /** Of the kubeconfig that it was made of. */
  nonce: string;
  /** Resolves when it is known that it leads to the cluster that it led to before. */
  identified: Promise<unknown>;
  users: number;
  usedAt: number;
  /** Since when what the cluster serves is remembered. */
  apisSince: number;
  /** No other use begins with it. */
  retired: boolean;
  closed: boolean;
}

const IDLE_MS = 60_000;
const SILENT_MS = 10_000;
const REQUEST_MS = 10_000;
/** How long what a cluster serves is remembered, in milliseconds: it may be upgraded. */
const APIS_MS = 600_000;

/**
 * Connections to clusters, one each, shared by all that is done in them at once and kept a while: a new handshake for every step of every
 * application would cost more than the steps.
 */
export class ClusterConnections {
  private readonly options: ClusterConnectionsOptions;
  private readonly kept = new Map<string, Kept>();
  /** Clusters that did not answer, and since when nobody else asks them: one that waits is enough. */
  private readonly silent = new Map<string, { error: KubernetesUnreachableError; at: number }>();
  private readonly ending = new Set<Promise<void>>();
  private readonly sweeping: NodeJS.Timeout;

  constructor(options: ClusterConnectionsOptions) {
    this.options = options;
    this.sweeping = setInterval(() => this.sweep(), options.idleMs ?? IDLE_MS);
    this.sweeping.unref();
  }

  /**
   * Does something in a cluster, once it is known that nothing of another cluster is touched that came to its address.
   * @throws DifferentClusterError, KubernetesError, KubernetesUnreachableError, CetusError `conflict` when the cluster has no kubeconfig now,
   *   `invalid_field` when it leads where it may not; what `run` throws
   */
  async use<T>(
    cluster: StoredCluster,
    signal: AbortSignal,
    run: (api: ClusterApi) => Promise<T>,
  ): Promise<T> {
    const held = await this.hold(cluster, signal);
    try {
      const result = await run(held);
      held.release();
      return result;
    } catch (error) {
      held.release(error);
      throw error;
    }
  }

  /**
   * A connection for something that takes long, such as a stream: it is kept open until it is given back.
   * @throws as {@link use}
   */
  async hold(cluster: StoredCluster, signal: AbortSignal): Promise<HeldCluster> {
    this.requireHeard(cluster._id);
    const kept = this.take(cluster, signal);
    kept.users += 1;
    try {
      await kept.identified;
      this.silent.delete(cluster._id);
    } catch (error) {
      this.noteSilence(cluster._id, error);
      this.release(cluster._id, kept, true);
      throw error;
    }
    const { connection, apis } = kept;
    const release = (error?: unknown): void => {
      this.noteSilence(cluster._id, error);
      // Whoever answers next may be another.
      const lost = error instanceof KubernetesUnreachableError || hasStatus(error, 401);
      this.release(cluster._id, kept, lost);
    };
    return { connection, apis, release: once(release) };
  }

  /** Ends all connections; requests that go on fail. */
  async close(): Promise<void> {
    clearInterval(this.sweeping);
    for (const [id, kept] of this.kept) {
      this.retire(id, kept);
      this.end(kept);
    }
    await Promise.all(this.ending);
  }

  /** Else whatever has to do with a cluster that is silent would wait for it, and what has to do with others would wait for that. */
  private requireHeard(id: string): void {
    const silent = this.silent.get(id);
    if (silent === undefined) return;
    const now = Date.now();
    if (now - silent.at < (this.options.silentMs ?? SILENT_MS)) throw silent.error;
    // Whoever comes now asks it; the others go on as if it were silent.
    silent.at = now;
  }

  private noteSilence(id: string, error: unknown): void {
    if (error instanceof KubernetesUnreachableError) this.silent.set(id, { error, at: Date.now() });
  }

  private release(id: string, kept: Kept, lost: boolean): void {
    kept.users -= 1;
    kept.usedAt = Date.now();
    if (lost || kept.retired) this.retire(id, kept);
  }

  private take(cluster: StoredCluster, signal: AbortSignal): Kept {
    signal.throwIfAborted();
    const nonce = cluster.status.kubeconfig?.nonce ?? '';
    const before = this.kept.get(cluster._id);
    if (before !== undefined) {
      if (before.nonce === nonce && !before.retired) return before;
      this.retire(cluster._id, before);
    }
    const { secrets, deniedNetworks, requestMs = REQUEST_MS } = this.options;
    const connection = KubernetesConnection.fromKubeconfig(openKubeconfig(secrets, cluster), {
      requestTimeoutMs: requestMs,
      sockets: 8,
      // What the name of an imported cluster stands for may have changed since it was taken in.
      ...(cluster.spec.imported === null ? {} : { deniedNetworks }),
    });
    // Others wait for it too: who asked first may go away meanwhile, so their signal does not end it.
    const identified = identify(connection, cluster.health?.identity, nonce, {
      signal: new AbortController().signal,
      timeoutMs: requestMs,
    });
    identified.catch(() => undefined);
    const kept: Kept = {
      connection,
      apis: new ServedApis(connection),
      nonce,
      identified,
      users: 0,
      usedAt: Date.now(),
      apisSince: Date.now(),
      retired: false,
      closed: false,
    };
    this.kept.set(cluster._id, kept);
    return kept;
  }

  private retire(id: string, kept: Kept): void {
    kept.retired = true;
    if (this.kept.get(id) === kept) this.kept.delete(id);
    if (kept.users === 0) this.end(kept);
  }

  private end(kept: Kept): void {
    if (kept.closed) return;
    kept.closed = true;
    const ending = kept.connection.close().finally(() => this.ending.delete(ending));
    this.ending.add(ending);
  }

  private sweep(): void {
    const now = Date.now();
    for (const [id, { at }] of this.silent)
      if (now - at >= (this.options.idleMs ?? IDLE_MS)) this.silent.delete(id);
    for (const [id, kept] of this.kept) {
      if (kept.users === 0 && now - kept.usedAt >= (this.options.idleMs ?? IDLE_MS)) this.retire(id, kept);
      else if (now - kept.apisSince >= APIS_MS) {
        kept.apis.forget();
        kept.apisSince = now;
      }
    }
  }
}

function once(run: (error?: unknown) => void): (error?: unknown) => void {
  let done = false;
  return (error) => {
    if (done) return;
    done = true;
    run(error);
  };
}
