import assert from 'node:assert/strict';
import { context, propagation, trace } from '@opentelemetry/api';
import { node } from '@opentelemetry/sdk-node';
import type { DeliveredCommand } from '@cetus/shared/bus';
import { busContract, code } from './bus-contract.ts';
import { command, notification, uniqueService } from './harness.ts';
import { deferred, Inbox } from './inbox.ts';

busContract('traces and closing', (on) => {
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
      const consumer = await on.bus.consumeCommands({ service, kinds: [kind], prefetch: 5, handler });
      const id = await trace.getTracer('test').startActiveSpan('request', async (span) => {
        await on.bus.publishCommand(command(kind));
        await on.bus.publishCommand(command(kind, { reason: 'wake-up' }), { delayMs: 300 });
        await on.bus.publishCommand(command(kind, { reason: 'again' }));
        span.end();
        return span.spanContext().traceId;
      });
      for (const { handled, named } of await inbox.take(4))
        assert.deepEqual({ handled, named }, { handled: id, named: id });
      await consumer.close();
    });

    it('travels with requests', async () => {
      const { service } = uniqueService();
      const server = await on.bus.serveRequests(
        service,
        async () => trace.getActiveSpan()?.spanContext().traceId,
      );
      await trace.getTracer('test').startActiveSpan('request', async (span) => {
        assert.equal(
          await on.bus.request(service, 'which', {}, { timeoutMs: 5_000 }),
          span.spanContext().traceId,
        );
        span.end();
      });
      await server.close();
    });
  });

  it('is of no use after it was closed, and says so', async () => {
    const closed = await on.ofItsOwn();
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
    await assert.rejects(closed.publishNotification('a.b.c', notification('s', 1)), code('bus_unavailable'));
    await assert.rejects(closed.request('s', 'm', {}, { timeoutMs: 100 }), code('bus_unavailable'));
  });
});
