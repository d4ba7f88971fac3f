import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import type { Blocker, Failure, StoredCluster } from '@cetus/shared/schemas';
import { startSimCloud, type SimCloud } from '@cetus/simcloud/sim-cloud';
import type { ClusterDriver, DriverResult } from '../../../src/cluster/cluster-driver.ts';
import { ClusterReconciler } from '../../../src/cluster/cluster-reconciler.ts';
import { DriverRegistry } from '../../../src/cluster/driver-registry.ts';
import { DriverBench } from '../drivers/heat/driver-bench.ts';
import { MagnumDriverBench } from '../drivers/magnum/driver-bench.ts';
import { storedCluster } from '../stored-cluster.ts';

const SERVER = 'OS::Nova::Server';
const WHY = 'the volume is in use';

/** The simulated cloud, for a bench; what goes wrong in it is told to `sim`. */
async function start<B>(bench: (target: Parameters<typeof DriverBench.start>[0]) => Promise<B>) {
  const sim: SimCloud = await startSimCloud({ resourceSeconds: { '*': 0.01 } });
  const cloud = {
    authUrl: sim.keystoneUrl,
    behave: () => Promise.resolve(),
    close: () => sim.close(),
  };
  return { sim, bench: await bench({ name: 'simulated', start: () => Promise.resolve(cloud) }) };
}

/** Accepts a delete, as with `?force=true`. */
function force(bench: DriverBench | MagnumDriverBench): void {
  bench.accept('delete');
  assert.ok(bench.cluster.operation !== null);
  bench.cluster.operation.force = true;
}

function leftBehind({ cluster }: DriverBench | MagnumDriverBench): Blocker[] {
  return cluster.operation?.left_behind ?? [];
}

/**
 * Servers cannot be deleted from now on, which takes a second to show: by that a failure is told from the one before it.
 * @param times the first so many times only
 */
function failServers(sim: SimCloud, times?: number): void {
  const fault = { fail: WHY, wait_secs: 1, ...(times === undefined ? {} : { times }) };
  sim.control.set({ resources: { [SERVER]: { delete: fault } } });
}

describe('A forced delete of a stack that Heat cannot remove', () => {
  let sim: SimCloud;
  let bench: DriverBench;
  before(async () => {
    ({ sim, bench } = await start((target) => DriverBench.start(target)));
  });
  beforeEach(async () => {
    sim.control.reset();
    bench.renew();
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
  });
  after(() => bench.close());

  it('ends, and names the stack and the resource that are left', async () => {
    failServers(sim);
    bench.accept('delete');
    assert.equal(await bench.settled(), 'DELETE_FAILED');
    assert.deepEqual(leftBehind(bench), [], 'nobody forced it');
    assert.notEqual(bench.cluster.status.secrets, null);
    force(bench);
    assert.equal(await bench.settled(), 'DELETE_COMPLETE');
    const stack = await bench.stack();
    const [whole, resource] = leftBehind(bench);
    assert.deepEqual([whole?.kind, whole?.name], ['OS::Heat::Stack', stack.stack_name]);
    assert.ok(whole?.reason.startsWith(stack.id));
    assert.equal(resource?.kind, SERVER);
    assert.match(resource.reason, new RegExp(WHY));
    const { secrets, kubeconfig, failure } = bench.cluster.status;
    assert.deepEqual([secrets, kubeconfig, failure], [null, null, null]);
  });

  it('leaves nothing behind that goes when it is told once more', async () => {
    failServers(sim, 1);
    force(bench);
    assert.equal(await bench.settled(), 'DELETE_COMPLETE');
    assert.deepEqual(leftBehind(bench), []);
    await assert.rejects(bench.stack(), 'the stack is gone');
  });
});

describe('A forced delete of a cluster that Magnum cannot remove', () => {
  let sim: SimCloud;
  let bench: MagnumDriverBench;
  before(async () => {
    ({ sim, bench } = await start((target) => MagnumDriverBench.start(target)));
  });
  beforeEach(async () => {
    sim.control.reset();
    bench.renew();
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
  });
  after(() => bench.close());

  it('ends, and names the cluster, its stack and the resource that are left', async () => {
    failServers(sim);
    force(bench);
    assert.equal(await bench.settled(), 'DELETE_COMPLETE');
    const [there] = await bench.clusters();
    assert.equal(there?.status, 'DELETE_FAILED');
    const [cluster, stack, resource] = leftBehind(bench);
    assert.deepEqual([cluster?.kind, cluster?.name], ['OS::Magnum::Cluster', there.name]);
    assert.ok(cluster?.reason.startsWith(there.uuid));
    assert.deepEqual([stack?.kind, stack?.name], ['OS::Heat::Stack', there.stack_id]);
    assert.equal(resource?.kind, SERVER);
  });

  it('leaves nothing behind that goes when it is told once more', async () => {
    failServers(sim, 1);
    force(bench);
    assert.equal(await bench.settled(), 'DELETE_COMPLETE');
    assert.deepEqual(leftBehind(bench), []);
    assert.deepEqual(await bench.clusters(), []);
  });
});

describe('What ends a forced delete', () => {
  const failure: Failure = { code: 'server_error', message: WHY };
  const remains = [{ kind: 'OS::Heat::Stack', name: 'cetus-1', reason: WHY }];
  const context = { signal: new AbortController().signal, deadlineExceeded: false };

  function reconcile(removed: () => Promise<DriverResult>, options: object = { force: true }) {
    const made = storedCluster({ creating: true });
    const operation = { ...made.operation, action: 'delete', ...options } as StoredCluster['operation'];
    const driver = { description: { name: 'fake', capabilities: [] }, remove: removed } as unknown;
    const drivers = new DriverRegistry([driver as ClusterDriver]);
    return new ClusterReconciler(drivers).reconcile({ ...made, operation }, context);
  }

  it('is the back end’s word that it failed, with what the cluster itself left before', async () => {
    const volume = { kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data', reason: 'in use' };
    const failed = () => Promise.resolve<DriverResult>({ phase: 'failed', facts: {}, failure, remains });
    const outcome = await reconcile(failed, { force: true, left_behind: [volume] });
    assert.equal(outcome.ended?.state, 'COMPLETE');
    assert.deepEqual(outcome.leftBehind, [...remains, volume]);
    const synced = outcome.conditions?.find(({ type }) => type === 'InSync');
    assert.equal(synced?.status, 'False');
    assert.equal((await reconcile(failed, {})).ended?.state, 'FAILED', 'nobody forced it');
  });

  it('is not a failure that says nothing of what is left', async () => {
    const outcome = await reconcile(() => Promise.resolve({ phase: 'failed', facts: {}, failure }));
    assert.equal(outcome.ended?.state, 'FAILED');
    assert.equal(outcome.leftBehind, undefined);
  });

  it('is neither silence nor a refusal, which would leave all of the cluster', async () => {
    for (const code of ['back_end_unavailable', 'back_end_refused'] as const) {
      const thrown = new CetusError(code, 'no');
      await assert.rejects(
        reconcile(() => Promise.reject(thrown)),
        thrown,
      );
    }
  });
});
