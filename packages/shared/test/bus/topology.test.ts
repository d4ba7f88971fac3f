import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createTopology, DELAY_STEPS_MS, delayStep, topicMatches } from '@cetus/shared/bus';

describe('topicMatches', () => {
  const rows: [pattern: string, key: string, matches: boolean, reason: string][] = [
    ['cluster.create.end', 'cluster.create.end', true, 'equal words'],
    ['cluster.create.end', 'cluster.create.error', false, 'another word'],
    ['cluster.create', 'cluster.create.end', false, 'too short'],
    ['cluster.*.end', 'cluster.create.end', true, '* is one word'],
    ['cluster.*', 'cluster', false, '* is not none'],
    ['*.*', 'a.b.c', false, '* is not several'],
    ['#', 'cluster.create.end', true, '# is any number'],
    ['cluster.#', 'cluster', true, '# is also none'],
    ['#.end', 'cluster.create.end', true, '# at the beginning'],
    ['a.#.z', 'a.z', true, '# in the middle, none'],
    ['a.#.z', 'a.b.z.c.z', true, '# in the middle, with the end in it'],
    ['#.*.end', 'end', false, '# and *: at least one'],
    ['clus*', 'cluster', false, '* only as a whole word'],
  ];
  for (const [pattern, key, matches, reason] of rows) {
    it(`${pattern} ${matches ? 'matches' : 'does not match'} ${key}: ${reason}`, () => {
      assert.equal(topicMatches(pattern, key), matches);
    });
  }
});

describe('delayStep', () => {
  it('never waits shorter than the shortest step, nor more than a little longer than asked', () => {
    const property = fc.property(fc.integer({ min: 1, max: 10_000_000 }), (delayMs) => {
      const step = delayStep(delayMs);
      assert.ok((DELAY_STEPS_MS as readonly number[]).includes(step));
      assert.ok(step <= Math.max(delayMs + 50, DELAY_STEPS_MS[0]));
    });
    fc.assert(property);
  });

  it('takes a whole step for what lacks a few milliseconds of it', () => {
    assert.deepEqual([999, 1_000, 949, 4_980, 30_000].map(delayStep), [1_000, 1_000, 250, 5_000, 30_000]);
  });
});

describe('createTopology', () => {
  it('gives every exchange and queue a name of its own, under the prefix', () => {
    const topology = createTopology('x');
    const { commands, requests, notifications, dead } = topology;
    const names = [
      commands,
      requests,
      notifications,
      dead,
      topology.commandQueue('s'),
      topology.requestQueue('s'),
    ];
    names.push(...topology.delayStepsMs.map((step) => topology.delay(step)));
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.ok(name.startsWith('x.'));
    assert.equal(createTopology().commands, 'cetus.commands');
  });
});
