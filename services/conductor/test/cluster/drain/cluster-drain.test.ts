import assert from 'node:assert/strict';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { drainCluster } from '@cetus/kubernetes/drain';
import { KubernetesError, KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import type { Outcome } from '@cetus/shared/reconcile';
import type { Blocker, Operation, StoredCluster } from '@cetus/shared/schemas';
import type { DriverDescription } from '@cetus/shared/schemas';
import { createAuthority } from '@cetus/shared/pki';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import { waitFor } from '@cetus/test-kit';
import { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { ClusterReconciler } from '../../../src/cluster/cluster-reconciler.ts';
import type { ClusterDriver } from '../../../src/cluster/cluster-driver.ts';
import { ClusterDrain, type ClusterDrainOptions } from '../../../src/cluster/drain/cluster-drain.ts';
import { DriverRegistry } from '../../../src/cluster/driver-registry.ts';
import { openKubeconfig, sealKubeconfig } from '../../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { adminKubeconfig, simSpec } from '../../health/sim-cluster.ts';
import { storedCluster } from '../stored-cluster.ts';

const BALANCER: Blocker = { kind: 'Service', namespace: 'shop', name: 'web', reason: 'is being deleted' };
const VOLUME: Blocker = {
  kind: 'PersistentVolumeClaim',
  namespace: 'shop',
  name: 'data',
  reason: 'used by pod db',
};
const MAKER: { description: DriverDescription } = { description: { name: 'fake', capabilities: ['create'] } };
const ID = 'the-cluster';

describe('The draining of a cluster that is deleted', () => {
  const box = new SecretBox(KeyRing.parse(`k1:${Buffer.alloc(32, 7).toString('base64')}`));
  const authority = createAuthority({ commonName: 'test', days: 1 });
  const host = new KubernetesHost();
  let kubeconfig: ReturnType<typeof sealKubeconfig>;

  before(async () => {
    await host.apply(simSpec(ID, authority));
    kubeconfig = sealKubeconfig(box, ID, adminKubeconfig(host.get(ID)?.url ?? '', authority));
  });
  after(() => host.close());

  const inAnHour = (): Date => new Date(Date.now() + 3_600_000);

  /** A cluster that was followed, whose delete was accepted and has an hour. */
  function deleted(operation: Partial<Operation> = {}, changes: Partial<StoredCluster> = {}): StoredCluster {
    const made = storedCluster({ status: { kubeconfig } });
    return {
      ...made,
      _id: ID,
      operation: {
        ...(made.operation as Operation),
        action: 'delete',
        state: 'IN_PROGRESS',
        deadline_at: inAnHour(),
        ...operation,
      },
      health: { last_contact: new Date() } as StoredCluster['health'],
      ...changes,
    };
  }

  /** Rounds of one delete, each with what is written by the one before. */
  class Rounds {
    cluster: StoredCluster;
    remaining: Blocker[] | Error = [];
    looks = 0;
    private readonly drain: ClusterDrain;

    constructor(cluster: StoredCluster, options: Partial<ClusterDrainOptions> = {}) {
      this.cluster = cluster;
      const remove = () => {
        this.looks += 1;
        const { remaining } = this;
        return remaining instanceof Error ? Promise.reject(remaining) : Promise.resolve({ remaining });
      };
      this.drain = new ClusterDrain({ secrets: box, timeoutMs: 60_000, remove, ...options });
    }

    async next(driver = MAKER, deadlineExceeded = false): Promise<Outcome<StoredCluster> | null> {
      const context = { signal: new AbortController().signal, deadlineExceeded };
      const outcome = await this.drain.run(this.cluster, driver, context);
      if (outcome !== null) {
        const { blockedBy, leftBehind } = outcome;
        this.cluster = {
          ...this.cluster,
          status: { ...this.cluster.status, ...outcome.status },
          operation: {
            ...(this.cluster.operation as Operation),
            ...(blockedBy === undefined ? {} : { blocked_by: [...blockedBy] }),
            ...(leftBehind === undefined ? {} : { left_behind: [...leftBehind] }),
          },
        };
      }
      return outcome;
    }
    /** As if so much time had passed since the first round, since the cluster fell silent, and of what the delete has. */
    later(ms: number): void {
      const { operation, status } = this.cluster;
      const { drain } = status;
      assert.ok(drain !== undefined && operation !== null);
      const earlier = (at: Date): Date => new Date(at.getTime() - ms);
      operation.deadline_at = earlier(operation.deadline_at);
      this.cluster.status.drain = {
        ...drain,
        started_at: earlier(drain.started_at),
        silent_since: drain.silent_since && earlier(drain.silent_since),
      };
    }
  }

  const silence = new KubernetesUnreachableError({ method: 'GET', path: '/' }, 'connect ECONNREFUSED', {
    code: 'ECONNREFUSED',
    maybeSent: false,
    cause: undefined,
  });

  it('waits for what blocks, says so, and lets the cluster go when it is gone', async () => {
    const rounds = new Rounds(deleted());
    rounds.remaining = [BALANCER, VOLUME];
    const first = await rounds.next();
    assert.equal(first?.ended, undefined);
    assert.match(
      first?.progress ?? '',
      /Service shop\/web \(is being deleted\), PersistentVolumeClaim shop\/data/,
    );
    assert.deepEqual(rounds.cluster.operation?.blocked_by, [BALANCER, VOLUME]);
    rounds.remaining = [];
    const last = await rounds.next();
    assert.equal(last?.wakeUpAfterMs, 0);
    assert.deepEqual(rounds.cluster.operation?.blocked_by, []);
    assert.equal(rounds.cluster.operation?.left_behind, undefined);
    assert.equal(await rounds.next(), null);
    assert.equal(rounds.looks, 2, 'it is not looked for again');
  });

  it('removes load balancers through the cluster’s own API', async () => {
    const connection = KubernetesConnection.fromKubeconfig(openKubeconfig(box, deleted()));
    const services = '/api/v1/namespaces/default/services';
    const ports = [{ port: 80, targetPort: 80 }];
    await connection.request('POST', services, {
      body: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { type: 'LoadBalancer', ports },
      },
    });
    const rounds = new Rounds(deleted(), { remove: drainCluster });
    const blocked = await rounds.next();
    assert.equal(blocked?.blockedBy?.[0]?.name, 'web');
    await waitFor(async () => (await rounds.next()) === null, { what: 'the cluster can be removed' });
    await assert.rejects(connection.get(`${services}/web`), KubernetesError);
    assert.equal(rounds.cluster.operation?.left_behind, undefined);
    await connection.close();
  });

  it('begins anew with another delete', async () => {
    const rounds = new Rounds(deleted());
    await rounds.next();
    rounds.cluster.operation = { ...(rounds.cluster.operation as Operation), uuid: 'another' };
    assert.notEqual(await rounds.next(), null);
  });

  it('fails when it takes too long, or the operation has no more time', async () => {
    const rounds = new Rounds(deleted());
    rounds.remaining = [BALANCER, VOLUME];
    await rounds.next();
    rounds.later(59_000);
    assert.equal((await rounds.next())?.ended, undefined);
    rounds.later(1_000);
    const outcome = await rounds.next();
    assert.ok(outcome?.ended?.state === 'FAILED');
    assert.equal(outcome.ended.failure.code, 'delete_blocked');
    assert.match(outcome.ended.failure.message, /Service shop\/web .*PersistentVolumeClaim shop\/data/);
    assert.deepEqual(outcome.blockedBy, [BALANCER, VOLUME]);

    const late = new Rounds(deleted());
    late.remaining = [BALANCER];
    assert.equal((await late.next(MAKER, true))?.ended?.state, 'FAILED');
  });

  it('leaves the removal half of the time that the delete has, however long it may wait', async () => {
    const timeoutMs = 24 * 3_600_000;
    const rounds = new Rounds(deleted(), { timeoutMs });
    rounds.remaining = [BALANCER];
    await rounds.next();
    rounds.later(29 * 60_000);
    assert.equal((await rounds.next())?.ended, undefined);
    rounds.later(60_000);
    const outcome = await rounds.next();
    assert.ok(outcome?.ended?.state === 'FAILED');
    assert.equal(outcome.ended.failure.code, 'delete_blocked');

    const silent = new Rounds(deleted(), { silenceMs: timeoutMs });
    silent.remaining = silence;
    await silent.next();
    silent.later(29 * 60_000);
    assert.notEqual((await silent.next())?.status?.drain?.ended, true);
    silent.later(60_000);
    assert.equal((await silent.next())?.status?.drain?.ended, true);
    assert.equal(await silent.next(), null);

    const forced = new Rounds(deleted({ force: true }), { forcedMs: timeoutMs });
    forced.remaining = [VOLUME];
    await forced.next();
    forced.later(30 * 60_000);
    await forced.next();
    assert.equal(await forced.next(), null);
  });

  it('does not say that a cluster is being removed whose delete has no time left', async () => {
    const rounds = new Rounds(deleted());
    const outcome = await rounds.next(MAKER, true);
    assert.equal(outcome?.progress, 'The cluster itself is still to be removed');
  });

  it('goes on when it is forced, and says what it leaves behind', async () => {
    const rounds = new Rounds(deleted({ force: true }));
    rounds.remaining = [VOLUME];
    assert.equal((await rounds.next())?.leftBehind, undefined, 'it gives the cluster a moment');
    rounds.later(20_000);
    await rounds.next();
    assert.deepEqual(rounds.cluster.operation?.left_behind, [VOLUME]);
    assert.equal(await rounds.next(), null);
  });

  it('tries a while to reach a cluster, then goes on and says what it could not do', async () => {
    const rounds = new Rounds(deleted());
    rounds.remaining = [BALANCER];
    await rounds.next();
    rounds.remaining = silence;
    assert.match((await rounds.next())?.progress ?? '', /Trying to reach the cluster/);
    rounds.later(119_000);
    rounds.remaining = [BALANCER];
    await rounds.next();
    rounds.remaining = silence;
    await rounds.next();
    rounds.later(119_000);
    assert.equal((await rounds.next())?.leftBehind, undefined, 'it had answered meanwhile');
    rounds.later(1_000);
    await rounds.next();
    const [left, unlisted] = rounds.cluster.operation?.left_behind ?? [];
    assert.deepEqual(left, BALANCER);
    assert.match(unlisted?.reason ?? '', /could not be listed: connect ECONNREFUSED/);
    assert.equal(await rounds.next(), null);

    const forced = new Rounds(deleted({ force: true }));
    forced.remaining = silence;
    await forced.next();
    assert.equal(await forced.next(), null);
  });

  it('ends a forced delete of a cluster that answers too slowly, or that nobody can understand', async () => {
    const slow = (_: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<never> =>
      new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    const rounds = new Rounds(deleted({ force: true }), { remove: slow, forcedMs: 50 });
    await rounds.next();
    assert.equal(await rounds.next(), null);
    const odd = new Rounds(deleted({ force: true }));
    odd.remaining = new TypeError('page.items is not iterable');
    await odd.next();
    assert.match(odd.cluster.operation?.left_behind?.[0]?.reason ?? '', /could not be listed: its answers/);
    assert.equal(await odd.next(), null);
  });

  it('writes no more of what blocks than fits into a document', async () => {
    const rounds = new Rounds(deleted());
    rounds.remaining = Array.from({ length: 5_000 }, () => ({ ...BALANCER, reason: 'x'.repeat(5_000) }));
    const outcome = await rounds.next();
    assert.ok(JSON.stringify(outcome).length < 100_000);
    assert.match(outcome?.progress ?? '', /and 4995 more/);
  });

  it('does not touch another cluster at the address', async () => {
    const identity = { uid: 'another', kubeconfig: kubeconfig.nonce };
    const health = { last_contact: new Date(), identity } as StoredCluster['health'];
    const rounds = new Rounds(deleted({}, { health }), { silenceMs: 0 });
    await rounds.next();
    assert.equal(rounds.looks, 0);
    assert.match(rounds.cluster.operation?.left_behind?.[0]?.reason ?? '', /Another cluster answers/);
  });

  it('is not for clusters that others made, nor for those that were never reached', async () => {
    const importer = { description: { name: 'import', capabilities: ['import' as const] } };
    assert.equal(await new Rounds(deleted()).next(importer), null);
    assert.equal(await new Rounds(deleted({}, { health: null })).next(), null);
    const cluster = deleted();
    cluster.status.kubeconfig = null;
    assert.equal(await new Rounds(cluster).next(), null);
  });

  it('does not go on for ever when the kubeconfig cannot be used', async () => {
    const cluster = deleted();
    cluster.status.kubeconfig = sealKubeconfig(box, ID, 'nonsense');
    const rounds = new Rounds(cluster);
    await rounds.next();
    assert.equal(await rounds.next(), null);
    assert.match(rounds.cluster.operation?.left_behind?.[0]?.reason ?? '', /kubeconfig cannot be used/);
  });

  it('gives up when the round is given up', async () => {
    const signal = AbortSignal.abort(new Error('lease lost'));
    const drain = new ClusterDrain({ secrets: box, timeoutMs: 60_000 });
    await assert.rejects(drain.run(deleted(), MAKER, { signal, deadlineExceeded: false }), /lease lost/);
  });

  it('comes before the driver, which removes nothing until then', async () => {
    let removed = 0;
    const unused = (): never => assert.fail('not to be called');
    const driver: ClusterDriver = {
      ...MAKER,
      apply: unused,
      check: unused,
      inspect: unused,
      remove: () => Promise.resolve({ phase: 'done', facts: {} }).finally(() => (removed += 1)) as never,
    };
    let drained: Outcome<StoredCluster> | null = { progress: 'draining', wakeUpAfterMs: 1 };
    const reconciler = new ClusterReconciler(new DriverRegistry([driver]), {
      run: () => Promise.resolve(drained),
    });
    const context = { signal: new AbortController().signal, deadlineExceeded: false };
    assert.equal(await reconciler.reconcile(deleted(), context), drained);
    assert.equal(removed, 0);
    drained = null;
    assert.equal((await reconciler.reconcile(deleted(), context)).ended?.state, 'COMPLETE');
    assert.equal(removed, 1);
  });
});
