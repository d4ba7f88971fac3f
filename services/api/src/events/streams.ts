import { Readable } from 'node:stream';
import { CetusError } from '@cetus/shared/errors';
import type { EventFilter, EventFeed } from '@cetus/shared/notifications';
import type { CloudEvent } from '@cetus/shared/schemas';
import type { Logger, Metrics } from '@cetus/shared/service';
import type { Scope } from '@cetus/shared/store';
import { StreamPlaces } from '@cetus/shared/streams';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface EventStreamsOptions {
  feed: EventFeed;
  logger: Logger;
  metrics: Metrics;
  maxStreams: number;
  maxStreamsPerProject: number;
  heartbeatMs: number;
}

/** Bytes that wait in this process for one slow reader; past them the reader is asked for no more from the feed. */
const BUFFER_BYTES = 64 * 1024;
/** A reader that takes nothing for so many heartbeats is gone. */
const SILENT_HEARTBEATS = 4;
/** The longest delay of a timer of Node. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How long the answer waits for a refusal of the id that a reader resumes from, in milliseconds. */
const REFUSAL_MS = 200;
/** What a browser waits before it comes back, in milliseconds. */
const RETRY_MS = 3_000;

/** The event streams of this process (server-sent events). Source: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStreams {
  private readonly options: EventStreamsOptions;
  private readonly open_ = new Set<AbortController>();
  private readonly places: StreamPlaces;

  constructor(options: EventStreamsOptions) {
    this.options = options;
    this.places = new StreamPlaces({
      what: 'event streams',
      most: options.maxStreams,
      mostPerProject: options.maxStreamsPerProject,
    });
    options.metrics.observed(
      { name: 'api_event_streams', help: 'Event streams that are open' },
      () => this.open_.size,
    );
  }

  /**
   * Answers a request with a stream that ends with the token of its reader, with the reader, or with the process.
   * @throws CetusError `too_many_requests`; `invalid_marker` when the reader resumes from a notification that is not kept any more
   */
  async open(
    request: FastifyRequest,
    reply: FastifyReply,
    scope: Scope,
    filter: EventFilter,
    lastEventId: string | undefined,
  ): Promise<FastifyReply> {
    const { projectId } = request.caller;
    const release = this.places.take(projectId);
    const controller = new AbortController();
    const { signal } = controller;
    this.open_.add(controller);
    const events = this.options.feed.follow(scope, filter, {
      signal,
      ...(lastEventId === undefined ? {} : { lastEventId }),
    });
    const expiry = setTimeout(
      () => controller.abort(),
      Math.min(Math.max(request.tokenExpiresAt.getTime() - Date.now(), 0), MAX_TIMER_MS),
    );
    const end = (): void => {
      clearTimeout(expiry);
      this.open_.delete(controller);
      controller.abort();
      release();
      // `lines` does not do it when the reader goes before the first line is asked for. Its failure would be a mistake of the feed.
      events.return().catch((err: unknown) => this.warn(err, request));
    };
    // From here on, so that no way out of this method leaves the reader behind.
    reply.raw.once('close', end);
    const first = events.next();
    // It is waited for below or in `lines`; neither is reached when the reader goes meanwhile, and then nobody is left to be told.
    first.catch((err: unknown) => request.log.debug({ err }, 'an event stream could not begin'));
    try {
      // An id that is not known is refused before the stream begins; what takes longer is no refusal.
      if (lastEventId !== undefined) await settledWithin(first, REFUSAL_MS);
    } catch (error) {
      end();
      throw error;
    }
    if (reply.raw.destroyed) {
      // Its `close` may have come before it was listened for.
      end();
      return reply.hijack();
    }
    const body = Readable.from(this.lines(events, first, signal), {
      objectMode: false,
      highWaterMark: BUFFER_BYTES,
    });
    body.once('close', end);
    body.on('error', (err) => this.warn(err, request));
    // A reader behind a dead connection is noticed by the heartbeats that do not get through.
    request.raw.setTimeout(this.options.heartbeatMs * SILENT_HEARTBEATS);
    // Proxies that collect answers would hold the events back; a connection that has served a stream is not used again.
    return reply
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .header('connection', 'close')
      .send(body);
  }

  /** Ends all streams; their readers come back to another process. */
  close(): void {
    this.places.close();
    for (const controller of this.open_) controller.abort();
  }

  private warn(err: unknown, request: FastifyRequest): void {
    this.options.logger.warn({ err, request_id: request.id }, 'an event stream broke off');
  }

  /** The text of a stream: notifications, with a comment whenever nothing happens for a while. Asked for as the reader takes it. */
  private async *lines(
    events: AsyncGenerator<CloudEvent, void>,
    first: Promise<IteratorResult<CloudEvent, void>>,
    signal: AbortSignal,
  ): AsyncGenerator<string, void> {
    const heartbeat = new Heartbeat(this.options.heartbeatMs);
    try {
      yield `retry: ${RETRY_MS}\n: connected\n\n`;
      let next = first;
      for (;;) {
        const found = await Promise.race([next, heartbeat.wait()]);
        if (found === 'idle') {
          yield ': alive\n\n';
          continue;
        }
        if (found.done === true || signal.aborted) return;
        yield `id: ${found.value.id}\nevent: ${found.value.type}\ndata: ${JSON.stringify(found.value)}\n\n`;
        next = events.next();
      }
    } catch (error) {
      // A reader that does not keep up is told to come back; with its last id it misses nothing.
      if (!(error instanceof CetusError)) throw error;
      yield `: ${error.code}\n\n`;
    } finally {
      heartbeat.stop();
      await events.return();
    }
  }
}

/** Waits for a promise, but not for long. Rejects as it does. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One timer a stream, for as long as it is waited for. */
class Heartbeat {
  private readonly ms: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.ms = ms;
  }

  /** Resolves after the interval, counted from this call. */
  wait(): Promise<'idle'> {
    clearTimeout(this.timer);
    return new Promise((resolve) => {
      this.timer = setTimeout(() => resolve('idle'), this.ms);
    });
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
