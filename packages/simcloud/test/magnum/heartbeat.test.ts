import assert from 'node:assert/strict';
import { Heartbeat } from '../../src/magnum/heartbeat.ts';

describe("The reports of the simulated Magnum's conductor", () => {
  const START = Date.parse('2026-01-01T00:00:00Z');
  const after = (seconds: number): number => START + seconds * 1_000;

  it('come when it begins, and once a minute while it works', () => {
    const heartbeat = new Heartbeat(START);
    assert.deepEqual(heartbeat.last(after(59)), { at: START, count: 1 });
    assert.deepEqual(heartbeat.last(after(130)), { at: after(120), count: 3 });
  });

  it('stop when it goes down, and begin at once when it comes up', () => {
    const heartbeat = new Heartbeat(START);
    heartbeat.set(false, after(90));
    assert.deepEqual(heartbeat.last(after(300)), { at: after(60), count: 2 });
    heartbeat.set(true, after(310));
    heartbeat.set(true, after(320));
    assert.deepEqual(heartbeat.last(after(329)), { at: after(310), count: 3 });
  });
});
