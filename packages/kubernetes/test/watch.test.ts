import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { waitFor } from '@cetus/test-kit';
import type { KubernetesObject } from '../src/objects.ts';
import { ResourceWatch, type ResourceWatchOptions } from '../src/watch.ts';
import { ApiServer, sendJson, status } from './support/api-server.ts';

type Thing = KubernetesObject & { data?: string };

const thing = (name: string, resourceVersion: number, data = '', uid = `uid-${name}`): Thing => ({
  metadata: { name, namespace: 'n', uid, resourceVersion: String(resourceVersion), creationTimestamp: '' },
  data,
});

describe('ResourceWatch', () => {
  let api: ApiServer;
  let watch: ResourceWatch<Thing, string>;
  /** What is there, and the version of all. */
  let items: Thing[];
  let version: number;
  /** Watches that are open. */
  let open: ServerResponse[];
  let seen: string[];

  beforeEach(async () => {
    [items, version, open, seen] = [[], 1, [], []];
    api = await new ApiServer().start();
    api.answer = answer;
  });
  afterEach(async () => {
    await watch.close();
    await api.close();
  });

  const answer = (request: { url?: string | undefined }, response: ServerResponse): void => {
    if (!/[?&]watch=true/.test(request.url ?? '')) {
      sendJson(response, 200, { metadata: { resourceVersion: String(version) }, items });
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    open.push(response);
  };
  const follow = (more: Partial<ResourceWatchOptions<Thing, string>> = {}): void => {
    watch = new ResourceWatch<Thing, string>(api.connect(), {
      path: '/things',
      project: ({ data }) => data,
      backoff: { initialMs: 1, maxMs: 5 },
      ...more,
    });
    watch.on('add', (value, key) => seen.push(`add ${key} ${value}`));
    watch.on('update', (value, key, before) => seen.push(`update ${key} ${before}>${value}`));
    watch.on('delete', (before, key) => seen.push(`delete ${key} ${before}`));
    for (const event of ['synced', 'connected', 'disconnected'] as const)
      watch.on(event, () => seen.push(event));
    watch.start();
  };
  const send = (type: string, object: unknown): void => {
    open.at(-1)?.write(`${JSON.stringify({ type, object })}\n`);
  };
  const opened = (count: number): Promise<boolean> =>
    waitFor(() => open.length === count, { what: `watch ${String(count)}` });
  const until = (last: string): Promise<boolean> =>
    waitFor(() => seen.at(-1) === last, { what: `${last} after ${seen.join(', ')}` });
  const watches = (): string[] => api.requests.filter((request) => request.includes('watch=true'));
  const lists = (): string[] => api.requests.filter((request) => !request.includes('watch=true'));

  it('tells what is there, then what changes', async () => {
    items = [thing('a', 1, 'x')];
    follow();
    await opened(1);
    assert.deepEqual(seen, ['connected', 'add n/a x', 'synced']);
    send('ADDED', thing('b', 2, 'y'));
    send('MODIFIED', thing('a', 3, 'z'));
    send('DELETED', thing('b', 4, 'y'));
    await until('delete n/b y');
    assert.deepEqual(seen.slice(3), ['add n/b y', 'update n/a x>z', 'delete n/b y']);
    assert.deepEqual(
      [watch.size, watch.get('n/a'), [...watch.values()], watch.connected],
      [1, 'z', ['z'], true],
    );
    assert.match(watches()[0] ?? '', /allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=\d+$/);
  });

  it('does not remember more objects than it may', async () => {
    items = [thing('a', 1), thing('b', 1), thing('c', 1)];
    follow({ maxObjects: 2 });
    await until('disconnected');
    assert.equal(watch.size, 0);
    items = [thing('a', 1), thing('b', 1)];
    await opened(1);
    send('ADDED', thing('c', 2));
    await waitFor(() => seen.filter((one) => one === 'disconnected').length === 2, { what: 'the end' });
    assert.equal(watch.size, 2);
  });

  it('takes events that come in pieces', async () => {
    follow();
    await opened(1);
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: thing('ä', 2, 'ö') })}\n`);
    const socket = open[0] as ServerResponse;
    // Cut in the middle of a character, and before the end of the line.
    const cut = line.indexOf('ä') + 1;
    for (const piece of [
      line.subarray(0, cut),
      line.subarray(cut, line.length - 1),
      line.subarray(line.length - 1),
    ]) {
      await new Promise((resolve) => socket.write(piece, resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('add n/ä ö');
  });

  it('goes on where it was when the server ends the watch', async () => {
    follow();
    await opened(1);
    send('ADDED', thing('a', 5, 'x'));
    send('BOOKMARK', { metadata: { resourceVersion: '9' } });
    open[0]?.end();
    await opened(2);
    assert.match(watches()[1] ?? '', /resourceVersion=9&/);
    assert.equal(lists().length, 1);
    assert.deepEqual(seen, ['connected', 'synced', 'add n/a x']);
  });

  it('does not ask a server without pause that ends watches at once', async () => {
    follow({ backoff: { initialMs: 3_600_000, maxMs: 3_600_000 } });
    await opened(1);
    open[0]?.end();
    await until('disconnected');
    assert.equal(watches().length, 1);
  });

  it('says once that the cluster does not answer, and goes on by itself when it does', async () => {
    follow();
    await opened(1);
    send('ADDED', thing('a', 5, 'x'));
    await until('add n/a x');
    api.answer = (request) => void request.socket.destroy();
    api.cut();
    await until('disconnected');
    const before = api.requests.length;
    await waitFor(() => api.requests.length > before + 4);
    assert.deepEqual([watch.connected, watch.size], [false, 1]);
    api.answer = answer;
    await opened(2);
    await until('connected');
    assert.equal(seen.filter((event) => event === 'disconnected').length, 1);
    assert.match(watches().at(-1) ?? '', /resourceVersion=5&/);
  });

  it('says that a cluster does not answer from the start', async () => {
    api.answer = (request) => void request.socket.destroy();
    follow();
    await until('disconnected');
    api.answer = answer;
    await until('synced');
    assert.deepEqual(seen, ['disconnected', 'connected', 'synced']);
  });

  it('lists anew when its version is forgotten, and tells what it missed', async () => {
    items = [thing('a', 1, 'a'), thing('b', 1, 'b'), thing('c', 1, 'c'), thing('d', 1, 'd')];
    follow();
    await opened(1);
    seen.length = 0;
    items = [thing('a', 1, 'a'), thing('b', 7, 'B'), thing('c', 8, 'C', 'another'), thing('e', 9, 'e')];
    version = 10;
    send('ERROR', status(410, 'Expired', 'too old resource version'));
    await opened(2);
    assert.deepEqual(seen, [
      'delete n/d d',
      'update n/b b>B',
      'delete n/c c',
      'add n/c C',
      'add n/e e',
      'synced',
    ]);
    assert.match(watches()[1] ?? '', /resourceVersion=10&/);
  });

  it('lists anew when the cluster came back with an earlier version', async () => {
    version = 100;
    follow();
    await opened(1);
    version = 50;
    send('BOOKMARK', { metadata: { resourceVersion: '50' } });
    await opened(2);
    assert.equal(lists().length, 2);
  });

  it('lists anew after silence', async () => {
    items = [thing('a', 1, 'x')];
    follow({ silenceMs: 30 });
    await opened(1);
    items = [thing('a', 2, 'y')];
    await waitFor(() => seen.includes('update n/a x>y'));
    assert.ok(!seen.includes('disconnected'));
  });

  it('finds out by silence that a cluster is gone', async () => {
    follow({ silenceMs: 30, requestTimeoutMs: 30 });
    await opened(1);
    api.answer = () => undefined;
    await until('disconnected');
  });

  it('says that it is refused, and tries again', async () => {
    api.answer = (_request, response) => sendJson(response, 403, status(403, 'Forbidden', 'no'));
    follow();
    const [error] = (await once(watch, 'disconnected')) as [Error];
    assert.equal(error.message, 'no');
    api.answer = answer;
    await until('synced');
  });

  it('does not know what the projection leaves out', async () => {
    items = [thing('a', 1, 'x'), thing('b', 1, 'hide')];
    follow({ project: ({ data }) => (data === 'hide' ? undefined : data) });
    await opened(1);
    assert.equal(watch.size, 1);
    send('MODIFIED', thing('a', 2, 'hide'));
    await until('delete n/a x');
    send('MODIFIED', thing('b', 3, 'y'));
    await until('add n/b y');
  });

  it('reads lists page by page, and at once when the pages expire', async () => {
    api.answer = (request, response) => {
      const query = new URL(request.url ?? '', api.url).searchParams;
      const metadata = { resourceVersion: '1' };
      if (query.has('watch')) answer(request, response);
      else if (query.get('continue') === 'two') sendJson(response, 410, status(410, 'Expired', 'too late'));
      else if (query.get('limit') === '2') {
        sendJson(response, 200, { metadata: { ...metadata, continue: 'two' }, items: [thing('a', 1)] });
      } else sendJson(response, 200, { metadata, items: [thing('a', 1), thing('b', 1)] });
    };
    follow({ pageSize: 2 });
    await opened(1);
    assert.deepEqual(seen, ['connected', 'add n/a ', 'add n/b ', 'synced']);
  });

  it('is quiet once it is closed, whatever it is doing', async () => {
    follow();
    await opened(1);
    const ended = once(open[0] as ServerResponse, 'close');
    await watch.close();
    await ended;
    api.answer = () => undefined;
    follow();
    await waitFor(() => api.requests.length > 2);
    seen.length = 0;
    await watch.close();
    assert.deepEqual(seen, []);
  });
});
