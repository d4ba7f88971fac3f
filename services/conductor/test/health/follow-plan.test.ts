import assert from 'node:assert/strict';
import type { Followable } from '@cetus/shared/store';
import { planFollowing, type FollowPlan } from '../../src/health/follow-plan.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

function clusters(holders: Record<string, number>, until = at(10)): Followable[] {
  return Object.entries(holders).flatMap(([owner, count]) =>
    Array.from({ length: count }, (_, i) => ({
      _id: `${owner}-${String(i)}`,
      kubeconfigVersion: 'v1',
      follow: owner === 'nobody' ? null : { owner, until, token: 1 },
    })),
  );
}

function plan(
  followable: readonly Followable[],
  up: readonly string[],
  { freeBefore = new Set<string>(), limit = 1000 }: { freeBefore?: ReadonlySet<string>; limit?: number } = {},
): FollowPlan {
  return planFollowing({ followable, owner: 'me', up, freeBefore, limit, now: NOW });
}

describe('The sharing out of clusters', () => {
  it('claims what is free up to an even share', () => {
    const found = plan(clusters({ nobody: 9, other: 1 }), ['me', 'other']);
    assert.equal(found.claim.length, 5);
    assert.equal(found.free.size, 9);
    assert.equal(found.take.length, 0);
  });

  it('claims more than its share of what stays free', () => {
    const followable = clusters({ nobody: 4, me: 5, other: 1 });
    assert.equal(plan(followable, ['me', 'other']).claim.length, 0);
    const freeBefore = plan(followable, ['me', 'other']).free;
    assert.equal(plan(followable, ['me', 'other'], { freeBefore }).claim.length, 4);
  });

  it('takes ended leases for free, but not its own', () => {
    const dead = clusters({ dead: 3 }, at(0));
    const found = plan([...dead, ...clusters({ me: 2 }, at(-1))], ['me']);
    assert.deepEqual(found.claim.map(({ _id }) => _id).sort(), ['dead-0', 'dead-1', 'dead-2']);
    assert.equal(found.mine.length, 2);
  });

  it('takes over from those who have more than their share, when it has less', () => {
    const found = plan(clusters({ a: 150, b: 50 }), ['me', 'a', 'b']);
    assert.equal(found.take.length, 67);
    assert.ok(found.take.every(({ follow }) => follow?.owner === 'a'));
    assert.equal(plan(clusters({ a: 4, b: 3, me: 3 }), ['me', 'a', 'b']).take.length, 0);
    assert.equal(plan(clusters({ a: 1 }), ['me', 'a']).take.length, 0);
    assert.equal(
      plan(clusters({ a: 4, b: 2, me: 2 }), ['me', 'a', 'b']).take.length,
      1,
      'nobody has two more',
    );
  });

  it('counts itself even when its heartbeat is not seen', () => {
    assert.equal(plan(clusters({ nobody: 10 }), ['other']).claim.length, 5);
  });

  it('begins with no more at once than it may', () => {
    assert.equal(plan(clusters({ nobody: 50 }), ['me'], { limit: 10 }).claim.length, 10);
    assert.equal(plan(clusters({ a: 50 }), ['me', 'a'], { limit: 10 }).take.length, 10);
  });

  it('comes to an even share whoever comes and goes, though all decide at once', () => {
    let followable = clusters({ nobody: 200 });
    const seen = new Map<string, ReadonlySet<string>>();
    /** All plan on what is there; of those who want the same cluster the first gets it. */
    const round = (up: string[]): number => {
      const won = new Map<string, string>();
      for (const owner of up) {
        const freeBefore = seen.get(owner) ?? new Set<string>();
        const { free, claim, take } = planFollowing({
          followable,
          owner,
          up,
          freeBefore,
          limit: 100,
          now: NOW,
        });
        seen.set(owner, free);
        for (const { _id } of [...claim, ...take]) if (!won.has(_id)) won.set(_id, owner);
      }
      followable = followable.map((one) => {
        const owner = won.get(one._id);
        return owner === undefined ? one : { ...one, follow: { owner, until: at(10), token: 2 } };
      });
      return won.size;
    };
    const settle = (up: string[]): string => {
      let rounds = 0;
      while (round(up) > 0) assert.ok((rounds += 1) < 10, 'it comes to rest');
      round(up);
      return up
        .map((owner) => followable.filter(({ follow }) => follow?.owner === owner).length)
        .sort((a, b) => a - b)
        .join();
    };
    assert.equal(settle(['a']), '200');
    assert.equal(settle(['a', 'b', 'c', 'd', 'e', 'f']), '33,33,33,33,34,34');
    followable = followable.map((one) =>
      ['a', 'b'].includes(one.follow?.owner ?? '')
        ? { ...one, follow: { owner: 'a', until: at(-1), token: 3 } }
        : one,
    );
    assert.equal(settle(['c', 'd', 'e', 'f']), '50,50,50,50');
  });
});
