import assert from 'node:assert/strict';
import {
  compared,
  mayAppear,
  mayBeOld,
  memoryOf,
  seenAtWork,
  stateOfMemory,
  tell,
} from '../../../../src/cluster/drivers/magnum/memory.ts';
import { storedCluster } from '../../stored-cluster.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

describe('what the magnum driver remembers', () => {
  const empty = memoryOf(storedCluster(), null);

  it('forgets what was told for another operation, and nothing else', () => {
    const operation = storedCluster({ creating: true }).operation!;
    const told = { ...tell(empty, 'cluster', { mark: 'x' }, NOW), operation: operation.uuid, uuid: 'u1' };
    const status = { driver_state: stateOfMemory(told) };
    assert.deepEqual(memoryOf(storedCluster({ status }), operation), told);
    const other = memoryOf(storedCluster({ status }), { ...operation, uuid: 'another' });
    assert.deepEqual([other.told, other.uuid], [{}, 'u1']);
  });

  it('takes what it reads for old until it changes, is seen at work, or it takes too long', () => {
    const { told } = tell(empty, 'a', { mark: 'x' }, NOW);
    assert.equal(mayBeOld(told['a'], 'x', NOW + 29_000), true);
    assert.equal(mayBeOld(told['a'], 'y', NOW + 1_000), false);
    assert.equal(mayBeOld(told['a'], 'x', NOW + 31_000), false);
    assert.equal(mayBeOld(undefined, 'x', NOW), false);
    assert.equal(mayBeOld(seenAtWork({ ...empty, told }).told['a'], 'x', NOW), false);
    const over = tell(empty, 'a', { mark: 'x', over: true }, NOW);
    assert.equal(mayBeOld(seenAtWork(over).told['a'], 'x', NOW), true);
  });

  it('expects a cluster for ten minutes, unless it was seen', () => {
    const sent = { ...empty, create: { operation: 'o1', at: NOW } };
    assert.equal(mayAppear(sent, NOW + 599_000), true);
    assert.equal(mayAppear(sent, NOW + 601_000), false);
    assert.equal(mayAppear({ ...sent, seen: true }, NOW), false);
    assert.equal(mayAppear(empty, NOW), false);
  });

  it('trusts a comparison only when the seconds of the last change are over', () => {
    const at = '2026-01-01T00:00:00+00:00';
    assert.deepEqual(compared(empty, at, 'drift', NOW + 6_000).compared, { at, drift: 'drift' });
    assert.equal(compared(empty, at, null, NOW + 4_000).compared, null);
    assert.equal(compared(empty, null, null, NOW).compared, null);
  });
});
