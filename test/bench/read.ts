import type { StoredCluster } from '@cetus/shared/schemas';
import { spawnService } from '@cetus/test-kit';
import type { CetusClient } from '../integration/support/cetus-client.ts';
import type { Member } from '../integration/support/installation.ts';
import { PROGRAM_FOLDER } from '../integration/support/programs.ts';
import type { BenchSystem } from './bench-system.ts';
import { median, report, residentMb, round } from './figures.ts';
import { load, type HttpFigures } from './http-load.ts';
import { compareListWithMagnum } from './magnum.ts';
import { seedClusters } from './seed.ts';

const SMALL = 2_000;
const LARGE = 20_000;
const PAGE = 100;
const ROUNDS = 5;
const SECONDS = 3;
const CONNECTIONS = 16;
const SAMPLE = 500;

interface Site {
  api: Member;
  client: CetusClient;
  one: string[];
  page: string[];
}

/** Reads of one cluster and of a page, against a bare route, and with few objects against many. */
export async function read(system: BenchSystem): Promise<void> {
  const small = await site(system, 'bench_small', SMALL);
  const large = await site(system, 'bench_large', LARGE);
  await answersForBare(system, large);
  const bare = await spawnService(
    [
      process.execPath,
      '--conditions=@cetus/source',
      '--import',
      'tsx',
      'test/bench/bare-server.ts',
      system.mongo.uri,
      system.rabbit.url,
    ],
    { cwd: PROGRAM_FOLDER, ready: /^ready / },
  );
  const bareUrl = bare.readyLine.slice('ready '.length);
  try {
    for (const what of ['one', 'page'] as const) {
      const found: Record<'bare' | 'small' | 'large', HttpFigures[]> = { bare: [], small: [], large: [] };
      const barePaths = large[what].map((path) => barePath(path, large));
      const of = (s: Site) =>
        load({
          url: s.api.url,
          paths: s[what],
          headers: s.client.headers,
          connections: CONNECTIONS,
          seconds: SECONDS,
        });
      for (let round = 0; round <= ROUNDS; round += 1) {
        const figures = {
          bare: await load({ url: bareUrl, paths: barePaths, connections: CONNECTIONS, seconds: SECONDS }),
          large: await of(large),
          small: await of(small),
        };
        // The first one warms all of them up.
        if (round === 0) continue;
        for (const key of ['bare', 'small', 'large'] as const) found[key].push(figures[key]);
      }
      const rate = (key: keyof typeof found): number => median(found[key].map(({ perSecond }) => perSecond));
      const p99 = (key: keyof typeof found): number => median(found[key].map((figures) => figures.p99));
      const ratio = rate('large') / rate('bare');
      report({
        bench: 'read',
        what: what === 'one' ? 'GET one of 20,000' : `a page of ${PAGE} of 20,000`,
        bare_per_s: round(rate('bare'), 0),
        cetus_per_s: round(rate('large'), 0),
        ratio: round(ratio),
        budget: '>= 0.5',
        met: ratio >= 0.5,
      });
      const flat = p99('large') / p99('small');
      report({
        bench: 'read',
        what: `${what} at 10 times the objects`,
        p99_ms_2000: round(p99('small')),
        p99_ms_20000: round(p99('large')),
        p99_ratio: round(flat),
        rate_ratio: round(rate('large') / rate('small')),
        budget: 'p99 <= 1.2',
        met: flat <= 1.2,
      });
      if (what === 'page') await compareListWithMagnum(rate('large'));
    }
    const [few, many] = [residentMb(small.api.service.pid), residentMb(large.api.service.pid)];
    report({
      bench: 'read',
      what: 'memory of the API at 10 times the objects',
      mb_2000: few,
      mb_20000: many,
      ratio: round(many / few),
      budget: '<= 1.5',
      met: many / few <= 1.5,
    });
  } finally {
    await bare.stop();
  }
}

async function site(system: BenchSystem, database: string, count: number): Promise<Site> {
  const installation = await system.installation(database);
  const [api, conductor] = await Promise.all([installation.add('api'), installation.add('conductor')]);
  const client = await installation.signIn(api);
  const uuid = await client.create(await client.template(), { name: 'example', node_count: 2 });
  await client.until(uuid, 'CREATE_COMPLETE', 60_000);
  await conductor.service.stop();
  const db = system.client.db(database);
  const example = await db.collection<StoredCluster>('clusters').findOne({ _id: uuid });
  if (example === null) throw new Error('the example is gone');
  await seedClusters(db, example, count - 1);
  const ids = (
    await db
      .collection<{ _id: string }>('clusters')
      .find({}, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .toArray()
  ).map(({ _id }) => _id);
  const sample = Array.from(
    { length: SAMPLE },
    (_, i) => ids[Math.floor((i * (ids.length - PAGE - 1)) / SAMPLE)] ?? '',
  );
  return {
    api,
    client,
    one: sample.map((id) => `/v1/clusters/${id}`),
    page: sample.map((id) => `/v1/clusters?limit=${PAGE}&marker=${id}`),
  };
}

/** The views that Cetus answers, ready to be sent. */
async function answersForBare(system: BenchSystem, { client }: Site): Promise<void> {
  const answers = system.client
    .db('bare')
    .collection<{ _id: string; project_id: string; view: object }>('answers');
  const brief = system.client
    .db('bare')
    .collection<{ _id: string; project_id: string; view: object }>('briefs');
  await Promise.all([
    answers.createIndex({ project_id: 1, _id: 1 }),
    brief.createIndex({ project_id: 1, _id: 1 }),
  ]);
  for (const [collection, path] of [
    [answers, '/v1/clusters/detail'],
    [brief, '/v1/clusters'],
  ] as const) {
    for (let marker = ''; ;) {
      const page = await client.ok<{ clusters: { uuid: string }[]; next?: string }>(
        `${path}?limit=1000${marker}`,
      );
      await collection.insertMany(
        page.clusters.map((view) => ({ _id: view.uuid, project_id: client.projectId, view })),
      );
      if (page.next === undefined) break;
      marker = `&marker=${page.clusters.at(-1)?.uuid ?? ''}`;
    }
  }
}

function barePath(path: string, { client }: Site): string {
  const marker = /marker=(.+)$/.exec(path)?.[1];
  return marker === undefined
    ? path.replace('/v1/clusters/', '/one/')
    : `/page?marker=${marker}&project=${client.projectId}`;
}
