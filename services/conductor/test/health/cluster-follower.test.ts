import assert from 'node:assert/strict';
import { timesFor } from '../../src/health/cluster-follower.ts';

describe('When a cluster is asked', () => {
  const times = (unreachableMs: number) => timesFor({ unreachableMs, unhealthyMs: 0, healthyMs: 0 });

  it('is more than once before it is called unreachable, even when it never answers', () => {
    for (const unreachableMs of [1_000, 20_000, 3_600_000]) {
      const { silenceMs, answerMs, retryMs } = times(unreachableMs);
      assert.ok(answerMs + retryMs < unreachableMs);
      assert.ok(silenceMs < unreachableMs);
    }
  });

  it('is no less often because a site is patient', () => {
    const { silenceMs, answerMs, retryMs } = times(3_600_000);
    assert.deepEqual([silenceMs, answerMs, retryMs], [15_000, 5_000, 3_000]);
  });
});
