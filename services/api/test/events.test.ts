import { strict as assert } from 'node:assert';
import { once, type EventEmitter } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { waitFor } from '@cetus/test-kit';
import { expectError } from './support/answers.ts';
import { startApi, TOKENS, type TestApi } from './support/api.ts';

interface Message {
  id?: string;
  event?: string;
  data?: { type: string; subject: string; sequence: string };
}

/** A reader of a stream, as a browser's EventSource is one. */
class Reader {
  readonly messages: Message[] = [];
  comments = 0;
  ended = false;
  private readonly controller = new AbortController();

  static async open(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; reader: Reader; type: string | null }> {
    const reader = new Reader();
    const answer = await fetch(url, {
      headers: { accept: 'text/event-stream', 'x-auth-token': 'member', ...headers },
      signal: reader.controller.signal,
    });
    if (answer.status === 200) void reader.read(answer);
    else await answer.body?.cancel();
    return { status: answer.status, reader, type: answer.headers.get('content-type') };
  }

  async until(count: number): Promise<Message[]> {
    await waitFor(() => this.messages.length >= count, { timeoutMs: 30_000 });
    return this.messages;
  }

  close(): void {
    this.controller.abort();
  }

  private async read(answer: Response): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.block(block);
      }
    } catch (error) {
      if (!this.controller.signal.aborted) throw error;
    } finally {
      this.ended = true;
    }
  }

  private block(block: string): void {
    const message: Record<string, unknown> = {};
    for (const line of block.split('\n')) {
      const [field = '', value = ''] = line.split(/:\s?(.*)/s);
      if (field === '') this.comments += 1;
      else message[field] = field === 'data' ? JSON.parse(value) : value;
    }
    if ('data' in message) this.messages.push(message);
  }
}

