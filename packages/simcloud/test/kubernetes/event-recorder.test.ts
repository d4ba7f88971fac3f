import assert from 'node:assert/strict';
import type { ClusterContext } from '../../src/kubernetes/cluster-context.ts';
import { EventRecorder } from '../../src/kubernetes/controllers/event-recorder.ts';
import { newMetadata } from '../../src/kubernetes/seed.ts';
import { ObjectStore } from '../../src/kubernetes/store.ts';

describe('events of a simulated cluster', () => {
  it('are counted when they are the same, and put together when there are many alike', () => {
    const store = new ObjectStore();
    const recorder = new EventRecorder({ store } as unknown as ClusterContext);
    const set = { metadata: newMetadata('web', 'default', { uid: 'one' }) };
    const tell = (message: string): void =>
      recorder.record(
        set,
        { kind: 'ReplicaSet', apiVersion: 'apps/v1' },
        'Warning',
        'FailedCreate',
        message,
        'x',
      );
    for (let index = 0; index < 15; index += 1) tell(`pod ${String(index)} is forbidden`);
    tell('pod 0 is forbidden');
    const events = [...store.values('events')].map(({ message, count }) => [message, count]);
    assert.equal(events.length, 10);
    assert.deepEqual(events[0], ['pod 0 is forbidden', 2]);
    assert.deepEqual(events[9], ['(combined from similar events): pod 14 is forbidden', 6]);
  });
});
