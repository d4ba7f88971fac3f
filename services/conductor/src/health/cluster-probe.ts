import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { KubernetesError } from '@cetus/kubernetes/errors';
import { word } from './brief.ts';
import type { HealthTracker } from './health-tracker.ts';
import { answerOf, identify } from './identity.ts';
import { troubleOf } from './trouble.ts';

/** How long a version that was read counts, in milliseconds. */
const VERSION_MS = 300_000;
/** Checks that failed and are named. */
const MAX_CHECKS = 50;

/** Asks a cluster's API server how it is, and whether it is the one that it was. */
export class ClusterProbe {
  private readonly connection: KubernetesConnection;
  private readonly tracker: HealthTracker;
  private readonly answerMs: number;
  private versionAt = Number.NEGATIVE_INFINITY;

  /** @param answerMs how long an answer may take, in milliseconds */
  constructor(connection: KubernetesConnection, tracker: HealthTracker, answerMs: number) {
    this.answerMs = answerMs;
    this.connection = connection;
    this.tracker = tracker;
  }

  /**
   * Asks, and notes in the tracker what is answered.
   * @param closely whether it may have become another cluster, or another version
   * @param nodes whether nodes could not be read, so that they must be before it counts as reached
   * @throws DifferentClusterError, KubernetesError, KubernetesUnreachableError
   */
  async ask({ closely, nodes }: { closely: boolean; nodes: boolean }, signal: AbortSignal): Promise<void> {
    const { connection, tracker } = this;
    const options = { signal, timeoutMs: this.answerMs };
    tracker.failedChecks = await this.failedChecks(options);
    // One that is not ready may not be able to say anything else.
    if ((tracker.failedChecks ?? []).length > 0) return;
    if (closely) tracker.identity = await identify(connection, tracker.identity, tracker.kubeconfig, options);
    if (nodes) await answerOf(connection, '/api/v1/nodes?limit=1', options, [401, 403]);
    const now = performance.now();
    if (!closely && now - this.versionAt < VERSION_MS) return;
    const version = await answerOf<{ gitVersion?: unknown }>(connection, '/version', options);
    tracker.version = typeof version?.gitVersion === 'string' ? word(version.gitVersion) : tracker.version;
    this.versionAt = now;
  }

  /** Which of the API server's own checks fail; null when it does not say. Source: the API server's `/readyz?verbose` */
  private async failedChecks(options: { signal: AbortSignal; timeoutMs: number }): Promise<string[] | null> {
    try {
      await this.connection.get('/readyz', { query: { verbose: true }, ...options });
      return [];
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      const failed = typeof error.body === 'string' ? [...error.body.matchAll(/^\[-\](\S+)/gm)] : [];
      if (failed.length > 0) return failed.slice(0, MAX_CHECKS).map(([, name]) => word(name));
      // Forbidden, or older than this address: it answers, and that is all that it tells.
      if (error.status === 401 || (error.status !== 403 && troubleOf(error) !== null)) throw error;
      return error.status >= 500 ? ['readyz'] : null;
    }
  }
}
