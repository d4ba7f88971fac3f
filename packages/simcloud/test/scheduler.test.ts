import assert from 'node:assert/strict';
import { once } from 'node:events';
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { Scheduler } from '../src/scheduler.ts';

describe('Scheduler', () => {
  const errors: unknown[] = [];
  let scheduler: Scheduler;
  const done = new EventEmitter();
  beforeEach(() => {
    errors.length = 0;
    scheduler = new Scheduler((error) => errors.push(error));
  });
  afterEach(() => scheduler.close());

  it('runs everything that is not cancelled once, by time, then by order of asking', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -50, max: 3 }), fc.boolean()), { maxLength: 200 }),
        async (wanted) => {
          const now = Date.now();
          const ran: number[] = [];
          const wakeups = wanted.map(([offset], index) => scheduler.at(now + offset, () => ran.push(index)));
          wanted.forEach(([, isCancelled], index) => isCancelled && wakeups[index]?.cancel());
          const expected = wanted
            .map(([offset, isCancelled], index) => ({ offset, isCancelled, index }))
            .filter(({ isCancelled }) => !isCancelled)
            .sort((a, b) => a.offset - b.offset || a.index - b.index)
            .map(({ index }) => index);
          assert.equal(scheduler.size, expected.length);
          scheduler.at(now + 3, () => done.emit('all'));
          await once(done, 'all');
          assert.deepEqual(ran, expected);
          assert.equal(scheduler.size, 0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('goes on after a function that throws, and reports it', async () => {
    scheduler.at(0, () => {
      throw new Error('broken');
    });
    scheduler.at(0, () => done.emit('next'));
    await once(done, 'next');
    assert.equal(errors.length, 1);
  });

  it('takes a time beyond the longest timer', () => {
    scheduler.at(Date.now() + 1e12, () => assert.fail('too early'));
    assert.equal(scheduler.size, 1);
  });
});
