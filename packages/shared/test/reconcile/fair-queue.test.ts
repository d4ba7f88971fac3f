import assert from 'node:assert/strict';
import { DEFERRED, FairQueue } from '@cetus/shared/reconcile';
import { deferred } from '../bus/inbox.ts';

/** A queue whose tasks wait until they are told to end. */
function controlled(concurrency: number, maxWaitingPerProject: number) {
  const queue = new FairQueue({ concurrency, maxWaitingPerProject });
  const started: { key: string; end: () => void; fail: (error: Error) => void }[] = [];
  const add = (project: string, key: string): Promise<void> | typeof DEFERRED =>
    queue.run(project, key, () => {
      const { promise, resolve, reject } = deferred();
      started.push({ key, end: resolve, fail: reject });
      return promise;
    });
  const keys = (): string[] => started.map(({ key }) => key);
  /** Ends everything, whatever starts meanwhile. */
  const drain = async (): Promise<void> => {
    const idle = queue.idle();
    let over = false;
    void idle.then(() => (over = true));
    while (!over) {
      for (const { end } of started) end();
      await new Promise(setImmediate);
    }
  };
  return { queue, started, add, keys, drain };
}

describe('FairQueue', () => {
  it('takes projects in turn, and within a project the order of asking', async () => {
    const { add, keys, drain } = controlled(1, 10);
    for (const key of ['a1', 'a2', 'a3']) void add('a', key);
    for (const key of ['b1', 'b2']) void add('b', key);
    void add('c', 'c1');
    await drain();
    assert.deepEqual(keys(), ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
  });

  it('runs as many as it may, and no more', async () => {
    const { queue, add, keys, started, drain } = controlled(2, 10);
    for (const key of ['1', '2', '3', '4']) void add('a', key);
    assert.deepEqual([keys(), queue.waiting], [['1', '2'], 2]);
    started[0]?.end();
    await new Promise(setImmediate);
    assert.deepEqual(keys(), ['1', '2', '3']);
    await drain();
  });

  it('defers what is beyond the share of a project, and takes it from others', async () => {
    const { queue, add, drain } = controlled(1, 2);
    for (const key of ['1', '2', '3']) assert.notEqual(add('a', key), DEFERRED);
    assert.equal(add('a', '4'), DEFERRED);
    assert.notEqual(add('b', '5'), DEFERRED);
    assert.equal(queue.capacity, 0);
    await drain();
    assert.equal(queue.capacity, 2);
  });

  it('takes what goes on before what waits, however much waits', async () => {
    const { queue, add, keys, started, drain } = controlled(1, 2);
    for (const key of ['a1', 'a2', 'a3']) void add('a', key);
    void add('b', 'b1');
    assert.equal(add('a', 'a4'), DEFERRED);
    const wait = (key: string): Promise<void> =>
      queue.runNext('a', key, () => {
        const { promise, resolve, reject } = deferred();
        started.push({ key, end: resolve, fail: reject });
        return promise;
      });
    void wait('goes on');
    assert.equal(wait('goes on'), wait('goes on'), 'joined');
    await drain();
    // Other projects have their turns all the same.
    assert.deepEqual(keys(), ['a1', 'goes on', 'b1', 'a2', 'a3']);
  });

  it('joins what still waits, and runs anew what already runs', async () => {
    const { add, keys, drain } = controlled(1, 10);
    const running = add('a', 'x');
    const waiting = add('a', 'x');
    assert.notEqual(running, waiting);
    assert.equal(add('a', 'x'), waiting);
    await drain();
    assert.deepEqual(keys(), ['x', 'x']);
  });

  it('tells whoever asked how it ended, and goes on after a failure', async () => {
    const { add, started, drain } = controlled(1, 10);
    const failing = assert.rejects(add('a', '1') as Promise<void>, /broken/);
    const next = add('a', '2');
    started[0]?.fail(new Error('broken'));
    await failing;
    await drain();
    await next;
  });

  it('survives a task that throws before it waits', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaitingPerProject: 5 });
    const thrown = queue.run('a', '1', () => {
      throw new Error('at once');
    });
    await assert.rejects(thrown as Promise<void>, /at once/);
    await queue.run('a', '2', async () => undefined);
    await queue.idle();
  });
});
