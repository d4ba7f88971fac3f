import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { rabbitUrl, requireOrSkip, spawnService, TcpProxy, topologyPrefix, waitFor } from '@cetus/test-kit';
import {
  connectRabbitBus,
  createTopology,
  type Bus,
  type Command,
  type DeliveredCommand,
} from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import { command, notification, rabbitHarness, uniqueService, withChannel } from './harness.ts';
import { deferred, Inbox } from './inbox.ts';

const unavailable = (error: unknown): boolean =>
  error instanceof CetusError && error.code === 'bus_unavailable';

describe('The bus over RabbitMQ', () => {
  let url: string;
  let harness: ReturnType<typeof rabbitHarness>;
  let bus: Bus;
  const proxies: TcpProxy[] = [];

  before(async function () {
    const found = await rabbitUrl();
    requireOrSkip(this, found, 'no RabbitMQ answers');
    url = found;
    harness = rabbitHarness(url, topologyPrefix('bus-rabbitmq'));
    bus = await harness.join();
  });
  after(async () => {
    for (const proxy of proxies) proxy.restore();
    await harness?.end();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  });

  async function joinThroughProxy(
    options: { confirmTimeoutMs?: number } = {},
  ): Promise<{ proxy: TcpProxy; behind: Bus }> {
    const proxy = new TcpProxy(url);
    proxies.push(proxy);
    return { proxy, behind: await harness.join({ url: await proxy.start(), ...options }) };
  }

  const healthy = (of: Bus): Promise<unknown> =>
    waitFor(() => of.health().then(() => true), { what: 'the bus is back' });

  describe('when the connection is lost', () => {
    it('refuses to publish or ask until it is back, and then goes on', async () => {
      const { proxy, behind } = await joinThroughProxy();
      const { service, kind } = uniqueService();
      const inbox = new Inbox<string>();
      await bus.consumeCommands({
        service,
        kinds: [kind],
        prefetch: 5,
        handler: async ({ id }) => inbox.add(id),
      });
      const server = await bus.serveRequests(service, async () => 'here');
      proxy.cut();
      await waitFor(() => behind.health().then(() => false, unavailable));
      await assert.rejects(behind.publishCommand(command(kind)), unavailable);
      await assert.rejects(behind.publishNotification('a.b.c', notification('s', 1)), unavailable);
      await assert.rejects(behind.request(service, 'm', {}, { timeoutMs: 5_000 }), unavailable);
      proxy.restore();
      await healthy(behind);
      const sent = command(kind);
      await behind.publishCommand(sent);
      assert.deepEqual(await inbox.take(1), [sent.id]);
      assert.equal(await behind.request(service, 'm', {}, { timeoutMs: 5_000 }), 'here');
      await server.close();
    });

    it('fails what waits for a confirm or an answer, at once', async () => {
      const { proxy, behind } = await joinThroughProxy({ confirmTimeoutMs: 60_000 });
      const { service, kind } = uniqueService();
      const started = deferred();
      const release = deferred();
      await bus.serveRequests(service, async () => {
        started.resolve();
        await release.promise;
      });
      const asked = assert.rejects(behind.request(service, 'm', {}, { timeoutMs: 60_000 }), unavailable);
      await started.promise;
      proxy.stall();
      const published = assert.rejects(behind.publishCommand(command(kind)), unavailable);
      proxy.cut();
      await Promise.all([asked, published]);
      release.resolve();
    });

    it('brings consumers, subscribers and servers back, and delivers again what was not acknowledged', async () => {
      const { proxy, behind } = await joinThroughProxy();
      const { service, kind } = uniqueService();
      const release = deferred();
      const deliveries = new Inbox<DeliveredCommand>();
      const handler = async (delivered: DeliveredCommand): Promise<void> => {
        deliveries.add(delivered);
        if (delivered.attempt === 1 && delivered.reason === 'create') await release.promise;
      };
      await behind.consumeCommands({ service, kinds: [kind], prefetch: 5, handler });
      let interrupted = 0;
      const events = new Inbox<string>();
      const word = randomUUID().slice(0, 8);
      const options = { onInterrupted: () => void (interrupted += 1) };
      await behind.subscribeNotifications(`${word}.#`, ({ id }) => events.add(id), options);
      await behind.serveRequests(service, async () => 'here');
      const held = command(kind);
      await bus.publishCommand(held);
      await deliveries.take(1);
      await bus.publishNotification(`${word}.a.b`, notification(word, 1));
      await events.take(1);
      assert.equal(interrupted, 0);

      proxy.cut();
      await waitFor(() => behind.health().then(() => false, unavailable));
      // The handler ends while there is nobody to acknowledge to: no reason to fall over.
      release.resolve();
      await bus.publishNotification(`${word}.a.b`, notification(word, 2));
      await bus.publishCommand(command(kind, { reason: 'update' }));
      proxy.restore();

      const all = await deliveries.take(3);
      assert.deepEqual(all.map(({ id }) => id).filter((id) => id === held.id).length, 2, 'delivered again');
      assert.equal(all.find(({ id, attempt }) => id === held.id && attempt > 1)?.attempt, 2, 'and counted');
      await waitFor(() => interrupted === 1);
      // Servers come back after subscribers.
      await healthy(behind);
      await bus.publishNotification(`${word}.a.b`, notification(word, 3));
      assert.deepEqual(
        await events.take(2),
        [`${word}/1`, `${word}/3`],
        'those in between are missed: hence onInterrupted',
      );
      assert.equal(await bus.request(service, 'm', {}, { timeoutMs: 5_000 }), 'here');
    });

    it('survives connections that are cut while they are set up', async () => {
      const { proxy, behind } = await joinThroughProxy();
      const { service, kind } = uniqueService();
      const inbox = new Inbox<string>();
      await behind.consumeCommands({
        service,
        kinds: [kind],
        prefetch: 5,
        handler: async ({ id }) => inbox.add(id),
      });
      const before = proxy.accepted;
      proxy.cutAfterBytes = 900;
      proxy.cut({ refuse: false });
      await waitFor(() => proxy.accepted >= before + 2, { what: 'two more attempts' });
      proxy.cutAfterBytes = Number.POSITIVE_INFINITY;
      await healthy(behind);
      const sent = command(kind);
      await bus.publishCommand(sent);
      assert.deepEqual(await inbox.take(1), [sent.id]);
    });

    it('does not bring back what was closed meanwhile', async () => {
      const { proxy, behind } = await joinThroughProxy();
      const { service, kind } = uniqueService();
      const inbox = new Inbox<string>();
      const handler = async ({ id }: DeliveredCommand): Promise<void> => inbox.add(id);
      const consumer = await behind.consumeCommands({ service, kinds: [kind], prefetch: 5, handler });
      proxy.cut();
      await waitFor(() => behind.health().then(() => false, unavailable));
      await consumer.close();
      proxy.restore();
      await healthy(behind);
      const { messageCount, consumerCount } = await withChannel(url, (channel) =>
        channel.checkQueue(createTopology(harness.prefix).commandQueue(service)),
      );
      assert.deepEqual({ messageCount, consumerCount }, { messageCount: 0, consumerCount: 0 });
    });
  });

  describe('when the broker takes no messages', () => {
    it('gives up publishing after a time, and goes on when it takes them again', async () => {
      const { proxy, behind } = await joinThroughProxy({ confirmTimeoutMs: 200 });
      const { service, kind } = uniqueService();
      const inbox = new Inbox<string>();
      await bus.consumeCommands({
        service,
        kinds: [kind],
        prefetch: 5,
        handler: async ({ id }) => inbox.add(id),
      });
      proxy.stall();
      const lost = command(kind);
      await assert.rejects(behind.publishCommand(lost), unavailable);
      proxy.restore();
      const sent = command(kind);
      await behind.publishCommand(sent);
      // The one that was given up may come all the same: a command is only a reason to look.
      await waitFor(() => inbox.items.includes(sent.id));
    });

    it('keeps a command whose handler failed, until it can be put off', async () => {
      const { proxy, behind } = await joinThroughProxy({ confirmTimeoutMs: 100 });
      const { service, kind } = uniqueService();
      const attempts = new Inbox<number>();
      const handler = async ({ attempt }: DeliveredCommand): Promise<void> => {
        attempts.add(attempt);
        if (attempt > 1) return;
        proxy.stall();
        throw new Error('not yet');
      };
      await behind.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
      await bus.publishCommand(command(kind));
      await waitFor(() => harness.problems.some((problem) => problem.startsWith('command not settled')));
      proxy.restore();
      assert.equal((await attempts.take(2))[1], 2);
      await behind.close();
      const queue = createTopology(harness.prefix).commandQueue(service);
      assert.equal(
        (await withChannel(url, (channel) => channel.checkQueue(queue))).messageCount,
        0,
        'nothing is left behind',
      );
    });
  });

  it('gets what a process had that died with kill -9', async () => {
    const { service, kind } = uniqueService();
    await harness.join({ services: { [service]: [kind] } });
    const program = fileURLToPath(new URL('./dying-consumer.ts', import.meta.url));
    const args = [
      '--conditions=@cetus/source',
      '--import',
      'tsx',
      program,
      url,
      harness.prefix,
      service,
      kind,
    ] as const;
    const commands = Array.from({ length: 8 }, () => command(kind));
    // Queues exist before their service has ever run, so nothing that is published then is lost.
    for (const each of commands) await bus.publishCommand(each);
    const child = await spawnService([process.execPath, ...args], { ready: /^took / });
    await waitFor(() => child.output().match(/took /g)?.length === 5);
    await child.kill9();
    const inbox = new Inbox<DeliveredCommand>();
    await bus.consumeCommands({
      service,
      kinds: [kind],
      prefetch: 10,
      handler: async (each) => inbox.add(each),
    });
    const all = await inbox.take(8);
    assert.deepEqual(all.map(({ id }) => id).sort(), commands.map(({ id }) => id).sort());
    assert.deepEqual(all.map(({ attempt }) => attempt).sort(), [1, 1, 1, 2, 2, 2, 2, 2]);
  });

  it('buries a command that kills every consumer, by the limit of deliveries', async () => {
    const { service, kind } = uniqueService();
    await harness.join({ services: { [service]: [kind] } });
    const sent = command(kind);
    await bus.publishCommand(sent);
    const topology = createTopology(harness.prefix);
    const queue = topology.commandQueue(service);
    await withChannel(url, async (channel) => {
      for (let delivery = 0; delivery <= topology.deliveryLimit; delivery += 1) {
        // What the broker does with the messages of a connection that ends.
        const message = await waitFor(() => channel.get(queue));
        assert.equal(Number(message.properties.headers?.['x-delivery-count'] ?? 0), delivery);
        channel.nack(message, false, true);
      }
    });
    assert.deepEqual(await harness.nextDead(), sent);
  });

  it('buries what is not a command, as it is', async () => {
    const { service, kind } = uniqueService();
    const inbox = new Inbox<string>();
    await bus.consumeCommands({
      service,
      kinds: [kind],
      prefetch: 1,
      handler: async ({ id }) => inbox.add(id),
    });
    const topology = createTopology(harness.prefix);
    const broken: Partial<Command>[] = [{ kind }, { id: 'x', project_id: 'p' }];
    await withChannel(url, async (channel) => {
      for (const body of broken)
        channel.publish(topology.commands, `${kind}.create`, Buffer.from(JSON.stringify(body)));
      // Answered after what was sent before it.
      await channel.checkExchange(topology.commands);
    });
    assert.deepEqual([await harness.nextDead(), await harness.nextDead()], broken);
    const sent = command(kind);
    await bus.publishCommand(sent);
    assert.deepEqual(await inbox.take(1), [sent.id]);
  });

  it('makes consumers anew when their queue is deleted', async () => {
    const { service, kind } = uniqueService();
    const behind = await harness.join();
    const inbox = new Inbox<string>();
    await behind.consumeCommands({
      service,
      kinds: [kind],
      prefetch: 1,
      handler: async ({ id }) => inbox.add(id),
    });
    await withChannel(url, (channel) =>
      channel.deleteQueue(createTopology(harness.prefix).commandQueue(service)),
    );
    await waitFor(async () => {
      await bus.publishCommand(command(kind));
      return inbox.items.length > 0;
    });
  });

  it('fails after a few tries where no broker is', async () => {
    const proxy = new TcpProxy(url);
    const nowhere = await proxy.start();
    await proxy.stop();
    const options = {
      url: nowhere,
      prefix: harness.prefix,
      services: {},
      onProblem: () => undefined,
      startRetries: 1,
    };
    await assert.rejects(connectRabbitBus(options), unavailable);
  });
});
