import { setTimeout as delay } from 'node:timers/promises';
import type { CloudEvent } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { Subscriber } from '../faults/subscriber.ts';
import { EventFollower } from '../integration/support/event-follower.ts';
import type { BenchSystem } from './bench-system.ts';
import { percentile, report, round } from './figures.ts';

const COUNT = 300;
const EVERY_MS = 30;
const BURST = 100;

/** From the time of a transition, which is before its write, to a subscriber: by SSE and by AMQP, at ease and in a burst. */
export async function events(system: BenchSystem): Promise<void> {
  const installation = await system.installation('bench_events');
  const [api] = await Promise.all([installation.add('api'), installation.add('conductor')]);
  const client = await installation.signIn(api);
  const follower = new EventFollower(client);
  const subscriber = await Subscriber.start(system.rabbit.url);
  try {
    await follower.ready;
    const template = await client.template();
    for (let i = 0; i < COUNT; i += 1) {
      await client.template({ name: `event-${i}` });
      await delay(EVERY_MS);
    }
    const atEase = COUNT + 1;
    await waitFor(() => follower.events.length >= atEase && subscriber.events.length >= atEase);
    latencies('one at a time', follower, subscriber, 0);
    const from = follower.events.length;
    await Promise.all(
      Array.from({ length: BURST }, (_, i) => client.create(template, { name: `burst-${i}` })),
    );
    const complete = ({ type }: CloudEvent): boolean => type === 'cetus.cluster.create.end';
    for (const { events: seen } of [follower, subscriber]) {
      await waitFor(() => seen.filter(complete).length === BURST, {
        timeoutMs: 60_000,
        what: 'the burst was followed',
      });
    }
    latencies(`in a burst of ${BURST} clusters`, follower, subscriber, from);
  } finally {
    await Promise.all([follower.close(), subscriber.close()]);
  }
}

function latencies(what: string, follower: EventFollower, subscriber: Subscriber, from: number): void {
  for (const [by, { events: seen, arrivedAt }] of Object.entries({ SSE: follower, AMQP: subscriber })) {
    const ms = seen.slice(from).map(({ time }, i) => (arrivedAt[from + i] ?? 0) - Date.parse(time));
    const p99 = percentile(ms, 99);
    report({
      bench: 'events',
      what,
      by,
      notifications: ms.length,
      p50_ms: round(percentile(ms, 50)),
      p99_ms: round(p99),
      budget: 'p99 <= 200',
      met: p99 <= 200,
    });
  }
}
