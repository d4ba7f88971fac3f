import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import { busContract, code } from './bus-contract.ts';
import { uniqueService } from './harness.ts';
import { deferred, Inbox } from './inbox.ts';

busContract('requests', (on) => {
  it('answers a request; nothing but JSON passes', async () => {
    const { service } = uniqueService();
    const inbox = new Inbox<unknown>();
    const server = await on.bus.serveRequests(service, async (method, params) => {
      inbox.add({ method, params });
      return method === 'nothing' ? undefined : { at: new Date(0), left: undefined, list: [1] };
    });
    const client = await on.harness.join();
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
    const server = await on.bus.serveRequests(service, serve, { concurrency: 20 });
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((number) => on.bus.request(service, 'echo', number, { timeoutMs: 5_000 })),
    );
    assert.deepEqual(answers, numbers);
    await server.close();
  });

  it('throws the error of the handler, with all that it says', async () => {
    const { service } = uniqueService();
    const resource = { type: 'Pod', name: 'web-1' };
    const server = await on.bus.serveRequests(service, async () => {
      throw new CetusError('flavor_not_found', 'There is no flavor huge', {
        field: 'flavor_id',
        resource,
        retryAfterMs: 5,
      });
    });
    await assert.rejects(on.bus.request(service, 'check', {}, { timeoutMs: 5_000 }), (error: unknown) => {
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
    const server = await on.bus.serveRequests(service, async () => {
      throw new TypeError('password is hunter2');
    });
    await assert.rejects(on.bus.request(service, 'check', {}, { timeoutMs: 5_000 }), (error: unknown) => {
      code('internal_error')(error);
      assert.doesNotMatch(String(error), /hunter2/);
      return true;
    });
    await server.close();
  });

  it('ends a request whose answer takes too long, on both sides', async () => {
    const { service } = uniqueService();
    const aborted = deferred();
    const server = await on.bus.serveRequests(service, async (_method, _params, signal) => {
      signal.addEventListener('abort', () => aborted.resolve());
      await aborted.promise;
    });
    await assert.rejects(
      on.bus.request(service, 'slow', {}, { timeoutMs: 150 }),
      code('request_deadline_exceeded'),
    );
    await aborted.promise;
    await server.close();
  });

  it('says at once that nobody is there to answer', async () => {
    const { service } = uniqueService();
    await assert.rejects(
      on.bus.request(service, 'check', {}, { timeoutMs: 60_000 }),
      code('bus_unavailable'),
    );
    const server = await on.bus.serveRequests(service, async () => 'here');
    assert.equal(await on.bus.request(service, 'check', {}, { timeoutMs: 5_000 }), 'here');
    await server.close();
    await assert.rejects(
      on.bus.request(service, 'check', {}, { timeoutMs: 60_000 }),
      code('bus_unavailable'),
    );
  });

  it('waits, when a server is closed, for the requests that it answers', async () => {
    const { service } = uniqueService();
    const [started, release] = [deferred(), deferred()];
    const server = await on.bus.serveRequests(service, async () => {
      started.resolve();
      await release.promise;
      return 'done';
    });
    const answer = on.bus.request(service, 'work', {}, { timeoutMs: 5_000 });
    await started.promise;
    const closing = server.close();
    release.resolve();
    await closing;
    assert.equal(await answer, 'done');
  });
});
