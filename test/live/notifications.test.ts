import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requireOrSkip, speaksAmqp, waitFor } from '@cetus/test-kit';
import type { EventReader } from './support/client.ts';
import { figure, live, type Live } from './support/suite.ts';

const OFFSET = Number(process.env['CETUS_LAB_PORT_OFFSET'] ?? 0);
const VHOST = OFFSET === 0 ? 'openstack' : `openstack-${String(OFFSET)}`;
const URL_OF_HEAT =
  process.env['CETUS_LAB_HEAT_AMQP_URL'] ??
  `amqp://openstack:${process.env['CETUS_LAB_PASSWORD'] ?? 'devpw'}@127.0.0.1:5672/${VHOST}`;

/** Makes a cluster, scales and deletes it; says how long after Heat the API told of each end. */
async function latencies(on: Live, stream: EventReader, name: string): Promise<number[]> {
  const found: number[] = [];
  const uuid = await on.demo.create({ name, cluster_template_id: 'told', node_count: 1 });
  const ended = async (action: 'create' | 'update', status: string): Promise<void> => {
    const told = () => stream.of(uuid).find(({ type }) => type === `cetus.cluster.${action}.end`);
    const heat = on.lab.heat();
    await waitFor(async () => (await heat.findByName(`cetus-${uuid}`))?.stack_status === status, {
      timeoutMs: 60_000,
      what: status,
    });
    const saidByHeat = Date.now();
    const event = await waitFor(told, { timeoutMs: 30_000, what: `${action}.end` });
    found.push(Math.max(0, event.arrivedAt - saidByHeat));
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
      .map(({ type }) => type.replace('cetus.cluster.', ''))
      .filter((type) => type !== 'condition.changed'),
    ['create.start', 'create.end', 'update.start', 'update.end', 'delete.start', 'delete.end'],
  );
  return found;
}

function suite(title: string, conductor: Record<string, string>, withNotifications: boolean): void {
  live(
    title,
    (on) => {
      before(async () => {
        assert.equal((await on.demo.template('told')).status, 201);
      });

      it('the end of every action reaches a subscriber, in order', async () => {
        const stream = await on.demo.follow('?kind=cluster');
        const found = await latencies(on, stream, 'told');
        stream.close();
        figure(
          `at a subscriber ${found.map((ms) => `${String(ms)} ms`).join(' and ')} after Heat's API said so`,
        );
      });

      if (withNotifications) {
        after('removes the queue, unless another installation uses it', async function () {
          const root =
            process.getuid?.() === 0 && ['127.0.0.1', 'localhost'].includes(new URL(URL_OF_HEAT).hostname);
          if (!root) return;
          await on.cetus?.stop();
          const args = [
            '-q',
            '-p',
            decodeURIComponent(new URL(URL_OF_HEAT).pathname.slice(1)),
            'delete_queue',
            'cetus.heat-notifications',
            '--if-unused',
          ];
          await promisify(execFile)('/usr/sbin/rabbitmqctl', args, { timeout: 30_000 });
        });
      }
    },
    () => ({ conductor }),
  );
}

describe("Heat's own notifications", () => {
  before(async function () {
    const { hostname, port } = new URL(URL_OF_HEAT);
    requireOrSkip(
      this,
      await speaksAmqp(hostname, Number(port || 5672)),
      "the broker of Heat's notifications does not answer (CETUS_LAB_HEAT_AMQP_URL)",
    );
  });

  // Polled once a minute, so what is told sooner was told by a notification.
  suite(
    'with notifications, polled once a minute',
    { CETUS_HEAT_NOTIFICATIONS_URL: URL_OF_HEAT, CETUS_HEAT_POLL_SECONDS: '6', CETUS_RESYNC_SECONDS: '600' },
    true,
  );
  suite('without, polled once a second', { CETUS_HEAT_POLL_SECONDS: '1' }, false);
});
