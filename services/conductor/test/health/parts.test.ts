import assert from 'node:assert/strict';
import type { Node, Pod } from '@cetus/kubernetes/objects';
import { after, isBad, nodePart, podPart, type Part } from '../../src/health/parts.ts';

const NOW = Date.parse('2030-01-01T01:00:00Z');
const OLD = '2030-01-01T00:00:00Z';
const NEW = '2030-01-01T00:59:00Z';

function node(conditions: Record<string, string>, creationTimestamp = OLD): Part {
  const list = Object.entries(conditions).map(([type, status]) => ({
    type,
    status,
    reason: `${type}Reason`,
  }));
  return nodePart({
    metadata: { name: 'n', creationTimestamp },
    status: { conditions: list },
  } as unknown as Node);
}

function pod(
  status: { ready?: boolean; phase?: string; waiting?: string; restarts?: number },
  metadata: Partial<Pod['metadata']> = {},
): Part {
  const { ready = false, phase = 'Running', waiting, restarts = 0 } = status;
  return podPart({
    metadata: { name: 'p', creationTimestamp: OLD, ...metadata },
    status: {
      phase,
      conditions: [
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          ...(ready ? {} : { reason: 'ContainersNotReady' }),
        },
      ],
      containerStatuses: [
        {
          restartCount: restarts,
          state: waiting === undefined ? { running: {} } : { waiting: { reason: waiting } },
        },
      ],
    },
  } as unknown as Pod);
}

const bad = (part: Part): string | null => (isBad(part, NOW) ? part.trouble : null);

describe('The parts of a cluster', () => {
  it('are bad when a node is not ready, is not heard of, or is under pressure', () => {
    assert.equal(bad(node({ Ready: 'True', DiskPressure: 'False' })), null);
    assert.equal(bad(node({ Ready: 'False' })), 'ReadyReason');
    assert.equal(bad(node({ Ready: 'Unknown' })), 'ReadyReason');
    for (const pressure of ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'])
      assert.equal(bad(node({ Ready: 'True', [pressure]: 'True' })), pressure);
    assert.equal(node({ Ready: 'Unknown' }).ready, 'Unknown');
  });

  it('are not bad while they start, but are when they fail at it', () => {
    assert.equal(bad(node({ Ready: 'False' }, NEW)), null);
    assert.equal(bad(node({ Ready: 'Unknown' }, NEW)), 'ReadyReason');
    const created = { creationTimestamp: NEW };
    assert.equal(bad(pod({}, created)), null);
    assert.equal(bad(pod({ waiting: 'ContainerCreating', phase: 'Pending' }, created)), null);
    assert.equal(bad(pod({ waiting: 'ImagePullBackOff', phase: 'Pending' }, created)), 'ImagePullBackOff');
    assert.equal(bad(pod({ restarts: 1 }, created)), 'ContainersNotReady');
  });

  it('are bad when they were ready before, however new they are', () => {
    const wasReady = after(undefined, pod({ ready: true }, { creationTimestamp: NEW }));
    const now = after(wasReady, pod({}, { creationTimestamp: NEW }));
    assert.equal(bad(now), 'ContainersNotReady');
    assert.equal(bad(after(now, pod({}, { creationTimestamp: NEW }))), 'ContainersNotReady');
  });

  it('do not count when they have done their work or are on their way out', () => {
    assert.equal(bad(pod({ phase: 'Succeeded' })), null);
    assert.equal(bad(pod({ phase: 'Failed' })), null, 'evicted, say');
    assert.equal(bad(pod({}, { deletionTimestamp: NEW })), null);
    assert.equal(bad(pod({})), 'ContainersNotReady');
  });

  it('keep no more of what a cluster says than Kubernetes lets names be', () => {
    const long = 'x'.repeat(100_000);
    const { name, ready, trouble } = nodePart({
      metadata: { name: long, creationTimestamp: OLD },
      status: { conditions: [{ type: 'Ready', status: long, reason: long }] },
    } as unknown as Node);
    assert.deepEqual([name.length, ready.length, trouble?.length], [253, 253, 253]);
  });
});
