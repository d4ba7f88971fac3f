import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { CetusError } from '../../errors/index.ts';
import type { RequestHandler, Subscription } from '../bus.ts';
import { withDeadline } from '../deadline.ts';
import { answerOf, describeError, type Reply } from '../reply.ts';
import { currentTraceparent, runInTrace } from '../../telemetry/index.ts';
import type { Topology } from '../topology.ts';
import type { RabbitConnection } from './connection.ts';
import { consumeQueue, type Reach } from './queue-consumer.ts';

/** RabbitMQ's direct reply-to: replies come to the channel that asked, without a queue. */
const REPLY_TO = 'amq.rabbitmq.reply-to';

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
      this.settle(message.properties.correlationId as string, {
        ok: false,
        error: { code: 'bus_unavailable', detail },
      });
    });
    channel.on('close', () => {
      if (this.channel === channel) this.channel = undefined;
      // Replies come to the channel that asked, and nowhere else.
      const error = {
        code: 'bus_unavailable',
        detail: 'The connection to RabbitMQ was lost before the answer came',
      };
      for (const settle of this.waiting.values()) settle({ ok: false, error });
    });
    await channel.consume(REPLY_TO, (message) => this.onReply(message), { noAck: true });
    this.channel = channel;
  }

  async request(service: string, method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    const { channel } = this;
    if (channel === undefined) throw new CetusError('bus_unavailable', 'RabbitMQ cannot be reached');
    const correlationId = randomUUID();
    const traceparent = currentTraceparent();
    const content = Buffer.from(JSON.stringify(params ?? null));
    try {
      return await withDeadline(service, timeoutMs, async () => {
        const replied = new Promise<Reply>((resolve) => this.waiting.set(correlationId, resolve));
        try {
          channel.publish(this.topology.requests, service, content, {
            mandatory: true,
            replyTo: REPLY_TO,
            correlationId,
            type: method,
            expiration: Math.ceil(timeoutMs),
            contentType: 'application/json',
            headers: traceparent === undefined ? {} : { traceparent },
          });
        } catch (cause) {
          throw new CetusError('bus_unavailable', 'RabbitMQ cannot be reached', { cause });
        }
        return answerOf(await replied);
      });
    } finally {
      this.waiting.delete(correlationId);
    }
  }

  private onReply(message: ConsumeMessage | null): void {
    if (message !== null) {
      this.settle(
        message.properties.correlationId as string,
        JSON.parse(message.content.toString()) as Reply,
      );
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
  const answer = async (message: ConsumeMessage, channel: Channel, reach: Reach): Promise<void> => {
    const { replyTo, correlationId, type, expiration } = message.properties as unknown as Record<
      string,
      string | undefined
    >;
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
      reply = { ok: false, error: describeError(error) };
    }
    if (!reach.channelIsThere()) return;
    if (replyTo !== undefined && correlationId !== undefined) {
      channel.publish('', replyTo, Buffer.from(JSON.stringify(reply)), { correlationId });
    }
    channel.ack(message);
  };

  return consumeQueue(connection, {
    declare: async (channel) => {
      const queue = topology.requestQueue(service);
      // Durable, as RabbitMQ 4 gives up queues that are neither durable nor exclusive; `expires` is for one that a broker's restart left.
      await channel.assertQueue(queue, { durable: true, autoDelete: true, expires: 60_000 });
      await channel.bindQueue(queue, topology.requests, service);
      return queue;
    },
    prefetch: concurrency,
    handle: answer,
    onProblem,
  });
}
