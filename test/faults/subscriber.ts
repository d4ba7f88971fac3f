import { setTimeout as delay } from 'node:timers/promises';
import type { CloudEvent } from '@cetus/shared/schemas';
import { connect, type ChannelModel } from 'amqplib';

const EXCHANGE = 'cetus.notifications';
const QUEUE = 'faults.subscriber';

/** A subscriber to notifications as others write them: a durable queue of its own, so that what comes while it is away waits. */
export class Subscriber {
  /** In the order of delivery, repetitions included. */
  readonly events: CloudEvent[] = [];
  /** When each was delivered, in milliseconds since 1970. */
  readonly arrivedAt: number[] = [];
  private readonly url: string;
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();

  private constructor(url: string) {
    this.url = url;
  }

  /** Resolves when its queue is bound: from then on it misses nothing. */
  static async start(url: string): Promise<Subscriber> {
    const subscriber = new Subscriber(url);
    const first = await subscriber.open();
    subscriber.running = subscriber.run(first);
    return subscriber;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async open(): Promise<ChannelModel> {
    const model = await connect(`${this.url}?heartbeat=5`, { timeout: 5_000 });
    // Heard of by 'close' as well.
    model.on('error', () => undefined);
    const channel = await model.createChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue(QUEUE, { durable: true });
    await channel.bindQueue(QUEUE, EXCHANGE, '#');
    await channel.prefetch(100);
    await channel.consume(QUEUE, (message) => {
      if (message === null) return;
      this.events.push(JSON.parse(message.content.toString()) as CloudEvent);
      this.arrivedAt.push(Date.now());
      channel.ack(message);
    });
    return model;
  }

  private async run(first: ChannelModel): Promise<void> {
    const { signal } = this.stop;
    let model: ChannelModel | undefined = first;
    while (!signal.aborted) {
      if (model !== undefined) await ended(model, signal);
      if (signal.aborted) break;
      await delay(500, undefined, { signal }).catch(() => undefined);
      // The broker is away: the next turn tries again.
      model = await this.open().catch(() => undefined);
    }
    await model?.close().catch(() => undefined);
  }
}

/** Messages that were given up. */
export async function deadMessages(url: string): Promise<{ count: number; reasons: string[] }> {
  const model = await connect(url, { timeout: 5_000 });
  try {
    const channel = await model.createChannel();
    const reasons: string[] = [];
    for (;;) {
      const message = await channel.get('cetus.dead', { noAck: true });
      if (message === false) return { count: reasons.length, reasons };
      const headers = message.properties.headers ?? {};
      reasons.push(
        `${message.fields.routingKey}: ${String(headers['x-cetus-reason'] ?? headers['x-first-death-reason'])}`,
      );
    }
  } finally {
    await model.close();
  }
}

function ended(model: ChannelModel, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    model.once('close', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
