import type { Channel, ChannelModel } from 'amqplib';
import type { CloudEvent } from '../../schemas/event.ts';
import type { Bus, Subscription } from '../bus.ts';
import { createTopology, type Topology } from '../topology.ts';
import { currentTraceparent } from '../../telemetry/index.ts';
import { consumeCommands, publishCommand } from './command-consumer.ts';
import { RabbitConnection } from './connection.ts';
import { Requester, serveRequests } from './requests.ts';

const REDELIVERY_MS = 1_000;

export interface RabbitBusOptions {
  /** An `amqp://` or `amqps://` URI. */
  url: string;
  /** The first word of every exchange and queue; default `cetus`. */
  prefix?: string;
  /** The kinds that each service owns: their queues exist before the service has ever run. */
  services: Readonly<Record<string, readonly string[]>>;
  /** Told of everything that went wrong and is being mended. */
  onProblem: (problem: string, error: unknown) => void;
  /** How long a command whose handler failed waits before it is delivered again, in milliseconds; default 1,000. */
  redeliveryMs?: number;
  /** How often the first connection is tried again before that is an error; default 5, which takes about six seconds. */
  startRetries?: number;
  /** How long the broker may take to confirm a message, in milliseconds; default 5,000. */
  confirmTimeoutMs?: number;
}

/**
 * The bus over RabbitMQ 3.10 … 4.x.
 * @throws CetusError `bus_unavailable` when the broker is not there
 */
export async function connectRabbitBus(options: RabbitBusOptions): Promise<Bus> {
  const topology = createTopology(options.prefix);
  const { onProblem, redeliveryMs = REDELIVERY_MS } = options;
  const connection = new RabbitConnection({ ...options, topology });
  const requester = new Requester(topology);
  await connection.attach((model) => requester.attach(model, (channel) => connection.watch(model, channel)));
  await connection.open();

  const subscriptions = new Set<Subscription>();
  const track = async (opening: Promise<Subscription>): Promise<Subscription> => {
    const subscription = await opening;
    subscriptions.add(subscription);
    return {
      async close() {
        if (subscriptions.delete(subscription)) await subscription.close();
      },
    };
  };

  return {
    publishCommand: (command, { delayMs = 0 } = {}) =>
      publishCommand(connection, topology, command, {
        traceparent: currentTraceparent(),
        ...(delayMs > 0 ? { notBefore: Date.now() + delayMs } : {}),
      }),
    consumeCommands: (consumer) =>
      track(consumeCommands(connection, topology, consumer, { onProblem, redeliveryMs })),
    publishNotification: (routingKey, event) =>
      connection.publish(topology.notifications, routingKey, event, {
        contentType: 'application/cloudevents+json',
        messageId: event.id,
        type: event.type,
        timestamp: Math.floor(Date.parse(event.time) / 1000),
      }),
    subscribeNotifications: (pattern, handler, { onInterrupted } = {}) =>
      track(subscribe(connection, topology, pattern, { handler, onInterrupted, onProblem })),
    request: (service, method, params, { timeoutMs }) =>
      requester.request(service, method, params, timeoutMs),
    serveRequests: (service, handler, { concurrency = 16 } = {}) =>
      track(serveRequests(connection, topology, service, handler, concurrency, onProblem)),
    health: async () => void connection.assertConnected(),
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      await connection.close();
    },
  };
}

/** Notifications from now on, through a queue that lives and dies with this connection. */
async function subscribe(
  connection: RabbitConnection,
  topology: Topology,
  pattern: string,
  options: {
    handler: (event: CloudEvent, routingKey: string) => void;
    onInterrupted: (() => void) | undefined;
    onProblem: (problem: string, error: unknown) => void;
  },
): Promise<Subscription> {
  let channel: Channel | undefined;
  let open = true;
  let attached = 0;
  const attachment = async (model: ChannelModel): Promise<void> => {
    if (!open) return;
    const opened = connection.watch(model, await model.createChannel());
    const { queue } = await opened.assertQueue('', { exclusive: true, autoDelete: true, durable: false });
    await opened.bindQueue(queue, topology.notifications, pattern);
    await opened.prefetch(500);
    await opened.consume(queue, (message) => {
      if (message === null) {
        connection.restart(model);
        return;
      }
      opened.ack(message);
      if (!open) return;
      try {
        options.handler(JSON.parse(message.content.toString()) as CloudEvent, message.fields.routingKey);
      } catch (error) {
        options.onProblem(`notification ${message.fields.routingKey} not handled`, error);
      }
    });
    channel = opened;
    attached += 1;
    if (attached > 1) options.onInterrupted?.();
    if (!open) await connection.closeChannel(opened);
  };
  await connection.attach(attachment);
  return {
    async close() {
      open = false;
      connection.detach(attachment);
      await connection.closeChannel(channel);
    },
  };
}
