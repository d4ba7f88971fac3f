import { spawnService } from '@cetus/test-kit';
import { PROGRAM_FOLDER } from '../integration/support/programs.ts';
import { BareLoop } from './bare-loop.ts';
import type { BenchSystem } from './bench-system.ts';
import { median, report, residentMb, round } from './figures.ts';
import { load } from './http-load.ts';
import { compareAcceptWithMagnum } from './magnum.ts';

const ROUNDS = 5;
const SECONDS = 3;

/** `POST /v1/clusters` → 202 against the bare loop, and, to tell what HTTP itself costs, against a bare route around the same loop. */
export async function accept(system: BenchSystem): Promise<void> {
  const { client: mongo, rabbit } = system;
  const installation = await system.installation('bench_accept');
  const [api, conductor] = await Promise.all([installation.add('api'), installation.add('conductor')]);
  // It has said which drivers there are, and runs no more: what it does with a command is measured by `reconcile`.
  await conductor.service.stop();
  const client = await installation.signIn(api);
  const template = await client.template();
  const uuid = await client.create(template, { name: 'example' });
  const example = await mongo
    .db('bench_accept')
    .collection<{ _id: string }>('clusters')
    .findOne({ _id: uuid });
  await mongo
    .db('bare')
    .collection('example')
    .insertOne({ ...example, _id: 'example' as never });
  const loop = await BareLoop.open(mongo, rabbit.url);
  const bareServer = await spawnService(
    [
      process.execPath,
      '--conditions=@cetus/source',
      '--import',
      'tsx',
      'test/bench/bare-server.ts',
      system.mongo.uri,
      rabbit.url,
    ],
    { cwd: PROGRAM_FOLDER, ready: /^ready / },
  );
  const bareUrl = bareServer.readyLine.slice('ready '.length);
  const post = {
    method: 'POST',
    headers: client.headers,
    body: { cluster_template_id: template, name: 'bench' },
  };
  try {
    for (const inFlight of [32, 1]) {
      const rates: Record<'bare' | 'bareHttp' | 'cetus', number[]> = { bare: [], bareHttp: [], cetus: [] };
      const at = { connections: inFlight, seconds: SECONDS };
      for (let round = 0; round <= ROUNDS; round += 1) {
        const bare = await loop.run(inFlight, SECONDS);
        const bareHttp = (await load({ ...at, ...post, url: bareUrl, paths: ['/accept'] })).perSecond;
        const cetus = (await load({ ...at, ...post, url: api.url, paths: ['/v1/clusters'] })).perSecond;
        // The first one warms all of them up.
        if (round === 0) continue;
        rates.bare.push(bare);
        rates.bareHttp.push(bareHttp);
        rates.cetus.push(cetus);
      }
      const [bare, bareHttp, cetus] = [median(rates.bare), median(rates.bareHttp), median(rates.cetus)];
      report({
        bench: 'accept',
        in_flight: inFlight,
        bare_per_s: round(bare, 0),
        bare_http_per_s: round(bareHttp, 0),
        cetus_per_s: round(cetus, 0),
        ratio: round(cetus / bare),
        ratio_to_bare_http: round(cetus / bareHttp),
        budget: '>= 0.6',
        met: cetus / bare >= 0.6,
        rounds: ROUNDS,
      });
      if (inFlight === 32) await compareAcceptWithMagnum(cetus);
    }
    report({ bench: 'accept', api_memory_mb: residentMb(api.service.pid) });
  } finally {
    await bareServer.stop();
    await loop.close();
  }
}
