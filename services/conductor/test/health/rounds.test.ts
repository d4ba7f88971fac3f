import assert from 'node:assert/strict';
import { Rounds } from '../../src/health/rounds.ts';

const FAR = 3_600_000;

/** Rounds of a test, each of which ends when it is told to. */
class Told {
  begun = 0;
  most = 0;
  private going = 0;
  private end: () => void = () => undefined;
  private tellBegun: () => void = () => undefined;

  readonly run = async (): Promise<void> => {
    this.begun += 1;
    this.going += 1;
    this.most = Math.max(this.most, this.going);
    const ended = new Promise<void>((resolve) => (this.end = resolve));
    this.tellBegun();
    await ended;
    this.going -= 1;
  };

  /** Resolves with the beginning of the next one. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.tellBegun = resolve));
  }

  finish(): void {
    this.end();
  }
}

describe('Rounds', () => {
  it('follow each other by themselves', async () => {
    const told = new Told();
    const rounds = new Rounds({ run: told.run, everyMs: 5 });
    let next = told.next();
    rounds.within(0);
    for (let i = 0; i < 3; i += 1) {
      await next;
      next = told.next();
      told.finish();
    }
    await next;
    told.finish();
    await rounds.stop();
    assert.deepEqual([told.begun, told.most], [4, 1]);
  });

  it('come earlier when they are told to, one for all that comes close together', async () => {
    const told = new Told();
    const rounds = new Rounds({ run: told.run, everyMs: FAR });
    const next = told.next();
    rounds.within(FAR);
    for (let i = 0; i < 10; i += 1) rounds.within(5);
    await next;
    told.finish();
    await rounds.stop();
    assert.equal(told.begun, 1);
  });

  it('are never two at once: what comes during one is followed by another', async () => {
    const told = new Told();
    const rounds = new Rounds({ run: told.run, everyMs: FAR });
    let next = told.next();
    rounds.within(0);
    await next;
    next = told.next();
    rounds.within(0);
    // Longer than that, the first one goes on.
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(told.begun, 1);
    told.finish();
    await next;
    told.finish();
    await rounds.stop();
    assert.deepEqual([told.begun, told.most], [2, 1]);
  });

  it('end with the one that goes on', async () => {
    const told = new Told();
    const rounds = new Rounds({ run: told.run, everyMs: 0 });
    const next = told.next();
    rounds.within(0);
    await next;
    rounds.within(0);
    const order: string[] = [];
    const stopping = rounds.stop().then(() => order.push('stopped'));
    order.push('going on');
    told.finish();
    await stopping;
    rounds.within(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(told.begun, 1);
    assert.deepEqual(order, ['going on', 'stopped']);
  });
});
