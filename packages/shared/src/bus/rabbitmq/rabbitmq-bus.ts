import type { Channel, ChannelModel } from 'amqplib';
import type { CloudEvent } from '../../schemas/event.ts';
import type { Bus, Subscription } from '../bus.ts';
import { createTopology, type Topology } from '../topology.ts';
import { currentTraceparent } from '../trace.ts';
import { consumeCommands, publishCommand } from './command-consumer.ts';
import { RabbitConnection } from './connection.ts';
import { Requester, serveRequests } from './requests.ts';

export interface RabbitBusOptions {
  /** An `amqp://` or `amqps://` URI. */
  url: string;
  /** The first word of every exchange and queue; default `cetus`. */
  prefix?: string;
  /** The kinds that each service owns: their queues exist before the service has ever run. */
  services: Readonly<Record<string, readonly string[]>>;
  /** Told of everything that went wrong and is being mended. */
  onProblem: (problem: string, error: unknown) => void;
}

/**
 * The bus over RabbitMQ 3.10 … 4.x.
 * @throws CetusError `bus_unavailable` when the broker is not there
 */
export async function connectRabbitBus(options: RabbitBusOptions): Promise<Bus> {
  const topology = createTopology(options.prefix);
  const { onProblem } = options;
  const connection = new RabbitConnection({ ...options, topology });
  const requester = new Requester(topology);
  await connection.attach((model) => requester.attach(model, (channel) => connection.watch(model, channel)));
  await connection.open();

  return {
    publishCommand: (command, { delayMs = 0 } = {}) =>
      publishCommand(connection, topology, command, {
        traceparent: currentTraceparent(),
        ...(delayMs > 0 ? { notBefore: Date.now() + delayMs } : {}),
      }),
    consumeCommands: (consumer) => consumeCommands(connection, topology, consumer, onProblem),
    publishNotification: (routingKey, event) =>
      connection.publish(topology.notifications, routingKey, event, {
        contentType: 'application/cloudevents+json',
        messageId: event.id,
        type: event.type,
        timestamp: Math.floor(Date.parse(event.time) / 1000),
      }),
    subscribeNotifications: (pattern, handler, { onInterrupted } = {}) =>
      subscribe(connection, topology, pattern, handler, onInterrupted),
    request: (service, method, params, { timeoutMs }) => requester.request(service, method, params, timeoutMs),
    serveRequests: (service, handler, { concurrency = 16 } = {}) =>
      serveRequests(connection, topology, service, handler, concurrency, onProblem),
    health: async () => connection.assertConnected(),
    close: () => connection.close(),
  };
}

/** Notifications from now on, through a queue that lives and dies with this connection. */
async function subscribe(
  connection: RabbitConnection,
  topology: Topology,
  pattern: string,
  handler: (event: CloudEvent, routingKey: string) => void,
  onInterrupted: (() => void) | undefined,
): Promise<Subscription> {
  let channel: Channel | undefined;
  let attached = 0;
  const attachment = async (model: ChannelModel): Promise<void> => {
    const opened = connection.watch(model, await model.createChannel());
    const { queue } = await opened.assertQueue('', { exclusive: true, autoDelete: true, durable: false });
    await opened.bindQueue(queue, topology.notifications, pattern);
    await opened.prefetch(500);
    await opened.consume(queue, (message) => {
      if (message === null) {
        connection.restart(model);
        return;
      }
      handler(JSON.parse(message.content.toString()) as CloudEvent, message.fields.routingKey);
      opened.ack(message);
    });
    channel = opened;
    attached += 1;
    if (attached > 1) onInterrupted?.();
  };
  await connection.attach(attachment);
  return {
    async close() {
      connection.detach(attachment);
      await connection.closeChannel(channel);
    },
  };
}
