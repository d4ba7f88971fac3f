import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MagnumClient } from '@cetus/openstack/magnum';
import { requireOrSkip, speaksAmqp, waitFor } from '@cetus/test-kit';
import type { EventReader } from './support/client.ts';
import { figure, live, type Live } from './support/suite.ts';

const OFFSET = Number(process.env['CETUS_LAB_PORT_OFFSET'] ?? 0);
const VHOST = OFFSET === 0 ? 'openstack' : `openstack-${String(OFFSET)}`;
const BROKER =
  process.env['CETUS_LAB_HEAT_AMQP_URL'] ??
  `amqp://openstack:${process.env['CETUS_LAB_PASSWORD'] ?? 'devpw'}@127.0.0.1:5672/${VHOST}`;
/** Clusters that are made at once; each gives two figures. */
const CLUSTERS = 4;

/** A back end with notifications of its own, and how to ask it how a cluster is. */
interface BackEnd {
  driver: 'heat' | 'magnum';
  image: string;
  /** The queue that Cetus binds. */
  queue: string;
  statuses: (on: Live) => (uuid: string) => Promise<string | null | undefined>;
}

/** One look at a time, however many ask: a back end that is watched too closely is slow because of it. */
function shared<T>(look: () => Promise<T>): () => Promise<T> {
  let looking: Promise<T> | undefined;
  return () => (looking ??= look().finally(() => (looking = undefined)));
}

const HEAT: BackEnd = {
  driver: 'heat',
  image: 'ubuntu-22.04',
  queue: 'cetus.heat-notifications',
  statuses: (on) => {
    const heat = on.lab.heat();
    return async (uuid) => (await heat.findByName(`cetus-${uuid}`))?.stack_status;
  },
};
const MAGNUM: BackEnd = {
  driver: 'magnum',
  image: 'fedora-coreos-37',
  queue: 'cetus.magnum-notifications',
  statuses: (on) => {
    const magnum = new MagnumClient(on.lab.session('demo'));
    const look = shared(async () => {
      const found = new Map<string, string | null>();
      for await (const page of magnum.listClusters())
        for (const { name, status } of page) found.set(name, status);
      return found;
    });
    return async (uuid) => (await look()).get(`cetus-${uuid}`);
  },
};

/** Makes a cluster, scales and deletes it; says how long after the back end the subscriber and the API told of each end, in milliseconds. */
async function latencies(
  on: Live,
  statusOf: ReturnType<BackEnd['statuses']>,
  stream: EventReader,
  name: string,
): Promise<{ subscriber: number[]; reader: number[] }> {
  const found = { subscriber: [] as number[], reader: [] as number[] };
  const uuid = await on.demo.create({ name, cluster_template_id: 'told', node_count: 1 });
  const ended = async (action: 'create' | 'update', status: string): Promise<void> => {
    const options = { timeoutMs: 150_000 };
    await waitFor(async () => (await statusOf(uuid)) === status, { ...options, what: status });
    const said = Date.now();
    await waitFor(async () => (await on.demo.cluster(uuid)).status === status, {
      ...options,
      what: `${status} here`,
    });
    found.reader.push(Date.now() - said);
    const told = () => stream.of(uuid).find(({ type }) => type === `cetus.cluster.${action}.end`);
    const event = await waitFor(told, { timeoutMs: 30_000, what: `${action}.end` });
    found.subscriber.push(Math.max(0, event.arrivedAt - said));
  };
  await ended('create', 'CREATE_COMPLETE');
  assert.equal((await on.demo.scale(uuid, 2)).status, 202);
  await ended('update', 'UPDATE_COMPLETE');
  await on.demo.remove(uuid);
  const events = await waitFor(
    async () => stream.of(uuid).some(({ type }) => type === 'cetus.cluster.delete.end') && stream.of(uuid),
    { what: 'delete.end' },
  );
  assert.deepEqual(
    events.map(({ sequence }) => Number(sequence)),
    events.map((_, index) => index + 1),
  );
  assert.deepEqual(
    events
      .map(({ type }) => type)
      .filter((type) => /^cetus\.cluster\.(create|update|delete|rollback)\./.test(type))
      .map((type) => type.replace('cetus.cluster.', '')),
    ['create.start', 'create.end', 'update.start', 'update.end', 'delete.start', 'delete.end'],
  );
  return found;
}

function quantiles(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (share: number): string => String(sorted[Math.ceil(share * sorted.length) - 1]);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${String(sorted.length)}`;
}

function suite(
  title: string,
  backEnd: BackEnd,
  conductor: Record<string, string>,
  withNotifications: boolean,
): void {
  live(
    title,
    (on) => {
      before(async () => {
        const { driver, image: image_id } = backEnd;
        const answer = await on.demo.template('told', { driver, image_id });
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
      });

      it('the end of every action reaches a subscriber, in order', async function () {
        this.timeout(400_000);
        const stream = await on.demo.follow('?kind=cluster');
        const names = Array.from({ length: CLUSTERS }, (_, index) => `told-${String(index)}`);
        const statusOf = backEnd.statuses(on);
        const found = await Promise.all(names.map((name) => latencies(on, statusOf, stream, name)));
        stream.close();
        for (const who of ['reader', 'subscriber'] as const) {
          const all = found.flatMap((one) => one[who]);
          figure(`at a ${who} after ${backEnd.driver} said so: ${quantiles(all)}`);
        }
      });

      if (withNotifications) {
        after('removes the queue, unless another installation uses it', async function () {
          const root =
            process.getuid?.() === 0 && ['127.0.0.1', 'localhost'].includes(new URL(BROKER).hostname);
          if (!root) return;
          await on.cetus?.stop();
          const vhost = decodeURIComponent(new URL(BROKER).pathname.slice(1));
          const args = ['-q', '-p', vhost, 'delete_queue', backEnd.queue, '--if-unused'];
          await promisify(execFile)('/usr/sbin/rabbitmqctl', args, { timeout: 30_000 });
        });
      }
    },
    () => ({
      conductor: { CETUS_CLUSTER_DRIVERS: 'heat,magnum', CETUS_RESYNC_SECONDS: '600', ...conductor },
    }),
  );
}

describe("The back ends' own notifications", () => {
  before(async function () {
    const { hostname, port } = new URL(BROKER);
    requireOrSkip(
      this,
      await speaksAmqp(hostname, Number(port || 5672)),
      "the broker of the cloud's notifications does not answer (CETUS_LAB_HEAT_AMQP_URL)",
    );
  });

  // Polled so seldom that what is told sooner was told by a notification.
  suite(
    'of Heat, and polled once a minute',
    HEAT,
    { CETUS_HEAT_NOTIFICATIONS_URL: BROKER, CETUS_HEAT_POLL_SECONDS: '6' },
    true,
  );
  suite('none of Heat, polled once a second', HEAT, { CETUS_HEAT_POLL_SECONDS: '1' }, false);
  suite(
    // Magnum may drop what it has accepted, which no notification tells.
    'of Magnum, and polled every twenty seconds',
    MAGNUM,
    { CETUS_MAGNUM_NOTIFICATIONS_URL: BROKER, CETUS_MAGNUM_POLL_SECONDS: '2' },
    true,
  );
  suite('none of Magnum, polled once a second', MAGNUM, { CETUS_MAGNUM_POLL_SECONDS: '1' }, false);
});
