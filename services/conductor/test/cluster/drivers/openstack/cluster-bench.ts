import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptOperation } from '@cetus/shared/operations';
import { settle } from '@cetus/shared/reconcile';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import type { ClusterSpec, OperationPart, Requested, StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import type { ClusterDriver } from '../../../../src/cluster/cluster-driver.ts';
import { ClusterReconciler } from '../../../../src/cluster/cluster-reconciler.ts';
import { DriverRegistry } from '../../../../src/cluster/driver-registry.ts';
import type { Accounts, Cloud } from './clouds.ts';

/** A driver on a cloud, and one cluster, which is reconciled here as the conductor would. */
export class ClusterBench<D extends ClusterDriver> {
  readonly cloud: Cloud;
  readonly secrets = new SecretBox(KeyRing.parse(`test:${randomBytes(32).toString('base64')}`));
  cluster!: StoredCluster;
  protected readonly accounts: Accounts;
  private current!: { driver: D; reconciler: ClusterReconciler };

  protected constructor(cloud: Cloud, accounts: Accounts) {
    this.cloud = cloud;
    this.accounts = accounts;
  }

  get driver(): D {
    return this.current.driver;
  }

  /** From now on it is this one, in another process. */
  protected use(driver: D): void {
    const drain = { run: () => Promise.resolve(null) };
    this.current = { driver, reconciler: new ClusterReconciler(new DriverRegistry([driver]), drain) };
  }

  async close(): Promise<void> {
    await this.accounts.service.close();
    await this.cloud.close();
  }

  /** Asks for something, as the API would. */
  accept(
    requested: Exclude<Requested, 'create' | 'import'>,
    change: (spec: ClusterSpec) => ClusterSpec = (spec) => spec,
    options: { parts?: OperationPart[]; rollbackOnFailure?: boolean } = {},
  ): void {
    const { userId, projectId } = this.accounts;
    this.cluster = acceptOperation(this.cluster, {
      kind: CLUSTER,
      caller: { userId, projectId, requestId: 'req-1' },
      requested,
      spec: change(this.cluster.spec),
      deadlineMs: 240_000,
      ...options,
    });
  }

  /**
   * One round of the conductor.
   * @param options.lost true: what the round found and did is not written
   * @param options.deadlineExceeded true: the operation's time is over
   * @returns how long to wait for the next one, in milliseconds
   */
  async round(options: { lost?: boolean; deadlineExceeded?: boolean } = {}): Promise<number> {
    const handled = this.cluster;
    const deadlineExceeded = options.deadlineExceeded ?? false;
    const context = { signal: AbortSignal.timeout(60_000), deadlineExceeded };
    const outcome = await this.current.reconciler.reconcile(handled, context);
    if (options.lost === true) return 0;
    const {
      status = handled.status,
      operation = null,
      events,
    } = settle(this.cluster, handled, outcome, {
      kind: { name: CLUSTER.name, path: CLUSTER.name },
      now: new Date(),
      resyncMs: 0,
      attempts: 0,
    });
    this.cluster = { ...this.cluster, status, operation, sequence: this.cluster.sequence + events.length };
    return outcome.wakeUpAfterMs ?? 0;
  }

  /** Rounds until nothing that was asked for goes on any more. @returns the cluster's state */
  async settled(): Promise<string> {
    while (this.cluster.operation?.state === 'IN_PROGRESS') await delay(await this.round());
    return this.cluster.status.state;
  }
}
