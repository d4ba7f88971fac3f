import assert from 'node:assert/strict';
import type { DeliveredCommand } from '@cetus/shared/bus';
import { busContract, roundTrip } from './bus-contract.ts';
import { command, uniqueService } from './harness.ts';
import { deferred, Inbox, type Deferred } from './inbox.ts';

busContract('commands', (on) => {
  it('delivers each command once to one of the competing consumers', async () => {
    const { service, kind } = uniqueService();
    const inboxes = [new Inbox<string>(), new Inbox<string>()];
    const consumers = await Promise.all(
      inboxes.map(async (inbox) => {
        const handler = async ({ id }: DeliveredCommand): Promise<void> => {
          inbox.add(id);
          await new Promise(setImmediate);
        };
        return (await on.harness.join()).consumeCommands({ service, kinds: [kind], prefetch: 5, handler });
      }),
    );
    const commands = Array.from({ length: 60 }, () => command(kind));
    await Promise.all(commands.map((each) => on.bus.publishCommand(each)));
    const all = (): string[] => inboxes.flatMap(({ items }) => items);
    while (all().length < 60) await new Promise(setImmediate);
    await Promise.all(consumers.map((consumer) => consumer.close()));
    assert.deepEqual(all().sort(), commands.map(({ id }) => id).sort());
    for (const { items } of inboxes) assert.ok(items.length > 0, 'both consumers have a share');
  });

  it('hands over what was published, and counts deliveries from one', async () => {
    const { service, kind } = uniqueService();
    const inbox = new Inbox<DeliveredCommand>();
    const consumer = await on.bus.consumeCommands({
      service,
      kinds: [kind],
      prefetch: 1,
      handler: async (c) => inbox.add(c),
    });
    const sent = command(kind, { generation: 7, reason: 'update', project_id: 'p9' });
    await on.bus.publishCommand(sent);
    assert.deepEqual(await inbox.take(1), [{ ...sent, attempt: 1 }]);
    await consumer.close();
  });

  it('delivers a service only the commands of its kinds', async () => {
    const [one, other] = [uniqueService(), uniqueService()];
    const inbox = new Inbox<string>();
    const consumers = await Promise.all([
      on.bus.consumeCommands({
        service: one.service,
        kinds: [one.kind],
        prefetch: 5,
        handler: async (c) => inbox.add(c.kind),
      }),
      on.bus.consumeCommands({
        service: other.service,
        kinds: [other.kind],
        prefetch: 5,
        handler: async () => undefined,
      }),
    ]);
    await on.bus.publishCommand(command(other.kind));
    await on.bus.publishCommand(command(one.kind));
    assert.deepEqual(await inbox.take(1), [one.kind]);
    await Promise.all(consumers.map((consumer) => consumer.close()));
    assert.equal(inbox.items.length, 1);
  });

  it('has no more than `prefetch` commands unacknowledged in a process', async () => {
    const { service, kind } = uniqueService();
    const started = new Inbox<Deferred<void>>();
    const handler = (): Promise<void> => {
      const turn = deferred();
      started.add(turn);
      return turn.promise;
    };
    const consumer = await on.bus.consumeCommands({ service, kinds: [kind], prefetch: 3, handler });
    for (let i = 0; i < 6; i += 1) await on.bus.publishCommand(command(kind));
    const [first] = await started.take(3);
    // A round trip over the same bus: had there been a fourth delivery, it would be here.
    await roundTrip(on.bus);
    assert.equal(started.items.length, 3);
    first?.resolve();
    await started.take(4);
    await roundTrip(on.bus);
    assert.equal(started.items.length, 4, 'one more for the one that was acknowledged');
    for (const turn of started.items) turn.resolve();
    for (const turn of await started.take(6)) turn.resolve();
    await consumer.close();
  });

  it('delivers a command again whose handler failed, later and with the next number', async () => {
    const { service, kind } = uniqueService();
    const inbox = new Inbox<DeliveredCommand>();
    const handler = async (delivered: DeliveredCommand): Promise<void> => {
      inbox.add(delivered);
      if (delivered.attempt < 3) throw new Error('not yet');
    };
    const consumer = await on.bus.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
    const sent = command(kind);
    await on.bus.publishCommand(sent);
    const deliveries = await inbox.take(3);
    assert.deepEqual(
      deliveries,
      [1, 2, 3].map((attempt) => ({ ...sent, attempt })),
    );
    assert.ok(on.harness.problems.some((problem) => problem.includes(sent.id)));
    await consumer.close();
  });

  it('gives a command up after ten deliveries, and keeps it', async () => {
    const { service, kind } = uniqueService();
    const inbox = new Inbox<number>();
    const handler = async ({ attempt }: DeliveredCommand): Promise<void> => {
      inbox.add(attempt);
      throw new Error('never');
    };
    const consumer = await on.bus.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
    const sent = command(kind);
    await on.bus.publishCommand(sent);
    await inbox.take(10);
    const { id } = (await on.harness.nextDead()) as { id: string };
    assert.equal(id, sent.id);
    await consumer.close();
    assert.deepEqual(inbox.items, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  for (const delayMs of [100, 600, 1_300]) {
    it(`holds a command back for ${String(delayMs)} ms, not less, and does not lose it`, async () => {
      const { service, kind } = uniqueService();
      const inbox = new Inbox<{ at: number; attempt: number }>();
      const handler = async ({ attempt }: DeliveredCommand): Promise<void> =>
        inbox.add({ at: Date.now(), attempt });
      const consumer = await on.bus.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
      const wanted = Date.now() + delayMs;
      await on.bus.publishCommand(command(kind), { delayMs });
      const [delivered] = await inbox.take(1);
      assert.ok((delivered?.at ?? 0) >= wanted, `${String(wanted - (delivered?.at ?? 0))} ms early`);
      assert.equal(delivered?.attempt, 1, 'waiting is no failed delivery');
      await consumer.close();
    });
  }

  it('waits, when a consumer is closed, for the handlers that run, and starts no other', async () => {
    const { service, kind } = uniqueService();
    const [started, release] = [new Inbox<string>(), deferred()];
    let ended = 0;
    const handler = async ({ id }: DeliveredCommand): Promise<void> => {
      started.add(id);
      await release.promise;
      ended += 1;
    };
    const consumer = await on.bus.consumeCommands({ service, kinds: [kind], prefetch: 2, handler });
    const commands = Array.from({ length: 5 }, () => command(kind));
    for (const each of commands) await on.bus.publishCommand(each);
    await started.take(2);
    const closing = consumer.close().then(() => ended);
    await roundTrip(on.bus);
    assert.equal(ended, 0);
    release.resolve();
    assert.equal(await closing, 2);
    assert.equal(started.items.length, 2);
    // What was not handled is still there for the next.
    const next = new Inbox<string>();
    const other = await on.bus.consumeCommands({
      service,
      kinds: [kind],
      prefetch: 5,
      handler: async ({ id }) => next.add(id),
    });
    await next.take(3);
    await other.close();
    assert.deepEqual([...started.items, ...next.items].sort(), commands.map(({ id }) => id).sort());
  });
});
