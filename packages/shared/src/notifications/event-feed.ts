import { EventEmitter } from 'node:events';
import type { Bus, Subscription } from '../bus/bus.ts';
import { CetusError } from '../errors/index.ts';
import type { CloudEvent } from '../schemas/event.ts';
import type { Scope } from '../store/index.ts';
import { kindsOf, type EventFilter, type EventStore } from './event-store.ts';

/** How many notifications wait for one slow reader before it is cut off; it comes back with the id of the last one it has. */
const MAX_WAITING = 10_000;

/**
 * Notifications as they happen, for any number of readers in this process over one subscription. Each reader gets every
 * notification of its scope, those of one object in order and without a gap: what a lost connection or a late start left out is read
 * from the store.
 */
export class EventFeed {
  private readonly bus: Bus;
  private readonly store: EventStore;
  private readonly live = new EventEmitter().setMaxListeners(0);
  private subscription: Subscription | undefined;
  private stopped = false;

  constructor(bus: Bus, store: EventStore) {
    this.bus = bus;
    this.store = store;
  }

  async start(): Promise<void> {
    this.subscription = await this.bus.subscribeNotifications(
      '#',
      (event) => this.live.emit('event', event),
      {
        onInterrupted: () => this.live.emit('interrupted'),
      },
    );
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.live.emit('end');
    await this.subscription?.close();
  }

  /**
   * Follows notifications until `signal` aborts or the feed stops. With `lastEventId`, begins with what came after it.
   * @throws CetusError `invalid_marker`; `too_many_requests` when the reader does not keep up
   */
  async *follow(
    scope: Scope,
    filter: EventFilter,
    options: { lastEventId?: string; signal: AbortSignal },
  ): AsyncGenerator<CloudEvent, void, undefined> {
    const queue = new ReaderQueue(this.live, scope, filter, options.signal);
    if (this.stopped) queue.ended = true;
    // The newest sequence number that this reader has of each object that it has seen lately.
    const seen = new RecentSequences();
    try {
      let resume: string | Date = options.lastEventId ?? new Date();
      let replay = options.lastEventId !== undefined && !this.stopped;
      for (;;) {
        if (replay) {
          for await (const event of this.store.replay(scope, resume, filter)) {
            if (queue.ended) return;
            if (seen.isNew(event)) yield event;
          }
          resume = new Date();
        }
        replay = true;
        for await (const item of queue) {
          if (item === 'interrupted') break;
          const from = seen.gapBefore(item);
          if (from !== null && filter.type === undefined) {
            for (const missed of await this.store.between(
              scope,
              item.subject,
              from,
              Number(item.sequence) - 1,
            )) {
              if (matches(missed, scope, filter) && seen.isNew(missed)) yield missed;
            }
          }
          if (seen.isNew(item)) yield item;
          // A time, not an id: the last one that this reader wanted may be forgotten by the next interruption.
          resume = new Date();
        }
        if (queue.ended) return;
      }
    } finally {
      queue.close();
    }
  }
}

/** What waits for one reader. Filled from the start of the replay on, so that nothing falls between replay and live. */
class ReaderQueue {
  ended = false;
  private readonly waiting: CloudEvent[] = [];
  private interrupted = false;
  private overflow = false;
  private wake: () => void = () => undefined;
  private readonly detach: () => void;

  constructor(live: EventEmitter, scope: Scope, filter: EventFilter, signal: AbortSignal) {
    const onEvent = (event: CloudEvent): void => {
      if (!matches(event, scope, filter)) return;
      if (this.waiting.length >= MAX_WAITING) this.overflow = true;
      else this.waiting.push(event);
      this.wake();
    };
    const onInterrupted = (): void => {
      this.interrupted = true;
      this.wake();
    };
    const onEnd = (): void => {
      this.ended = true;
      this.wake();
    };
    live.on('event', onEvent).on('interrupted', onInterrupted).on('end', onEnd);
    signal.addEventListener('abort', onEnd);
    if (signal.aborted) this.ended = true;
    this.detach = () => {
      live.off('event', onEvent).off('interrupted', onInterrupted).off('end', onEnd);
      signal.removeEventListener('abort', onEnd);
    };
  }

  close(): void {
    this.detach();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<CloudEvent | 'interrupted', void, undefined> {
    for (;;) {
      if (this.ended) return;
      if (this.overflow)
        throw new CetusError('too_many_requests', 'The reader of the stream does not keep up');
      const event = this.waiting.shift();
      if (event !== undefined) yield event;
      else if (this.interrupted) {
        this.interrupted = false;
        yield 'interrupted';
      } else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** The newest sequence number of each of the objects seen last; bounded, as a stream may be open for months. */
class RecentSequences {
  private readonly newest = new Map<string, number>();

  /** Whether the reader does not have it yet; remembers that it has it now. */
  isNew(event: CloudEvent): boolean {
    const sequence = Number(event.sequence);
    const known = this.newest.get(event.subject);
    if (known !== undefined && sequence <= known) return false;
    this.newest.delete(event.subject);
    this.newest.set(event.subject, sequence);
    if (this.newest.size > 10_000) this.newest.delete(this.newest.keys().next().value as string);
    return true;
  }

  /** The first sequence number missing before an event; null when nothing is missing. */
  gapBefore(event: CloudEvent): number | null {
    const known = this.newest.get(event.subject);
    return known !== undefined && Number(event.sequence) > known + 1 ? known + 1 : null;
  }
}

function matches(event: CloudEvent, scope: Scope, filter: EventFilter): boolean {
  return (
    (scope.kind === 'all' || event.projectid === scope.projectId) &&
    (filter.object === undefined || event.subject === filter.object) &&
    (filter.kind === undefined || kindsOf(event).includes(filter.kind)) &&
    (filter.type === undefined || event.type === filter.type)
  );
}
