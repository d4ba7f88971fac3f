import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { CetusError, isErrorCode } from '../../errors/index.ts';
import type { RequestHandler, Subscription } from '../bus.ts';
import { withDeadline } from '../deadline.ts';
import { currentTraceparent, runInTrace } from '../trace.ts';
import type { Topology } from '../topology.ts';
import type { RabbitConnection } from './connection.ts';

/** RabbitMQ's direct reply-to: replies come to the channel that asked, without a queue. */
const REPLY_TO = 'amq.rabbitmq.reply-to';

type Reply = { ok: true; result: unknown } | { ok: false; error: { code: string; detail: string; field?: string } };

/** Asks services and matches their replies. */
export class Requester {
  private readonly topology: Topology;
  private channel: Channel | undefined;
  private readonly waiting = new Map<string, (reply: Reply) => void>();

  constructor(topology: Topology) {
    this.topology = topology;
  }

  async attach(model: ChannelModel, watch: (channel: Channel) => Channel): Promise<void> {
    const channel = watch(await model.createChannel());
    channel.on('return', (message) => {
      const detail = `No ${message.fields.routingKey} is running`;
      this.settle(message.properties.correlationId as string, { ok: false, error: { code: 'bus_unavailable', detail } });
    });
    await channel.consume(REPLY_TO, (message) => this.onReply(message), { noAck: true });
    this.channel = channel;
  }

  async request(service: string, method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    const { channel } = this;
    if (channel === undefined) throw new CetusError('bus_unavailable', 'RabbitMQ cannot be reached');
    const correlationId = randomUUID();
    const traceparent = currentTraceparent();
    try {
      return await withDeadline(service, timeoutMs, async () => {
        const replied = new Promise<Reply>((resolve) => this.waiting.set(correlationId, resolve));
        try {
          channel.publish(this.topology.requests, service, Buffer.from(JSON.stringify(params)), {
            mandatory: true,
            replyTo: REPLY_TO,
            correlationId,
            type: method,
            expiration: timeoutMs,
            contentType: 'application/json',
            headers: traceparent === undefined ? {} : { traceparent },
          });
        } catch (cause) {
          throw new CetusError('bus_unavailable', 'RabbitMQ cannot be reached', { cause });
        }
        const reply = await replied;
        if (reply.ok) return reply.result;
        throw errorOf(reply.error);
      });
    } finally {
      this.waiting.delete(correlationId);
    }
  }

  private onReply(message: ConsumeMessage | null): void {
    if (message !== null) {
      this.settle(message.properties.correlationId as string, JSON.parse(message.content.toString()) as Reply);
    }
  }

  private settle(correlationId: string, reply: Reply): void {
    this.waiting.get(correlationId)?.(reply);
  }
}

/** Answers the requests to a service. The queue goes with its last consumer, so that nobody waits for a service that does not run. */
export async function serveRequests(
  connection: RabbitConnection,
  topology: Topology,
  service: string,
  handler: RequestHandler,
  concurrency: number,
  onProblem: (problem: string, error: unknown) => void,
): Promise<Subscription> {
  const running = new Set<Promise<void>>();
  let channel: Channel | undefined;
  let consumerTag: string | undefined;

  const answer = async (from: Channel, message: ConsumeMessage): Promise<void> => {
    const { replyTo, correlationId, type, expiration } = message.properties as unknown as Record<string, string | undefined>;
    const traceparent = message.properties.headers?.['traceparent'] as string | undefined;
    let reply: Reply;
    try {
      const params: unknown = JSON.parse(message.content.toString());
      const timeoutMs = Number(expiration ?? 10_000);
      const method = type ?? '';
      const result = await runInTrace(traceparent, `${service} ${method}`, () =>
        withDeadline(service, timeoutMs, (signal) => handler(method, params, signal)),
      );
      reply = { ok: true, result: result ?? null };
    } catch (error) {
      if (!(error instanceof CetusError)) onProblem(`request ${String(type)} failed`, error);
      reply = { ok: false, error: describe(error) };
    }
    if (channel !== from) return;
    if (replyTo !== undefined && correlationId !== undefined) {
      from.publish('', replyTo, Buffer.from(JSON.stringify(reply)), { correlationId });
    }
    from.ack(message);
  };

  const attachment = async (model: ChannelModel): Promise<void> => {
    const opened = connection.watch(model, await model.createChannel());
    const queue = topology.requestQueue(service);
    await opened.assertQueue(queue, { durable: false, autoDelete: true });
    await opened.bindQueue(queue, topology.requests, service);
    await opened.prefetch(concurrency);
    channel = opened;
    const consumer = await opened.consume(queue, (message) => {
      if (message === null) {
        connection.restart(model);
        return;
      }
      const run = answer(opened, message)
        .catch((error: unknown) => onProblem('request not answered', error))
        .finally(() => running.delete(run));
      running.add(run);
    });
    consumerTag = consumer.consumerTag;
  };
  await connection.attach(attachment);

  return {
    async close() {
      connection.detach(attachment);
      if (channel !== undefined && consumerTag !== undefined) {
        await channel.cancel(consumerTag).catch((error: unknown) => onProblem('cancelling a consumer failed', error));
      }
      await Promise.allSettled(running);
      await connection.closeChannel(channel);
    },
  };
}

function describe(error: unknown): { code: string; detail: string; field?: string } {
  if (!(error instanceof CetusError)) return { code: 'internal_error', detail: 'The service made a mistake' };
  return { code: error.code, detail: error.message, ...(error.field === undefined ? {} : { field: error.field }) };
}

function errorOf(error: { code: string; detail: string; field?: string }): CetusError {
  const code = isErrorCode(error.code) ? error.code : 'internal_error';
  return new CetusError(code, error.detail, error.field === undefined ? {} : { field: error.field });
}
