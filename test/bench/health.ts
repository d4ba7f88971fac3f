import { setTimeout as delay } from 'node:timers/promises';
import type { StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { waitFor } from '@cetus/test-kit';
import type { Collection } from 'mongodb';
import type { Installation, Member } from '../integration/support/installation.ts';
import type { BenchSystem } from './bench-system.ts';
import { cpuSeconds, report, residentMb, round } from './figures.ts';
import { BENCH_KEYS, seedClusters } from './simulated-clusters.ts';

const CLUSTERS = 200;
const WORKERS = 5;
const SETTLE_SECONDS = 20;
const IDLE_SECONDS = 60;

/** One conductor that follows many clusters, then two, of which one is killed. */
export async function health(system: BenchSystem): Promise<void> {
  const database = 'bench_health';
  const installation = await system.installation(database);
  const clusters = system.client.db(database).collection<StoredCluster>(CLUSTER.collection);
  await measureFollowing(installation, clusters);
}

async function measureFollowing(
  installation: Installation,
  clusters: Collection<StoredCluster>,
): Promise<void> {
  const host = new KubernetesHost();
  const start = (): Promise<Member> =>
    installation.add('conductor', { settings: { CETUS_SECRET_KEYS: BENCH_KEYS, CETUS_LOG_LEVEL: 'info' } });
  try {
    const first = await start();
    const emptyMb = residentMb(first.service.pid);
    await seedClusters(host, clusters, { count: CLUSTERS, workers: WORKERS, projectOf: (i) => `p${i % 10}` });
    const begun = performance.now();
    await until(
      'all clusters are told of',
      async () => (await clusters.countDocuments(HEALTHY)) === CLUSTERS,
    );
    const seconds = (performance.now() - begun) / 1_000;
    await delay(SETTLE_SECONDS * 1_000);
    const one = await idle(first);
    report({
      bench: 'health',
      what: `one conductor follows ${CLUSTERS} clusters of ${WORKERS + 1} nodes`,
      until_all_are_told_s: round(seconds),
      mb: one.mb,
      mb_without: emptyMb,
      percent_of_a_core: one.percent,
      budget: '<= 400 MB',
      met: one.mb <= 400,
    });

    const cut = performance.now();
    await Promise.all(host.ids().map(async (id) => host.get(id)?.setNetwork('hanging')));
    await until('all are unreachable', async () => (await clusters.countDocuments(UNREACHABLE)) === CLUSTERS);
    const unreachableSeconds = (performance.now() - cut) / 1_000;
    const lost = await idle(first);
    const mended = performance.now();
    await Promise.all(host.ids().map(async (id) => host.get(id)?.setNetwork('up')));
    await until('all are told of again', async () => (await clusters.countDocuments(HEALTHY)) === CLUSTERS);
    report({
      bench: 'health',
      what: 'the network to all of them is cut, and mended',
      until_all_are_unreachable_s: round(unreachableSeconds),
      until_all_are_healthy_s: round((performance.now() - mended) / 1_000),
      mb: lost.mb,
      percent_of_a_core: lost.percent,
    });
    const notifications = await clusters.distinct('sequence');

    const joined = performance.now();
    const second = await start();
    await until(
      'both have a half',
      async () => (await shares(clusters)).join() === `${CLUSTERS / 2},${CLUSTERS / 2}`,
    );
    const sharedSeconds = (performance.now() - joined) / 1_000;
    await delay(SETTLE_SECONDS * 1_000);
    const [a, b] = await Promise.all([idle(first), idle(second)]);
    report({
      bench: 'health',
      what: 'two conductors follow them',
      until_even_s: round(sharedSeconds),
      mb: [a.mb, b.mb],
      percent_of_a_core: [a.percent, b.percent],
    });

    const orphans = await clusters.find({ 'follow.owner': { $regex: `/${first.service.pid}/` } }).toArray();
    const [owner] = orphans.map(({ follow }) => follow?.owner);
    await first.kill9();
    const killed = performance.now();
    let longest = 0;
    await until('none is without a follower', async () => {
      longest = (performance.now() - killed) / 1_000;
      return (await clusters.countDocuments({ 'follow.owner': owner ?? '' })) === 0;
    });
    report({
      bench: 'health',
      what: `a conductor with ${orphans.length} clusters is killed`,
      longest_unwatched_s: round(longest),
      budget: '< 30',
      met: longest < 30,
    });
    const [most] = (await clusters.distinct('sequence')).sort((x, y) => y - x);
    report({
      bench: 'health',
      what: 'notifications that changes of hands made',
      number: (most ?? 0) - Math.max(...notifications),
      met: most === Math.max(...notifications),
    });
  } finally {
    await installation.close();
    await host.close();
  }
}

const UNREACHABLE = {
  'health.conditions': { $elemMatch: { type: 'Reachable', status: 'False' } },
} as const;
const HEALTHY = { 'health.status': 'HEALTHY' } as const;

function until(what: string, probe: () => Promise<boolean>): Promise<unknown> {
  return waitFor(probe, { what, timeoutMs: 120_000 });
}

/** How many clusters each conductor follows. */
async function shares(clusters: Collection<StoredCluster>): Promise<number[]> {
  const groups = await clusters
    .aggregate<{ count: number }>([{ $group: { _id: '$follow.owner', count: { $sum: 1 } } }])
    .toArray();
  return groups.map(({ count }) => count);
}

async function idle({ service: { pid } }: Member): Promise<{ mb: number; percent: number }> {
  const before = cpuSeconds(pid);
  await delay(IDLE_SECONDS * 1_000);
  return { mb: residentMb(pid), percent: round(((cpuSeconds(pid) - before) / IDLE_SECONDS) * 100) };
}
