import assert from 'node:assert/strict';
import type { ClusterHealth, StoredCluster } from '@cetus/shared/schemas';
import type { ToldHealth } from '../../src/health/health-tracker.ts';
import { differenceOf, healthWrite } from '../../src/health/health-write.ts';

const CONTACT = new Date('2030-01-01T00:00:00Z');

function told(changes: Partial<ToldHealth> = {}): ToldHealth {
  return {
    status: 'HEALTHY',
    reasons: { api: 'ok' },
    nodes: { ready: 1, total: 1 },
    version: 'v1.33.2',
    last_contact: CONTACT,
    conditions: [
      { type: 'Reachable', status: 'True', reason: 'Answered', message: 'It answers' },
      { type: 'Healthy', status: 'True', reason: 'AllReady', message: 'All is well' },
    ],
    ...changes,
  };
}
const SICK = told({
  status: 'UNHEALTHY',
  conditions: [
    { type: 'Reachable', status: 'True', reason: 'Answered', message: 'It answers' },
    { type: 'Healthy', status: 'False', reason: 'NodesNotReady', message: 'Node n1 is not ready' },
  ],
});

function cluster(health: ClusterHealth | null): StoredCluster {
  return {
    _id: 'c1',
    name: 'c1',
    project_id: 'p1',
    user_id: 'u1',
    generation: 3,
    sequence: 7,
    revision: 9,
    updated_at: new Date('2030-01-01T00:00:00Z'),
    operation: null,
    status: { state: 'UPDATE_COMPLETE' },
    health,
  } as unknown as StoredCluster;
}

describe('The write of a cluster’s health', () => {
  it('has a notification for each condition that changed, in the sequence of the cluster', () => {
    const first = healthWrite(cluster(null), told());
    assert.deepEqual(
      first.events.map(({ event }) => [
        event.sequence,
        event.type,
        (event.data.condition as { type: string }).type,
      ]),
      [
        ['8', 'cetus.cluster.condition.changed', 'Reachable'],
        ['9', 'cetus.cluster.condition.changed', 'Healthy'],
      ],
    );
    assert.equal(first.events[0]?.event.data.state, 'UPDATE_COMPLETE');
    const clock = new Date('2030-01-02T00:00:00Z');
    const second = healthWrite(cluster(first.health), SICK, clock);
    assert.equal(second.events.length, 1);
    assert.equal(second.updated_at?.toISOString(), clock.toISOString());
    const since = Object.fromEntries(second.health.conditions.map((one) => [one.type, one.since]));
    assert.equal(since['Healthy'], clock.toISOString());
    assert.notEqual(since['Reachable'], clock.toISOString());
  });

  it('has none when only details changed', () => {
    const before = healthWrite(cluster(null), told()).health;
    const { events, updated_at, health } = healthWrite(cluster(before), told({ version: 'v1.34.0' }));
    assert.deepEqual([events, updated_at, health.version], [[], undefined, 'v1.34.0']);
  });

  it('is told from the note of an answer', () => {
    const before = healthWrite(cluster(null), told()).health;
    assert.equal(differenceOf(null, told()), 'transition');
    assert.equal(differenceOf(before, told()), null);
    assert.equal(differenceOf(before, told({ last_contact: new Date() })), 'contact');
    assert.equal(differenceOf(before, told({ nodes: { ready: 1, total: 2 } })), 'detail');
    assert.equal(differenceOf(before, SICK), 'transition');
  });
});