describe('api: events', () => {
  let api: TestApi;
  let base: string;
  before(async () => {
    api = await startApi({
      CETUS_API_MAX_STREAMS: 6,
      CETUS_API_MAX_STREAMS_PER_PROJECT: 4,
      CETUS_API_STREAM_HEARTBEAT_SECONDS: 1,
    });
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}/v1/events`;
  });
  after(() => api.close());

  it('lists notifications in order, in pages, and by filter', async () => {
    const uuid = await api.cluster({ name: 'listed' });
    await api.finish(uuid);
    const list = async (query: string) => (await api.request({ url: `/v1/events?${query}` })).json();
    const types = (body: { events: { type: string }[] }) => body.events.map(({ type }) => type);
    const all = [
      'cetus.cluster.create.start',
      'cetus.nodegroup.create.start',
      'cetus.nodegroup.create.start',
      'cetus.cluster.create.end',
      'cetus.nodegroup.create.end',
      'cetus.nodegroup.create.end',
    ];
    assert.deepEqual(types(await list(`object=${uuid}`)), all);
    assert.deepEqual(types(await list(`object=${uuid}&sort_dir=desc`)), [...all].reverse());
    assert.equal(types(await list(`object=${uuid}&kind=nodegroup`)).length, 4);
    assert.deepEqual(types(await list(`object=${uuid}&type=cetus.cluster.create.end`)), [
      'cetus.cluster.create.end',
    ]);
    assert.ok(
      types(await list('kind=clustertemplate')).every((type) => type.startsWith('cetus.clustertemplate.')),
    );
    const first = await list(`object=${uuid}&limit=5`);
    assert.equal(first.events.length, 5);
    const second = (await api.request({ url: first.next })).json();
    assert.deepEqual(types(second), ['cetus.nodegroup.create.end']);
    assert.equal(second.next, undefined);
    for (const [query, field] of [
      ['kind=A', 'kind'],
      ['type=x', 'type'],
      ['object=x', 'object'],
      ['marker=x', 'marker'],
      ['sort_key=id', 'sort_key'],
      [`last_event_id=${uuid}/1`, 'last_event_id'],
    ] as const) {
      expectError(
        await api.request({ url: `/v1/events?${query}` }),
        400,
        query.startsWith('sort_key') ? 'unknown_field' : 'invalid_field',
        field,
      );
    }
    expectError(await api.request({ url: `/v1/events?marker=${uuid}/9` }), 400, 'invalid_marker', 'marker');
  });

  it('streams what happens, to those it belongs to', async () => {
    const mine = await Reader.open(base);
    const theirs = await Reader.open(base, { 'x-auth-token': 'other' });
    assert.equal(mine.status, 200);
    assert.match(String(mine.type), /^text\/event-stream/);
    const uuid = await api.cluster({ name: 'streamed' });
    await api.finish(uuid);
    const messages = await mine.reader.until(7);
    assert.deepEqual(
      messages.map(({ event }) => event),
      [
        'cetus.clustertemplate.create.end',
        'cetus.cluster.create.start',
        'cetus.nodegroup.create.start',
        'cetus.nodegroup.create.start',
        'cetus.cluster.create.end',
        'cetus.nodegroup.create.end',
        'cetus.nodegroup.create.end',
      ],
    );
    assert.equal(messages[1]?.id, `${uuid}/1`);
    assert.equal(messages[1]?.data?.subject, uuid);
    await waitFor(() => theirs.reader.comments > 1, { timeoutMs: 30_000 });
    assert.deepEqual(theirs.reader.messages, []);
    mine.reader.close();
    theirs.reader.close();
  });

  it('goes on from the last notification that a reader has', async () => {
    const uuid = await api.cluster({ name: 'resumed' });
    await api.finish(uuid);
    for (const resume of [{ header: `${uuid}/1` }, { query: `&last_event_id=${uuid}/1` }]) {
      const { reader } = await Reader.open(
        `${base}?object=${uuid}${resume.query ?? ''}`,
        resume.header === undefined ? {} : { 'last-event-id': resume.header },
      );
      const [first] = await reader.until(1);
      assert.equal(first?.id, `${uuid}/2`);
      reader.close();
    }
    assert.equal((await Reader.open(base, { 'last-event-id': 'x' })).status, 400);
    assert.equal((await Reader.open(base, { 'last-event-id': `${uuid}/99` })).status, 400);
    assert.equal(
      (await Reader.open(base, { 'last-event-id': `${uuid}/1`, 'x-auth-token': 'other' })).status,
      400,
    );
    const fresh = await Reader.open(base, { 'last-event-id': '' });
    assert.equal(fresh.status, 200);
    fresh.reader.close();
  });

  it('bounds the streams of a project and of the process, and frees their places', async () => {
    const open = async (token: string, wanted: number) => {
      const readers: Reader[] = [];
      // Places of streams that have just ended are free a moment later.
      await waitFor(
        async () => {
          const { status, reader } = await Reader.open(base, { 'x-auth-token': token });
          if (status === 200) readers.push(reader);
          return readers.length === wanted;
        },
        { timeoutMs: 30_000 },
      );
      return readers;
    };
    const mine = await open('member', 4);
    assert.equal((await Reader.open(base)).status, 429);
    const theirs = await open('other', 2);
    assert.equal((await Reader.open(base, { 'x-auth-token': 'other' })).status, 429);
    for (const reader of [...mine, ...theirs]) reader.close();
    for (const reader of await open('member', 4)) reader.close();
  });

  it('leaves nothing behind of readers that break off, at whatever moment', async () => {
    const own = await startApi({ CETUS_API_MAX_STREAMS: 1_000, CETUS_API_MAX_STREAMS_PER_PROJECT: 1_000 });
    try {
      await own.app.listen({ port: 0, host: '127.0.0.1' });
      const { port } = own.app.server.address() as AddressInfo;
      const uuid = await own.cluster({ name: 'reset' });
      await own.finish(uuid);
      // How many readers there are, and how many there have been.
      const { live } = own.feed as unknown as { live: EventEmitter };
      let begun = 0;
      live.on('newListener', (name) => (begun += name === 'event' ? 1 : 0));
      const reset = async (resume: boolean, afterMs: number): Promise<void> => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        socket.write(
          `GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nAccept: text/event-stream\r\n` +
            `${resume ? `Last-Event-ID: ${uuid}/1\r\n` : ''}\r\n`,
        );
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        socket.resetAndDestroy();
      };
      await Promise.all(Array.from({ length: 150 }, (_, i) => reset(i % 2 === 0, i % 15)));
      const open = async (): Promise<string | undefined> =>
        /^cetus_api_event_streams(?:\{.*\})? (\d+)$/m.exec(
          (await own.request({ url: '/metrics', token: null })).body,
        )?.[1];
      await waitFor(async () => live.listenerCount('event') === 0 && (await open()) === '0', {
        timeoutMs: 30_000,
      });
      assert.ok(begun > 0);
    } finally {
      await own.close();
    }
  });

  it('ends with the token of its reader', async () => {
    TOKENS['short'] = {
      ...(TOKENS['member'] as (typeof TOKENS)[string]),
      expiresAt: new Date(Date.now() + 1_500),
    };
    const opened: { reader?: Reader } = {};
    await waitFor(
      async () => {
        const { status, reader } = await Reader.open(base, { 'x-auth-token': 'short' });
        if (status === 200) opened.reader = reader;
        return status === 200;
      },
      { timeoutMs: 30_000 },
    );
    await waitFor(() => opened.reader?.ended === true, { timeoutMs: 30_000 });
  });

  it('ends its streams when the process ends', async () => {
    const own = await startApi();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { reader } = await Reader.open(
      `http://127.0.0.1:${(own.app.server.address() as AddressInfo).port}/v1/events`,
    );
    await own.close();
    await waitFor(() => reader.ended, { timeoutMs: 30_000 });
  });
});
