import assert from 'node:assert/strict';
import { runRound } from '@cetus/shared/reconcile';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { ClusterDriver, DriverResult, Inspection } from '../../src/cluster/cluster-driver.ts';
import { ClusterReconciler } from '../../src/cluster/cluster-reconciler.ts';
import { DriverRegistry } from '../../src/cluster/driver-registry.ts';
import { storedCluster } from './stored-cluster.ts';

const context = { signal: new AbortController().signal, deadlineExceeded: false };
const FAILURE = { code: 'stack_missing', message: 'The stack is gone' };

function reconcilerOf(answers: {
  applied?: DriverResult;
  inspected?: Partial<Inspection>;
}): ClusterReconciler {
  const driver = {
    description: { name: 'fake', capabilities: [] },
    apply: () => Promise.resolve(answers.applied),
    inspect: () => Promise.resolve({ facts: {}, failure: null, drift: null, ...answers.inspected }),
  } as unknown as ClusterDriver;
  return new ClusterReconciler(new DriverRegistry([driver]));
}

describe('ClusterReconciler', () => {
  it('waits for a conductor with the driver that a cluster needs, and fails nothing', async () => {
    const reconciler = reconcilerOf({});
    const going = storedCluster({ creating: true, spec: { driver: 'other' } });
    const outcome = await reconciler.reconcile(going, context);
    assert.equal(outcome.ended, undefined);
    assert.match(outcome.progress ?? '', /driver other/);
    assert.ok((outcome.wakeUpAfterMs ?? 0) > 0);
    // What it says is the reason when the time of the operation is over.
    assert.ok(going.operation);
    const begun = { ...going, operation: { ...going.operation, started_at: new Date() } };
    const late = await runRound(reconciler, begun, context.signal, {
      now: new Date(Date.now() + 3_600_000),
      backoff: { initialMs: 1, maxMs: 1 },
    });
    assert.ok(late.outcome.ended?.state === 'FAILED');
    assert.equal(late.outcome.ended.failure.code, 'operation_deadline_exceeded');
    assert.match(late.outcome.ended.failure.message, /driver other/);
    assert.deepEqual(await reconciler.reconcile(storedCluster({ spec: { driver: 'other' } }), context), {});
  });

  it('tells of what was applied only with the end of the operation that brought it', async () => {
    const cluster = storedCluster({ creating: true });
    const outcome = await reconcilerOf({ applied: { phase: 'done', facts: {} } }).reconcile(cluster, context);
    assert.deepEqual(outcome.ended, { state: 'COMPLETE', status: { applied_spec: cluster.spec } });
    assert.ok(!('applied_spec' in (outcome.status ?? {})));
  });

  it('does not look again for nodes that are gone, when it goes back to how it was without them', async () => {
    const group = { uuid: 'g', name: 'pool', nodes_to_remove: ['server-1'] };
    const cluster = storedCluster({ creating: true, spec: { node_groups: [group as never] } });
    const { ended } = await reconcilerOf({ applied: { phase: 'done', facts: {} } }).reconcile(
      cluster,
      context,
    );
    assert.ok(ended?.state === 'COMPLETE');
    assert.deepEqual(ended.status?.applied_spec?.node_groups, [{ ...group, nodes_to_remove: [] }]);
  });

  it('keeps to what a rollback went back to when that drifts, and when it is mended', async () => {
    const rolledBack: StoredCluster = storedCluster({ status: { state: 'ROLLBACK_COMPLETE' } });
    const drifted = await reconcilerOf({ inspected: { failure: FAILURE } }).reconcile(rolledBack, context);
    assert.deepEqual(drifted.drifted, { state: 'ROLLBACK_FAILED', failure: FAILURE });
    const failed = storedCluster({ status: { state: 'ROLLBACK_FAILED' } });
    const mended = await reconcilerOf({}).reconcile(failed, context);
    assert.deepEqual(mended.drifted, { state: 'ROLLBACK_COMPLETE', failure: null });
  });

  it('tells of any other drift as of an update that failed', async () => {
    const made = storedCluster();
    const drifted = await reconcilerOf({ inspected: { failure: FAILURE } }).reconcile(made, context);
    assert.equal(drifted.drifted?.state, 'UPDATE_FAILED');
    const mended = await reconcilerOf({}).reconcile(
      storedCluster({ status: { state: 'UPDATE_FAILED' } }),
      context,
    );
    assert.equal(mended.drifted?.state, 'UPDATE_COMPLETE');
  });
});
