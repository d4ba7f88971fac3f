import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@cetus/test-kit';
import { EventFollower } from '../integration/support/event-follower.ts';
import { audit, unrest, type Audit } from './audit.ts';
import { Load } from './load.ts';
import { Monkey } from './monkey.ts';
import { seededRandom, type FaultOptions } from './options.ts';
import { deadMessages, Subscriber } from './subscriber.ts';
import { MAGNUM_TEMPLATE, type FaultySystem } from './system.ts';

const QUIET_MS = 240_000;
/** RabbitMQ 3.10 does not recover a quorum queue that was declared just before it was killed. */
const SETTLE_MS = 2_000;

export interface RandomKills extends Audit {
  kills: Record<string, number>;
  repeats: number;
  reconnects: number;
  quietAfterMs: number;
}

/** A burst of clusters while everything is killed in turn. */
export async function randomKills(system: FaultySystem, options: FaultOptions): Promise<RandomKills> {
  const { installation, db, rabbit } = system;
  const api = await Promise.all([installation.add('api'), installation.add('api')]);
  const conductors = await Promise.all([system.addConductor(), system.addConductor()]);
  const clients = await Promise.all(api.map((member) => installation.signIn(member)));
  const [first] = clients as [(typeof clients)[number]];
  const templates = { heat: await first.template(), magnum: await first.template(MAGNUM_TEMPLATE) };
  const subscriber = await Subscriber.start(rabbit.url);
  const followers = clients.map((client) => new EventFollower(client));
  try {
    await Promise.all(followers.map(({ ready }) => ready));
    await delay(SETTLE_MS);
    // Two sequences, so that the one does not depend on how often the other had to ask.
    const load = new Load(clients, templates, seededRandom(options.seed));
    const monkey = new Monkey(system, [...api, ...conductors], seededRandom(options.seed + 1));
    const loading = load.run(options.clusters, options.seconds * 1_000);
    await monkey.run(options.seconds * 1_000);
    const calmAt = Date.now();
    await loading;
    const violations: string[] = [];
    const isQuiet = async (): Promise<boolean> =>
      Object.values(await unrest(db)).every((count) => count === 0);
    const everyoneTold = async (): Promise<boolean> => {
      const recorded = await db.collection('events').countDocuments({ kinds: 'cluster' });
      return [subscriber, ...followers].every(
        ({ events }) => distinct(events.map(({ id }) => id)) >= recorded,
      );
    };
    await waitFor(isQuiet, { timeoutMs: QUIET_MS, what: 'quiet' }).catch(async () => {
      violations.push(`not quiet: ${JSON.stringify(await unrest(db))}`);
    });
    const quietAfterMs = Date.now() - calmAt;
    // Whoever was not told is named by the audit.
    await waitFor(everyoneTold, { timeoutMs: 30_000, what: 'every reader was told' }).catch(() => undefined);
    const found = await audit(
      db,
      installation.cloud,
      load.accepted.map(({ uuid }) => uuid),
      {
        subscriber: subscriber.events,
        follower1: followers[0]?.events ?? [],
        follower2: followers[1]?.events ?? [],
      },
      { createdOnce: false },
    );
    const dead = await deadMessages(rabbit.url);
    violations.push(...found.violations, ...dead.reasons.map((reason) => `dead: ${reason}`), ...load.wrong);
    violations.push(
      ...followers.flatMap(({ refusals }) => refusals.map((refusal) => `a follower was refused: ${refusal}`)),
    );
    return {
      counts: {
        ...found.counts,
        dead: dead.count,
        deleted: load.accepted.filter(({ deleted }) => deleted).length,
        grouped: load.accepted.filter(({ grouped }) => grouped).length,
      },
      kills: monkey.kills,
      repeats: load.repeats,
      reconnects: followers.reduce((sum, { reconnects }) => sum + reconnects, 0),
      quietAfterMs,
      violations,
    };
  } finally {
    await Promise.all([subscriber.close(), ...followers.map((follower) => follower.close())]);
  }
}

function distinct(ids: readonly string[]): number {
  return new Set(ids.filter(Boolean)).size;
}
