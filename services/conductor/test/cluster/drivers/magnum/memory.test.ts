import assert from 'node:assert/strict';
import {
  compared,
  mayBeOld,
  memoryOf,
  seenAtWork,
  shown,
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

  it('takes a cluster that it finds without knowing its uuid for one of several, from then on', () => {
    const adopted = shown(empty, 'u1');
    assert.deepEqual([adopted.uuid, adopted.seen, adopted.ambiguous], ['u1', true, true]);
    assert.equal(shown(adopted, 'u1').ambiguous, true);
    assert.equal(shown({ ...empty, uuid: 'u1' }, 'u1').ambiguous, false);
  });

  it('trusts a comparison only when the seconds of the last change are over', () => {
    const at = '2026-01-01T00:00:00+00:00';
    assert.deepEqual(compared(empty, at, 'drift', NOW + 6_000).compared, { at, drift: 'drift' });
    assert.equal(compared(empty, at, null, NOW + 4_000).compared, null);
    assert.equal(compared(empty, null, null, NOW).compared, null);
  });
});
