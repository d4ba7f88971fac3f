import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { context, propagation, trace } from '@opentelemetry/api';
import { node } from '@opentelemetry/sdk-node';
import { rabbitUrl, requireOrSkip, topologyPrefix } from '@cetus/test-kit';
import type { Bus, DeliveredCommand } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import {
  command,
  inProcessHarness,
  notification,
  rabbitHarness,
  uniqueService,
  type BusHarness,
} from './harness.ts';
import { deferred, Inbox, type Deferred } from './inbox.ts';

const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof CetusError, String(error));
  assert.equal(error.code, expected);
  return true;
};

function busContract(name: string, open: (skip: Mocha.Context) => Promise<BusHarness>): void {
  describe(`The bus contract: ${name}`, () => {
    let harness: BusHarness;
    let bus: Bus;

    before(async function () {
      harness = await open(this);
      bus = await harness.join();
    });
    after(async () => harness?.end());

    it('delivers each command once to one of the competing consumers', async () => {
      const { service, kind } = uniqueService();
      const inboxes = [new Inbox<string>(), new Inbox<string>()];
      const consumers = await Promise.all(
        inboxes.map(async (inbox) => {
          const handler = async ({ id }: DeliveredCommand): Promise<void> => {
            inbox.add(id);
            await new Promise(setImmediate);
          };
          return (await harness.join()).consumeCommands({ service, kinds: [kind], prefetch: 5, handler });
        }),
      );
      const commands = Array.from({ length: 60 }, () => command(kind));
      await Promise.all(commands.map((each) => bus.publishCommand(each)));
      const all = (): string[] => inboxes.flatMap(({ items }) => items);
      while (all().length < 60) await new Promise(setImmediate);
      await Promise.all(consumers.map((consumer) => consumer.close()));
      assert.deepEqual(all().sort(), commands.map(({ id }) => id).sort());
      for (const { items } of inboxes) assert.ok(items.length > 0, 'both consumers have a share');
    });

    it('hands over what was published, and counts deliveries from one', async () => {
      const { service, kind } = uniqueService();
      const inbox = new Inbox<DeliveredCommand>();
      const consumer = await bus.consumeCommands({
        service,
        kinds: [kind],
        prefetch: 1,
        handler: async (c) => inbox.add(c),
      });
      const sent = command(kind, { generation: 7, reason: 'update', project_id: 'p9' });
      await bus.publishCommand(sent);
      assert.deepEqual(await inbox.take(1), [{ ...sent, attempt: 1 }]);
      await consumer.close();
    });

    it('delivers a service only the commands of its kinds', async () => {
      const [one, other] = [uniqueService(), uniqueService()];
      const inbox = new Inbox<string>();
      const consumers = await Promise.all([
        bus.consumeCommands({
          service: one.service,
          kinds: [one.kind],
          prefetch: 5,
          handler: async (c) => inbox.add(c.kind),
        }),
        bus.consumeCommands({
          service: other.service,
          kinds: [other.kind],
          prefetch: 5,
          handler: async () => undefined,
        }),
      ]);
      await bus.publishCommand(command(other.kind));
      await bus.publishCommand(command(one.kind));
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
      const consumer = await bus.consumeCommands({ service, kinds: [kind], prefetch: 3, handler });
      for (let i = 0; i < 6; i += 1) await bus.publishCommand(command(kind));
      const [first] = await started.take(3);
      // A round trip over the same bus: had there been a fourth delivery, it would be here.
      await roundTrip(bus);
      assert.equal(started.items.length, 3);
      first?.resolve();
      await started.take(4);
      await roundTrip(bus);
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
      const consumer = await bus.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
      const sent = command(kind);
      await bus.publishCommand(sent);
      const deliveries = await inbox.take(3);
      assert.deepEqual(
        deliveries,
        [1, 2, 3].map((attempt) => ({ ...sent, attempt })),
      );
      assert.ok(harness.problems.some((problem) => problem.includes(sent.id)));
      await consumer.close();
    });

    it('gives a command up after ten deliveries, and keeps it', async () => {
      const { service, kind } = uniqueService();
      const inbox = new Inbox<number>();
      const handler = async ({ attempt }: DeliveredCommand): Promise<void> => {
        inbox.add(attempt);
        throw new Error('never');
      };
      const consumer = await bus.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
      const sent = command(kind);
      await bus.publishCommand(sent);
      await inbox.take(10);
      const { id } = (await harness.nextDead()) as { id: string };
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
        const consumer = await bus.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
        const wanted = Date.now() + delayMs;
        await bus.publishCommand(command(kind), { delayMs });
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
      const consumer = await bus.consumeCommands({ service, kinds: [kind], prefetch: 2, handler });
      const commands = Array.from({ length: 5 }, () => command(kind));
      for (const each of commands) await bus.publishCommand(each);
      await started.take(2);
      const closing = consumer.close().then(() => ended);
      await roundTrip(bus);
      assert.equal(ended, 0);
      release.resolve();
      assert.equal(await closing, 2);
      assert.equal(started.items.length, 2);
      // What was not handled is still there for the next.
      const next = new Inbox<string>();
      const other = await bus.consumeCommands({
        service,
        kinds: [kind],
        prefetch: 5,
        handler: async ({ id }) => next.add(id),
      });
      await next.take(3);
      await other.close();
      assert.deepEqual([...started.items, ...next.items].sort(), commands.map(({ id }) => id).sort());
    });

    it('gives notifications to every subscriber whose pattern matches, in the order of publishing', async () => {
      const word = randomUUID().slice(0, 8);
      const [all, ends, exact] = [new Inbox<string>(), new Inbox<string>(), new Inbox<string>()];
      const other = await harness.join();
      const subscriptions = await Promise.all([
        bus.subscribeNotifications(`${word}.#`, (_event, key) => all.add(key)),
        other.subscribeNotifications(`${word}.*.end`, (_event, key) => ends.add(key)),
        other.subscribeNotifications(`${word}.create.start`, (event) => exact.add(event.id)),
      ]);
      const keys = ['create.start', 'create.end', 'update.start', 'update.error', 'delete.end'].map(
        (key) => `${word}.${key}`,
      );
      const events = keys.map((_key, index) => notification(word, index + 1));
      for (const [index, key] of keys.entries()) await bus.publishNotification(key, events[index] as never);
      assert.deepEqual(await all.take(5), keys);
      assert.deepEqual(await ends.take(2), [`${word}.create.end`, `${word}.delete.end`]);
      assert.deepEqual(await exact.take(1), [`${word}/1`]);
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
      assert.equal(exact.items.length, 1);
    });

    it('hands a notification over whole, and goes on after a subscriber that throws', async () => {
      const word = randomUUID().slice(0, 8);
      const inbox = new Inbox<unknown>();
      const subscription = await bus.subscribeNotifications(`${word}.#`, (event) => {
        inbox.add(event);
        if (inbox.items.length === 1) throw new Error('a mistake of the subscriber');
      });
      const events = [notification(word, 1), notification(word, 2)];
      for (const event of events) await bus.publishNotification(`${word}.create.start`, event);
      assert.deepEqual(await inbox.take(2), events);
      assert.ok(harness.problems.some((problem) => problem.includes(word)));
      await subscription.close();
    });

    it('tells a closed subscriber nothing more', async () => {
      const word = randomUUID().slice(0, 8);
      const [closed, open] = [new Inbox<string>(), new Inbox<string>()];
      const first = await bus.subscribeNotifications(`${word}.#`, (event) => closed.add(event.id));
      const second = await bus.subscribeNotifications(`${word}.#`, (event) => open.add(event.id));
      await first.close();
      await bus.publishNotification(`${word}.a.b`, notification(word, 1));
      await open.take(1);
      await second.close();
      assert.deepEqual(closed.items, []);
    });

    it('answers a request; nothing but JSON passes', async () => {
      const { service } = uniqueService();
      const inbox = new Inbox<unknown>();
      const server = await bus.serveRequests(service, async (method, params) => {
        inbox.add({ method, params });
        return method === 'nothing' ? undefined : { at: new Date(0), left: undefined, list: [1] };
      });
      const client = await harness.join();
      const answer = await client.request(
        service,
        'log',
        { since: new Date(0), tail: 5 },
        { timeoutMs: 5_000 },
      );
      assert.deepEqual(answer, { at: '1970-01-01T00:00:00.000Z', list: [1] });
      assert.equal(await client.request(service, 'nothing', undefined, { timeoutMs: 5_000 }), null);
      assert.deepEqual(inbox.items, [
        { method: 'log', params: { since: '1970-01-01T00:00:00.000Z', tail: 5 } },
        { method: 'nothing', params: null },
      ]);
      await server.close();
    });

    it('matches many answers to their requests, whatever their order', async () => {
      const { service } = uniqueService();
      const waiting: (() => void)[] = [];
      const serve = async (_method: string, params: unknown): Promise<unknown> => {
        if (waiting.length < 19) await new Promise<void>((resolve) => waiting.unshift(resolve));
        else for (const resolve of waiting.splice(0)) resolve();
        return params;
      };
      const server = await bus.serveRequests(service, serve, { concurrency: 20 });
      const numbers = Array.from({ length: 20 }, (_, index) => index);
      const answers = await Promise.all(
        numbers.map((number) => bus.request(service, 'echo', number, { timeoutMs: 5_000 })),
      );
      assert.deepEqual(answers, numbers);
      await server.close();
    });

    it('throws the error of the handler, with all that it says', async () => {
      const { service } = uniqueService();
      const resource = { type: 'Pod', name: 'web-1' };
      const server = await bus.serveRequests(service, async () => {
        throw new CetusError('flavor_not_found', 'There is no flavor huge', {
          field: 'flavor_id',
          resource,
          retryAfterMs: 5,
        });
      });
      await assert.rejects(bus.request(service, 'check', {}, { timeoutMs: 5_000 }), (error: unknown) => {
        code('flavor_not_found')(error);
        const { message, field, resource: failed, retryAfterMs } = error as CetusError;
        assert.deepEqual(
          { message, field, failed, retryAfterMs },
          {
            message: 'There is no flavor huge',
            field: 'flavor_id',
            failed: resource,
            retryAfterMs: 5,
          },
        );
        return true;
      });
      await server.close();
    });

    it('shows nothing of a mistake of the handler but that it was made', async () => {
      const { service } = uniqueService();
      const server = await bus.serveRequests(service, async () => {
        throw new TypeError('password is hunter2');
      });
      await assert.rejects(bus.request(service, 'check', {}, { timeoutMs: 5_000 }), (error: unknown) => {
        code('internal_error')(error);
        assert.doesNotMatch(String(error), /hunter2/);
        return true;
      });
      await server.close();
    });

    it('ends a request whose answer takes too long, on both sides', async () => {
      const { service } = uniqueService();
      const aborted = deferred();
      const server = await bus.serveRequests(service, async (_method, _params, signal) => {
        signal.addEventListener('abort', () => aborted.resolve());
        await aborted.promise;
      });
      await assert.rejects(
        bus.request(service, 'slow', {}, { timeoutMs: 150 }),
        code('request_deadline_exceeded'),
      );
      await aborted.promise;
      await server.close();
    });

    it('says at once that nobody is there to answer', async () => {
      const { service } = uniqueService();
      await assert.rejects(bus.request(service, 'check', {}, { timeoutMs: 60_000 }), code('bus_unavailable'));
      const server = await bus.serveRequests(service, async () => 'here');
      assert.equal(await bus.request(service, 'check', {}, { timeoutMs: 5_000 }), 'here');
      await server.close();
      await assert.rejects(bus.request(service, 'check', {}, { timeoutMs: 60_000 }), code('bus_unavailable'));
    });

    it('waits, when a server is closed, for the requests that it answers', async () => {
      const { service } = uniqueService();
      const [started, release] = [deferred(), deferred()];
      const server = await bus.serveRequests(service, async () => {
        started.resolve();
        await release.promise;
        return 'done';
      });
      const answer = bus.request(service, 'work', {}, { timeoutMs: 5_000 });
      await started.promise;
      const closing = server.close();
      release.resolve();
      await closing;
      assert.equal(await answer, 'done');
    });

    describe('trace context', () => {
      before(() => new node.NodeTracerProvider().register());
      after(() => {
        trace.disable();
        context.disable();
        propagation.disable();
      });

      it('travels with commands, also with those that wait or are delivered again', async () => {
        const { service, kind } = uniqueService();
        const inbox = new Inbox<{
          reason: string;
          attempt: number;
          handled: string | undefined;
          named: string | undefined;
        }>();
        const handler = async ({ reason, attempt, traceparent }: DeliveredCommand): Promise<void> => {
          const handled = trace.getActiveSpan()?.spanContext().traceId;
          inbox.add({ reason, attempt, handled, named: traceparent?.split('-')[1] });
          if (reason === 'again' && attempt === 1) throw new Error('again');
        };
        const consumer = await bus.consumeCommands({ service, kinds: [kind], prefetch: 5, handler });
        const id = await trace.getTracer('test').startActiveSpan('request', async (span) => {
          await bus.publishCommand(command(kind));
          await bus.publishCommand(command(kind, { reason: 'wake-up' }), { delayMs: 300 });
          await bus.publishCommand(command(kind, { reason: 'again' }));
          span.end();
          return span.spanContext().traceId;
        });
        for (const { handled, named } of await inbox.take(4))
          assert.deepEqual({ handled, named }, { handled: id, named: id });
        await consumer.close();
      });

      it('travels with requests', async () => {
        const { service } = uniqueService();
        const server = await bus.serveRequests(
          service,
          async () => trace.getActiveSpan()?.spanContext().traceId,
        );
        await trace.getTracer('test').startActiveSpan('request', async (span) => {
          assert.equal(
            await bus.request(service, 'which', {}, { timeoutMs: 5_000 }),
            span.spanContext().traceId,
          );
          span.end();
        });
        await server.close();
      });
    });

    it('is of no use after it was closed, and says so', async () => {
      const own = name === 'in process' ? inProcessHarness() : harness;
      const closed = await own.join();
      await closed.health();
      const { service, kind } = uniqueService();
      const [started, release] = [new Inbox<string>(), deferred()];
      let ended = 0;
      const handler = async ({ id }: DeliveredCommand): Promise<void> => {
        started.add(id);
        await release.promise;
        ended += 1;
      };
      await closed.consumeCommands({ service, kinds: [kind], prefetch: 1, handler });
      for (let i = 0; i < 3; i += 1) await closed.publishCommand(command(kind));
      await started.take(1);
      const closing = closed.close();
      release.resolve();
      await closing;
      assert.deepEqual(
        { started: started.items.length, ended },
        { started: 1, ended: 1 },
        'it waits for what runs, and starts nothing',
      );
      await assert.rejects(closed.health(), code('bus_unavailable'));
      await assert.rejects(closed.publishCommand(command('k')), code('bus_unavailable'));
      await assert.rejects(
        closed.publishNotification('a.b.c', notification('s', 1)),
        code('bus_unavailable'),
      );
      await assert.rejects(closed.request('s', 'm', {}, { timeoutMs: 100 }), code('bus_unavailable'));
    });
  });
}

/** A request there and back: what was on its way before is there when it ends. */
async function roundTrip(bus: Bus): Promise<void> {
  const { service } = uniqueService();
  const server = await bus.serveRequests(service, async () => null);
  await bus.request(service, 'ping', {}, { timeoutMs: 5_000 });
  await server.close();
}

busContract('in process', async () => inProcessHarness());
busContract('RabbitMQ', async (context) => {
  const url = await rabbitUrl();
  requireOrSkip(context, url, 'no RabbitMQ answers');
  return rabbitHarness(url, topologyPrefix('bus-contract'));
});
