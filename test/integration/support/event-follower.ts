import { setTimeout as delay } from 'node:timers/promises';
import type { CloudEvent } from '@cetus/shared/schemas';
import type { CetusClient } from './cetus-client.ts';

const COME_BACK_MS = 200;

/** A reader of `GET /v1/events` as a browser is one: it comes back with the last id that it has, for ever. */
export class EventFollower {
  /** What it got, in the order of arrival. */
  readonly events: CloudEvent[] = [];
  /** When each arrived, in milliseconds since 1970. */
  readonly arrivedAt: number[] = [];
  reconnects = 0;
  /** Answers to an attempt to come back that were refusals, which a correct reader does not get. */
  readonly refusals: string[] = [];
  private readonly client: CetusClient;
  private readonly stop = new AbortController();
  private lastId: string | undefined;
  private connected: () => void = () => undefined;
  private readonly running: Promise<void>;
  /** Settles when the first stream is open. */
  readonly ready: Promise<void>;

  constructor(client: CetusClient) {
    this.client = client;
    this.ready = new Promise((resolve) => (this.connected = resolve));
    this.running = this.run();
  }

  of(object: string): CloudEvent[] {
    return this.events.filter(({ subject }) => subject === object);
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      try {
        await this.read(signal);
      } catch {
        // The process that served it is gone, or the tests are over: come back, or end.
      }
      if (signal.aborted) return;
      this.reconnects += 1;
      await delay(COME_BACK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async read(signal: AbortSignal): Promise<void> {
    const answer = await fetch(`${this.client.url}/v1/events`, {
      headers: {
        ...this.client.headers,
        accept: 'text/event-stream',
        ...(this.lastId === undefined ? {} : { 'last-event-id': this.lastId }),
      },
      signal,
    });
    if (answer.status !== 200 || answer.body === null) {
      const refusal = `${answer.status} ${await answer.text()}`;
      if (answer.status < 500) this.refusals.push(refusal);
      return;
    }
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of answer.body) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
    }
  }

  private take(block: string): void {
    if (block.includes(': connected')) this.connected();
    const data = block.split('\n').find((line) => line.startsWith('data: '));
    if (data === undefined) return;
    const event = JSON.parse(data.slice('data: '.length)) as CloudEvent;
    this.lastId = event.id;
    this.events.push(event);
    this.arrivedAt.push(Date.now());
  }
}

/** What is wrong with the order of notifications of each object: a gap, a repetition, a step back. */
export function disorder(events: readonly CloudEvent[], { repeats = false } = {}): string[] {
  const last = new Map<string, number>();
  const problems: string[] = [];
  for (const { subject, sequence } of events) {
    const known = last.get(subject) ?? 0;
    const found = Number(sequence);
    if (found > known + 1) problems.push(`${subject}: ${found} after ${known}`);
    if (found <= known && !repeats) problems.push(`${subject}: ${found} again after ${known}`);
    last.set(subject, Math.max(known, found));
  }
  return problems;
}
