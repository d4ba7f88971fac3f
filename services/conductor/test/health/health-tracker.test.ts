import assert from 'node:assert/strict';
import type { ClusterHealth, Condition } from '@cetus/shared/schemas';
import { HealthTracker, type ToldHealth } from '../../src/health/health-tracker.ts';
import type { Part } from '../../src/health/parts.ts';

const LIMITS = { unreachableMs: 20_000, unhealthyMs: 10_000, healthyMs: 5_000 };
const T = Date.parse('2030-01-01T00:00:00Z');
const NO_ANSWER = { reason: 'NoAnswer' as const, message: 'connect ECONNREFUSED' };

function node(name: string, changes: Partial<Part> = {}): Part {
  return {
    name,
    ready: 'True',
    trouble: null,
    createdAt: T - 3_600_000,
    fresh: false,
    leaving: false,
    ...changes,
  };
}
const NOT_READY = { ready: 'False', trouble: 'KubeletNotReady' };

function said(told: ToldHealth | null, type: string): Omit<Condition, 'since'> {
  const found = told?.conditions.find((condition) => condition.type === type);
  assert.ok(found !== undefined, `${type} is told`);
  return found;
}

/** A tracker of a cluster that answers and is well at T. */
function healthy(): HealthTracker {
  const tracker = new HealthTracker(null, 'k1', LIMITS, T);
  tracker.reachability.contact(T);
  tracker.see(tracker.nodes, node('n1'));
  tracker.see(tracker.nodes, node('n2'));
  tracker.nodesKnown = true;
  assert.equal(tracker.tell(T)?.status, 'HEALTHY');
  return tracker;
}

function asWritten(told: ToldHealth | null): ClusterHealth {
  assert.ok(told !== null);
  return {
    ...told,
    conditions: told.conditions.map((condition) => ({ ...condition, since: new Date(T).toISOString() })),
  };
}

