import assert from 'node:assert/strict';
import { Semaphore } from '@cetus/shared/bus';
import { deferred } from './inbox.ts';

describe('Semaphore', () => {
  it('lets no more in than it may, in order, also after failures', async () => {
    const semaphore = new Semaphore(2);
    const turns = Array.from({ length: 6 }, () => deferred());
    const started: number[] = [];
    let [inside, most] = [0, 0];
    const runs = turns.map(({ promise }, i) =>
      semaphore.run(async () => {
        started.push(i);
        inside += 1;
        most = Math.max(most, inside);
        try {
          await promise;
        } finally {
          inside -= 1;
        }
      }),
    );
    const settled = Promise.allSettled(runs);
    for (const [i, { resolve, reject }] of turns.entries()) {
      if (i % 2 === 0) resolve();
      else reject(new Error(String(i)));
    }
    const results = await settled;
    assert.deepEqual(started, [0, 1, 2, 3, 4, 5]);
    assert.equal(most, 2);
    assert.deepEqual(
      results.map(({ status }) => status === 'fulfilled'),
      [true, false, true, false, true, false],
    );
    await semaphore.idle();
  });

  it('is idle when nothing runs or waits', async () => {
    const semaphore = new Semaphore(1);
    await semaphore.idle();
    const [first, second] = [deferred(), deferred()];
    const runs = [semaphore.run(() => first.promise), semaphore.run(() => second.promise)];
    let idle = false;
    const waiting = semaphore.idle().then(() => (idle = true));
    first.resolve();
    await runs[0];
    await new Promise(setImmediate);
    assert.equal(idle, false);
    second.resolve();
    await Promise.all([...runs, waiting]);
  });
});
