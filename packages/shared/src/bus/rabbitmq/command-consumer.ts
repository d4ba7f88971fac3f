import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Command, CommandConsumerOptions, DeliveredCommand, Subscription } from '../bus.ts';
import { runInTrace } from '../trace.ts';
import { delayStep, type Topology } from '../topology.ts';
import type { RabbitConnection } from './connection.ts';
import { declareCommandQueue } from './declare-topology.ts';

/** The header that says when a command is wanted, in milliseconds since 1970: longer waits are made of several steps. */
export const NOT_BEFORE = 'x-cetus-not-before';
const ATTEMPT = 'x-cetus-attempt';
const REASON = 'x-cetus-reason';
const REDELIVERY_MS = 1_000;

/** Publishes a command, to its queue or to the first step of its wait. */
export async function publishCommand(
  connection: RabbitConnection,
  topology: Topology,
  command: Command,
  options: { notBefore?: number; attempt?: number; traceparent?: string | undefined },
): Promise<void> {
  const { notBefore, attempt = 1, traceparent } = options;
  const wait = notBefore === undefined ? 0 : notBefore - Date.now();
  const exchange = wait > 0 ? topology.delay(delayStep(wait)) : topology.commands;
  await connection.publish(exchange, `${command.kind}.${command.reason}`, command, {
    headers: {
      [ATTEMPT]: attempt,
      ...(notBefore === undefined ? {} : { [NOT_BEFORE]: notBefore }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  });
}

/** Consumes the commands of a service; acknowledges each when its handler is done. */
export async function consumeCommands(
  connection: RabbitConnection,
  topology: Topology,
  options: CommandConsumerOptions,
  onProblem: (problem: string, error: unknown) => void,
): Promise<Subscription> {
  const running = new Set<Promise<void>>();
  let channel: Channel | undefined;
  let consumerTag: string | undefined;
  let open = true;

  const handle = async (from: Channel, message: ConsumeMessage): Promise<void> => {
    const done = await process(message);
    // After a lost connection the broker delivers the message again by itself.
    if (done && channel === from) from.ack(message);
  };

  /** Answers whether the message is dealt with. */
  const process = async (message: ConsumeMessage): Promise<boolean> => {
    const headers = message.properties.headers ?? {};
    const attempt = Number(headers[ATTEMPT] ?? 1) + Number(headers['x-delivery-count'] ?? 0);
    const notBefore = headers[NOT_BEFORE] === undefined ? undefined : Number(headers[NOT_BEFORE]);
    const traceparent = headers['traceparent'] as string | undefined;
    try {
      const command = parseCommand(message);
      if (command === null) {
        await bury(message, 'not a command');
        return true;
      }
      if (notBefore !== undefined && notBefore > Date.now()) {
        await publishCommand(connection, topology, command, { notBefore, traceparent });
        return true;
      }
      const delivered: DeliveredCommand = { ...command, attempt, ...(traceparent === undefined ? {} : { traceparent }) };
      try {
        await runInTrace(traceparent, `${command.kind}.${command.reason} process`, () => options.handler(delivered));
      } catch (error) {
        onProblem(`command ${message.fields.routingKey} of ${command.id} failed (attempt ${String(attempt)})`, error);
        if (attempt >= topology.deliveryLimit) await bury(message, error instanceof Error ? error.message : String(error));
        else await publishCommand(connection, topology, command, { notBefore: Date.now() + REDELIVERY_MS, attempt: attempt + 1, traceparent });
      }
      return true;
    } catch (error) {
      // The broker went away; it still has the message, unacknowledged.
      onProblem('command not settled', error);
      return false;
    }
  };

  const bury = (message: ConsumeMessage, reason: string): Promise<void> =>
    connection.publish(topology.dead, message.fields.routingKey, message.content.toString(), { headers: { [REASON]: reason } });

  const attachment = async (model: ChannelModel): Promise<void> => {
    const opened = connection.watch(model, await model.createChannel());
    await declareCommandQueue(opened, topology, options.service, options.kinds);
    await opened.prefetch(options.prefetch);
    channel = opened;
    const consumer = await opened.consume(topology.commandQueue(options.service), (message) => {
      if (message === null) {
        connection.restart(model);
        return;
      }
      if (!open) return;
      const run = handle(opened, message).finally(() => running.delete(run));
      running.add(run);
    });
    consumerTag = consumer.consumerTag;
  };
  await connection.attach(attachment);

  return {
    async close() {
      open = false;
      connection.detach(attachment);
      if (channel !== undefined && consumerTag !== undefined) {
        await channel.cancel(consumerTag).catch((error: unknown) => onProblem('cancelling a consumer failed', error));
      }
      await Promise.allSettled(running);
      await connection.closeChannel(channel);
    },
  };
}

function parseCommand(message: ConsumeMessage): Command | null {
  try {
    const body = JSON.parse(message.content.toString()) as Partial<Command> | null;
    const { kind, id, project_id, generation, reason } = body ?? {};
    if (typeof kind !== 'string' || typeof id !== 'string' || typeof project_id !== 'string') return null;
    return { kind, id, project_id, generation: Number(generation), reason: String(reason) };
  } catch {
    return null;
  }
}
