import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@cetus/test-kit';
import type { Member } from '../integration/support/installation.ts';
import type { BenchSystem } from './bench-system.ts';
import { cpuSeconds, median, report, residentMb, round } from './figures.ts';

const BURST = 200;
const ROUNDS = 3;
const IN_FLIGHT = 32;
const IDLE_SECONDS = 20;

/** A burst of clusters with one conductor and with two; what the services use then, and when nothing is going on. */
export async function reconcile(system: BenchSystem): Promise<void> {
  const seconds: Record<1 | 2, number[]> = { 1: [], 2: [] };
  const memory: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const conductors of turn % 2 === 0 ? ([1, 2] as const) : ([2, 1] as const)) {
      const run = await burst(system, conductors, turn === ROUNDS - 1 && conductors === 1);
      seconds[conductors].push(run.seconds);
      if (conductors === 1) memory.push(run.conductorMb);
    }
  }
  const ratio = median(seconds[2]) / median(seconds[1]);
  report({
    bench: 'reconcile',
    what: `a burst of ${BURST} clusters`,
    one_conductor_s: round(median(seconds[1])),
    two_conductors_s: round(median(seconds[2])),
    ratio: round(ratio),
    budget: 'nearly 0.5',
    met: ratio <= 0.65,
    rounds: ROUNDS,
  });
  const mb = median(memory);
  report({
    bench: 'reconcile',
    what: `memory of one conductor with ${BURST} clusters`,
    mb,
    budget: '<= 400',
    met: mb <= 400,
  });
}

async function burst(
  system: BenchSystem,
  count: number,
  thenIdle: boolean,
): Promise<{ seconds: number; conductorMb: number }> {
  const installation = await system.installation(`bench_burst_${randomUUID().slice(0, 8)}`);
  const api = await installation.add('api');
  const conductors = await Promise.all(Array.from({ length: count }, () => installation.add('conductor')));
  const client = await installation.signIn(api);
  const template = await client.template();
  const started = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let i = next++; i < BURST; i = next++) await client.create(template, { name: `burst-${i}` });
    }),
  );
  await waitFor(
    async () => {
      const { clusters } = await client.ok<{ clusters: { status: string }[] }>('/v1/clusters?limit=1000');
      return clusters.length === BURST && clusters.every(({ status }) => status === 'CREATE_COMPLETE');
    },
    { timeoutMs: 180_000, what: 'the burst is complete' },
  );
  const seconds = (performance.now() - started) / 1_000;
  const conductorMb = residentMb((conductors[0] as Member).service.pid);
  if (thenIdle) await idle([api, ...conductors]);
  await installation.close();
  return { seconds, conductorMb };
}

/** What all services use when nothing is asked of them, with the clusters of a burst to look after. */
async function idle(members: readonly Member[]): Promise<void> {
  // The last notifications are out, and garbage of the burst is collected.
  await delay(5_000);
  const used = (): number => members.reduce((sum, { service }) => sum + cpuSeconds(service.pid), 0);
  const before = used();
  await delay(IDLE_SECONDS * 1_000);
  const percent = ((used() - before) / IDLE_SECONDS) * 100;
  report({
    bench: 'reconcile',
    what: `processor of all services when idle, with ${BURST} clusters`,
    percent_of_a_core: round(percent),
    budget: '<= 5',
    met: percent <= 5,
  });
}