describe('The health of a cluster', () => {
  it('is not told before anything is known', () => {
    const tracker = new HealthTracker(null, 'k1', LIMITS, T);
    assert.equal(tracker.tell(T), null);
    tracker.reachability.contact(T);
    assert.equal(tracker.tell(T + 1_000), null, 'it answers, and its nodes will be there in a moment');
    const told = tracker.tell(T + 10_000);
    assert.equal(said(told, 'Reachable').status, 'True');
    assert.equal(said(told, 'Healthy').status, 'Unknown');
  });

  it('has the reasons in Magnum’s words', () => {
    const tracker = healthy();
    const told = tracker.tell(T);
    assert.deepEqual(told?.reasons, { api: 'ok', 'n1.Ready': 'True', 'n2.Ready': 'True' });
    assert.deepEqual(told?.nodes, { ready: 2, total: 2 });
  });

  it('is unhealthy when a node is not ready for a while, and healthy when it is again', () => {
    const tracker = healthy();
    tracker.see(tracker.nodes, node('n2', NOT_READY));
    assert.equal(tracker.tell(T + 1_000)?.status, 'HEALTHY');
    assert.equal(tracker.tell(T + 10_999)?.status, 'HEALTHY');
    const bad = tracker.tell(T + 11_000);
    assert.equal(bad?.status, 'UNHEALTHY');
    assert.match(said(bad, 'Healthy').message, /^Node n2 is not ready: KubeletNotReady$/);
    assert.equal(bad.reasons['n2.Ready'], 'False');
    assert.deepEqual(bad.nodes, { ready: 1, total: 2 });
    tracker.see(tracker.nodes, node('n2'));
    assert.equal(tracker.tell(T + 12_000)?.status, 'UNHEALTHY');
    assert.equal(tracker.tell(T + 17_000)?.status, 'HEALTHY');
  });

  it('does not follow a blink, in either direction', () => {
    const tracker = healthy();
    const before = tracker.tell(T);
    for (let second = 1; second < 60; second += 1) {
      tracker.see(tracker.nodes, node('n2', second % 3 === 0 ? {} : NOT_READY));
      assert.deepEqual(tracker.tell(T + second * 1_000)?.conditions, before?.conditions);
    }
  });

  it('names pressures, failing checks and pods that are not ready', () => {
    const tracker = healthy();
    tracker.see(tracker.nodes, node('n1', { trouble: 'DiskPressure' }));
    tracker.see(tracker.pods, node('coredns-1', { ready: 'False', trouble: 'CrashLoopBackOff' }));
    tracker.failedChecks = ['etcd'];
    tracker.tell(T + 1_000);
    const told = tracker.tell(T + 20_000);
    assert.equal(said(told, 'Healthy').reason, 'ApiServerNotReady');
    assert.match(
      said(told, 'Healthy').message,
      /etcd fails; node n1 has DiskPressure; pod kube-system\/coredns-1 is not ready: CrashLoopBackOff/,
    );
    assert.deepEqual(told?.reasons, {
      api: 'failed: etcd',
      'kube-system/coredns-1.Ready': 'CrashLoopBackOff',
      'n1.Ready': 'True',
      'n1.DiskPressure': 'True',
      'n2.Ready': 'True',
    });
  });

  it('gives a node time to start, but not one that was ready', () => {
    const tracker = healthy();
    const starting = { ...NOT_READY, createdAt: T, fresh: true };
    tracker.see(tracker.nodes, node('n3', starting));
    tracker.tell(T + 1_000);
    assert.equal(tracker.tell(T + 170_000)?.status, 'HEALTHY');
    tracker.tell(T + 181_000);
    assert.equal(tracker.tell(T + 191_000)?.status, 'UNHEALTHY');

    const other = healthy();
    other.see(other.nodes, node('n3', { createdAt: T }));
    other.see(other.nodes, node('n3', starting));
    other.tell(T + 1_000);
    assert.equal(other.tell(T + 11_000)?.status, 'UNHEALTHY');
  });

  it('gives no node time to start that was ready when another process looked', () => {
    const before = asWritten(healthy().tell(T));
    const tracker = new HealthTracker(before, 'k1', LIMITS, T);
    tracker.reachability.contact(T);
    tracker.see(tracker.nodes, node('n1', { ...NOT_READY, createdAt: T, fresh: true }));
    tracker.nodesKnown = true;
    tracker.tell(T);
    tracker.reachability.contact(T + 10_000);
    assert.equal(tracker.tell(T + 10_000)?.status, 'UNHEALTHY');
  });

  it('is not known, not bad, while the cluster cannot be reached', () => {
    const tracker = healthy();
    tracker.reachability.trouble(NO_ANSWER, T + 1_000);
    tracker.reachability.trouble(NO_ANSWER, T + 10_000);
    assert.equal(tracker.tell(T + 20_999)?.status, 'HEALTHY');
    const told = tracker.tell(T + 21_000);
    assert.deepEqual(
      [said(told, 'Reachable').status, said(told, 'Reachable').reason, said(told, 'Reachable').message],
      ['False', 'NoAnswer', NO_ANSWER.message],
    );
    assert.equal(told?.status, 'UNKNOWN');
    assert.match(said(told, 'Healthy').message, /it was healthy: The API server, the nodes/);
    assert.deepEqual(told.last_contact, new Date(T));
    assert.equal(told.reasons['api'], 'NoAnswer');
    assert.deepEqual(tracker.tell(T + 60_000), told, 'and stays so');
  });

  it('is reachable again at the first answer, and known again when its nodes are', () => {
    const tracker = healthy();
    tracker.reachability.trouble(NO_ANSWER, T);
    tracker.reachability.trouble(NO_ANSWER, T + 20_000);
    tracker.tell(T + 20_000);
    tracker.reachability.contact(T + 30_000);
    const told = tracker.tell(T + 30_000);
    assert.equal(said(told, 'Reachable').status, 'True');
    assert.equal(said(told, 'Healthy').status, 'Unknown');
    tracker.nodesKnown = true;
    assert.equal(tracker.tell(T + 30_001)?.status, 'HEALTHY');
  });

  it('is not called unreachable for one attempt that took long', () => {
    const tracker = healthy();
    tracker.reachability.trouble(NO_ANSWER, T);
    assert.equal(said(tracker.tell(T + 60_000), 'Reachable').status, 'True');
  });

  it('tells credentials that are refused and another cluster from silence', () => {
    const refused = healthy();
    refused.reachability.trouble({ reason: 'CredentialsRefused', message: 'Unauthorized' }, T);
    refused.reachability.trouble({ reason: 'CredentialsRefused', message: 'Unauthorized' }, T + 20_000);
    const told = refused.tell(T + 20_000);
    assert.equal(said(told, 'Reachable').reason, 'CredentialsRefused');
    assert.equal(told?.status, 'UNKNOWN');
    assert.deepEqual(told.last_contact, new Date(T + 20_000), 'it did answer');

    const other = healthy();
    other.reachability.trouble({ reason: 'DifferentCluster', message: 'Another cluster' }, T + 1);
    assert.equal(said(other.tell(T + 1), 'Reachable').reason, 'DifferentCluster');
  });

  it('goes on from what another process told', () => {
    const before = asWritten(healthy().tell(T));
    const next = new HealthTracker(before, 'k1', LIMITS, T + 5_000);
    assert.deepEqual(
      next.tell(T + 5_000)?.conditions,
      healthy().tell(T)?.conditions,
      'nothing changes by the change of hands',
    );
    next.reachability.contact(T + 6_000);
    next.nodesKnown = true;
    next.see(next.nodes, node('n1', NOT_READY));
    assert.equal(next.tell(T + 6_000)?.status, 'HEALTHY');
    assert.equal(next.tell(T + 16_000)?.status, 'UNHEALTHY');

    const gone = healthy();
    gone.reachability.trouble(NO_ANSWER, T);
    gone.reachability.trouble(NO_ANSWER, T + 20_000);
    const unknown = asWritten(gone.tell(T + 20_000));
    const third = new HealthTracker(unknown, 'k1', LIMITS, T + 30_000);
    third.reachability.trouble(NO_ANSWER, T + 30_000);
    assert.deepEqual(third.tell(T + 30_000)?.conditions, gone.tell(T + 20_000)?.conditions);
  });
});
