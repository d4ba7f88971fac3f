import { setTimeout as delay } from 'node:timers/promises';
import { ServiceNotReadyError } from '@cetus/test-kit';
import type { Member } from '../integration/support/installation.ts';
import type { FaultySystem } from './system.ts';

/** Something that is killed and comes back. */
interface Victim {
  name: string;
  /** Resolves when it is back. */
  killAndRestart: (downMs: number) => Promise<void>;
}

const AGAIN_MS = 500;

/** Kills processes in turn, each round in another order, until its time is over; then waits until all are back. */
export class Monkey {
  /** How often each was killed. */
  readonly kills: Record<string, number> = {};
  private readonly victims: readonly Victim[];
  private readonly random: () => number;

  constructor(system: FaultySystem, members: readonly Member[], random: () => number) {
    this.random = random;
    this.victims = [
      ...members.map((member, i) => ({
        name: `${member.name}-${i}`,
        killAndRestart: (ms: number) => bounce(member, ms),
      })),
      {
        name: 'broker',
        killAndRestart: async (ms: number) => {
          await system.rabbit.kill9();
          await delay(ms);
          await system.rabbit.start();
        },
      },
      { name: 'database', killAndRestart: () => system.killDatabase() },
    ];
  }

  async run(forMs: number): Promise<void> {
    const until = Date.now() + forMs;
    const coming = new Map<string, Promise<void>>();
    while (Date.now() < until) {
      for (const victim of this.shuffled()) {
        // Drawn in any case, so that a seed means the same whatever the times of this run.
        const [pauseMs, downMs] = [500 + this.random() * 3_000, this.random() * 2_000];
        await delay(pauseMs);
        if (Date.now() > until) break;
        // One that has not come back yet is left alone; the others may be killed meanwhile.
        if (coming.has(victim.name)) continue;
        this.kills[victim.name] = (this.kills[victim.name] ?? 0) + 1;
        const back = victim.killAndRestart(downMs).finally(() => coming.delete(victim.name));
        coming.set(victim.name, back);
      }
    }
    await Promise.all(coming.values());
  }

  private shuffled(): Victim[] {
    return this.victims
      .map((victim) => ({ victim, at: this.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ victim }) => victim);
  }
}

/** A service that finds no broker or no database at its start ends, and is started again, as Kubernetes would. */
async function bounce(member: Member, downMs: number): Promise<void> {
  await member.kill9();
  await delay(downMs);
  for (;;) {
    try {
      await member.restart();
      return;
    } catch (error) {
      if (!(error instanceof ServiceNotReadyError)) throw error;
      await delay(AGAIN_MS);
    }
  }
}
