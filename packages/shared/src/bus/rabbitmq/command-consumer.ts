import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumeMessage } from 'amqplib';
import { CetusError } from '../../errors/index.ts';
import type { Command, CommandConsumerOptions, DeliveredCommand, Subscription } from '../bus.ts';
import { runInTrace } from '../../telemetry/index.ts';
import { delayStep, type Topology } from '../topology.ts';
import type { RabbitConnection } from './connection.ts';
import { declareCommandQueue } from './declare-topology.ts';
import { consumeQueue, type Reach } from './queue-consumer.ts';

/** The header that says when a command is wanted, in milliseconds since 1970: longer waits are made of several steps. */
const NOT_BEFORE = 'x-cetus-not-before';
const ATTEMPT = 'x-cetus-attempt';
const REASON = 'x-cetus-reason';
const SETTLE_AGAIN_MS = 1_000;

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
  { onProblem, redeliveryMs }: { onProblem: (problem: string, error: unknown) => void; redeliveryMs: number },
): Promise<Subscription> {
  /** Answers whether the message is dealt with. */
  const process = async (message: ConsumeMessage, reach: Reach): Promise<boolean> => {
    const headers = message.properties.headers ?? {};
    const attempt = Number(headers[ATTEMPT] ?? 1) + Number(headers['x-delivery-count'] ?? 0);
    const notBefore = headers[NOT_BEFORE] === undefined ? undefined : Number(headers[NOT_BEFORE]);
    const traceparent = headers['traceparent'] as string | undefined;
    const command = parseCommand(message);
    if (command === null) return settle(reach, () => bury(message, 'not a command'));
    if (notBefore !== undefined && notBefore > Date.now()) {
      return settle(reach, () =>
        publishCommand(connection, topology, command, { notBefore, attempt, traceparent }),
      );
    }
    const delivered: DeliveredCommand = {
      ...command,
      attempt,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    try {
      await runInTrace(traceparent, `${command.kind}.${command.reason} process`, () =>
        options.handler(delivered),
      );
      return true;
    } catch (error) {
      onProblem(
        `command ${message.fields.routingKey} of ${command.id} failed (attempt ${String(attempt)})`,
        error,
      );
      // A database that is away says nothing against the message.
      const counted = error instanceof CetusError && error.retryable ? 0 : 1;
      if (counted === 1 && attempt >= topology.deliveryLimit) {
        return settle(reach, () => bury(message, error instanceof Error ? error.message : String(error)));
      }
      const again = { notBefore: Date.now() + redeliveryMs, attempt: attempt + counted, traceparent };
      return settle(reach, () => publishCommand(connection, topology, command, again));
    }
  };

  /** Publishes what takes the place of a message, however long that takes: until then the broker has it, unacknowledged. */
  const settle = async (reach: Reach, publish: () => Promise<void>): Promise<boolean> => {
    for (;;) {
      try {
        await publish();
        return true;
      } catch (error) {
        onProblem('command not settled', error);
        // The channel is gone: the broker delivers the message again.
        if (!reach.isOpen() || !reach.channelIsThere()) return false;
        await delay(SETTLE_AGAIN_MS);
      }
    }
  };

  const bury = (message: ConsumeMessage, reason: string): Promise<void> =>
    connection.publish(topology.dead, message.fields.routingKey, message.content, {
      headers: { ...message.properties.headers, [REASON]: reason },
    });

  return consumeQueue(connection, {
    declare: async (channel) => {
      await declareCommandQueue(channel, topology, options.service, options.kinds);
      return topology.commandQueue(options.service);
    },
    prefetch: options.prefetch,
    handle: async (message, channel, reach) => {
      const done = await process(message, reach);
      // After a lost connection the broker delivers the message again by itself.
      if (done && reach.channelIsThere()) channel.ack(message);
    },
    onProblem,
  });
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
