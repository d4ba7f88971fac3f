import type { Followable } from '@cetus/shared/store';

export interface FollowPlanInput {
  followable: readonly Followable[];
  /** This process. */
  owner: string;
  /** The processes that are up, this one among them or not. */
  up: readonly string[];
  /** Those that nobody followed when it was last looked. */
  freeBefore: ReadonlySet<string>;
  /** The most clusters to begin with at once. */
  limit: number;
  now: Date;
}

export interface FollowPlan {
  /** Those that this process holds. */
  mine: Followable[];
  /** Those that nobody follows. */
  free: Set<string>;
  /** Free ones for this process. */
  claim: Followable[];
  /** Those that this process takes over from others, who have more than their share. */
  take: Followable[];
}

/**
 * How the clusters are shared out, as one process sees it. Free ones are claimed up to an even share, and beyond it when they were free
 * before: whoever they are the share of does not come. A process below its share takes over from those above theirs; it takes, they do not
 * give, so no cluster is without a follower meanwhile.
 */
export function planFollowing(input: FollowPlanInput): FollowPlan {
  const { followable, owner, freeBefore, limit, now } = input;
  const mine = followable.filter(({ follow }) => follow?.owner === owner);
  const free = followable.filter(
    ({ follow }) => follow === null || (follow.owner !== owner && follow.until <= now),
  );
  const up = new Set([owner, ...input.up]);
  const most = Math.ceil(followable.length / up.size);
  const least = Math.floor(followable.length / up.size);

  // Processes that claim at once begin with different ones.
  const waiting = shuffled(free.filter(({ _id }) => freeBefore.has(_id)));
  const fresh = shuffled(free.filter(({ _id }) => !freeBefore.has(_id)));
  const room = Math.max(0, most - mine.length - waiting.length);
  const claim = [...waiting, ...fresh.slice(0, room)].slice(0, limit);

  const { length: next } = claim;
  const tooMany = surplus(input, most);
  const missing = Math.max(least - mine.length - next, Math.min(most - mine.length - next, tooMany.length));
  const spare = surplus(input, least).filter((one) => !tooMany.includes(one));
  const take = [...shuffled(tooMany), ...shuffled(spare)].slice(0, Math.max(0, Math.min(missing, limit)));
  return { mine, free: new Set(free.map(({ _id }) => _id)), claim, take };
}

/** What others hold beyond a share: the same for all who look, so that not more is taken than is too much. */
function surplus({ followable, owner, now }: FollowPlanInput, share: number): Followable[] {
  const held = new Map<string, Followable[]>();
  for (const one of followable) {
    if (one.follow === null || one.follow.owner === owner || one.follow.until <= now) continue;
    const theirs = held.get(one.follow.owner);
    if (theirs === undefined) held.set(one.follow.owner, [one]);
    else theirs.push(one);
  }
  return [...held.values()].flatMap((theirs) => theirs.sort((a, b) => (a._id < b._id ? -1 : 1)).slice(share));
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
