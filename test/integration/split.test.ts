import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import {
  canStartRabbit,
  requireOrSkip,
  startRabbit,
  startTestMongo,
  waitFor,
  type PrivateRabbit,
} from '@cetus/test-kit';
import type { CetusClient } from './support/cetus-client.ts';
import { disorder, EventFollower } from './support/event-follower.ts';
import { Installation, withDatabase, type Member } from './support/installation.ts';
import { TraceCollector } from './support/trace-collector.ts';

const BURST = 200;
const IN_FLIGHT = 20;

/** The names of the services have no prefix, so a broker that is shared with others cannot be used. */
async function broker(): Promise<{ url: string; stop: () => Promise<void> } | undefined> {
  const url = process.env.CETUS_TEST_AMQP_URL;
  if (url !== undefined) return { url, stop: async () => undefined };
  if (!canStartRabbit()) return undefined;
  const rabbit: PrivateRabbit = await startRabbit();
  return rabbit;
}

describe('integration: two of every service over RabbitMQ', function () {
  this.timeout(300_000);
  let rabbit: Awaited<ReturnType<typeof broker>>;
  let installation: Installation;
  let traces: TraceCollector;
  let api: Member;
  let conductor: Member;
  let client: CetusClient;
  let template: string;

  before(async function () {
    const [found, mongo] = await Promise.all([broker(), startTestMongo()]);
    requireOrSkip(this, found, 'rabbitmq-server is not installed and CETUS_TEST_AMQP_URL is not set');
    rabbit = found;
    traces = await TraceCollector.start();
    installation = await Installation.start({
      mongodbUrl: withDatabase(mongo.uri, mongo.databaseName('split')),
      amqpUrl: found.url,
      form: 'source',
    });
    // Telemetry takes long to load, so only the first of each has it, and they are alone while it is tested.
    const traced = {
      nodeArgs: ['--import', '@cetus/shared/telemetry/register'],
      settings: traces.environment,
    };
    [api, conductor] = await Promise.all([
      installation.add('api', traced),
      installation.add('conductor', traced),
    ]);
    client = await installation.signIn(api);
    template = await client.template();
  });
  after(async () => {
    await installation?.close();
    await traces?.close();
    await rabbit?.stop();
  });

  it('is one trace from the request through the bus to the back end', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const traceparent = `00-${traceId}-${'1'.repeat(16)}-01`;
    const uuid = await client.create(template, { name: 'traced' }, { traceparent });
    await client.until(uuid, 'CREATE_COMPLETE');
    const spans = await waitFor(
      () => {
        const found = traces.spansOf(traceId);
        const kinds = new Set(found.map(({ service }) => service));
        return kinds.size === 2 && found.some(({ attributes }) => /\/stacks$/m.test(attributes)) && found;
      },
      { what: 'spans of both services and of the request to Heat' },
    );
    assert.ok(
      spans.some(({ name }) => name === 'POST' || name.startsWith('POST ')),
      'the request',
    );
    assert.ok(
      spans.some(({ name }) => name === 'reconcile cluster'),
      'the round',
    );
    const events = await client.events(uuid);
    for (const event of events.filter(({ type }) => /\.(start|end)$/.test(type))) {
      assert.equal(event.traceparent?.split('-')[1], traceId, event.type);
    }
    await client.delete(uuid);
  });

  describe('with the second of each', () => {
    let clients: [CetusClient, CetusClient];

    before(async () => {
      const [other] = await Promise.all([installation.add('api'), installation.add('conductor')]);
      clients = [client, await installation.signIn(other)];
    });

    it('answers a repeated request alike, whichever process it reaches', async () => {
      const body = { name: 'once' };
      const headers = { 'idempotency-key': randomUUID() };
      const made = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (clients[i % 2] as CetusClient).create(template, body, headers)),
      );
      assert.equal(new Set(made).size, 1);
      const other = await clients[1].request('/v1/clusters', {
        method: 'POST',
        body: { name: 'another', cluster_template_id: template },
        headers,
      });
      assert.equal(other.status, 422);
      const uuid = made[0] as string;
      await clients[1].until(uuid, 'CREATE_COMPLETE');
      await clients[0].delete(uuid);
      await clients[1].untilGone(uuid);
      assert.equal(await clients[1].create(template, body, headers), uuid, 'also after it was deleted');
    });

    it('shares a burst, and loses nothing when a conductor is killed in the middle', async () => {
      const before = Object.keys((await installation.cloud.stats()).stacksCreated);
      const follower = new EventFollower(clients[1]);
      try {
        await follower.ready;
        const uuids: string[] = [];
        let next = 0;
        const clientOf = (i: number): CetusClient => clients[i % 2] as CetusClient;
        const worker = async (): Promise<void> => {
          for (let i = next++; i < BURST; i = next++) {
            uuids.push(
              await clientOf(i).create(template, { name: `burst-${i}` }, { 'idempotency-key': randomUUID() }),
            );
          }
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
        await waitFor(
          async () =>
            Object.keys((await installation.cloud.stats()).stacksCreated).length - before.length > BURST / 4,
          {
            timeoutMs: 90_000,
          },
        );
        await conductor.kill9();

        const clusters = await waitFor(
          async () => {
            const found = (await clients[0].clusters()).filter(({ name }) => name.startsWith('burst-'));
            return found.every(({ status }) => status === 'CREATE_COMPLETE') && found;
          },
          { timeoutMs: 180_000, what: 'the whole burst is complete' },
        );
        assert.equal(clusters.length, BURST);
        assert.equal(new Set(uuids).size, BURST);
        const created = Object.entries((await installation.cloud.stats()).stacksCreated).filter(
          ([name]) => !before.includes(name),
        );
        assert.deepEqual(
          created.filter(([, count]) => count !== 1),
          [],
          'created more than once',
        );
        assert.deepEqual(created.map(([name]) => name).sort(), uuids.map((uuid) => `cetus-${uuid}`).sort());
        await waitFor(
          () =>
            uuids.every((uuid) => follower.of(uuid).some(({ type }) => type === 'cetus.cluster.create.end')),
          {
            what: 'the follower saw every end',
          },
        );
        assert.deepEqual(disorder(follower.events.filter(({ subject }) => uuids.includes(subject))), []);
      } finally {
        await follower.close();
      }
    });
  });
});
