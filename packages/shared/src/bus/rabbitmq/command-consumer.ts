import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { CetusError } from '../../errors/index.ts';
import type { Command, CommandConsumerOptions, DeliveredCommand, Subscription } from '../bus.ts';
import { runInTrace } from '../../telemetry/index.ts';
import { delayStep, type Topology } from '../topology.ts';
import type { RabbitConnection } from './connection.ts';
import { declareCommandQueue } from './declare-topology.ts';

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
  const running = new Set<Promise<void>>();
  let channel: Channel | undefined;
  let consumerTag: string | undefined;
  let open = true;

  const handle = async (from: Channel, message: ConsumeMessage): Promise<void> => {
    const done = await process(from, message);
    // After a lost connection the broker delivers the message again by itself.
    if (done && channel === from) from.ack(message);
  };

  /** Answers whether the message is dealt with. */
  const process = async (from: Channel, message: ConsumeMessage): Promise<boolean> => {
    const headers = message.properties.headers ?? {};
    const attempt = Number(headers[ATTEMPT] ?? 1) + Number(headers['x-delivery-count'] ?? 0);
    const notBefore = headers[NOT_BEFORE] === undefined ? undefined : Number(headers[NOT_BEFORE]);
    const traceparent = headers['traceparent'] as string | undefined;
    const command = parseCommand(message);
    if (command === null) return settle(from, () => bury(message, 'not a command'));
    if (notBefore !== undefined && notBefore > Date.now()) {
      return settle(from, () =>
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
        return settle(from, () => bury(message, error instanceof Error ? error.message : String(error)));
      }
      const again = { notBefore: Date.now() + redeliveryMs, attempt: attempt + counted, traceparent };
      return settle(from, () => publishCommand(connection, topology, command, again));
    }
  };

  /** Publishes what takes the place of a message, however long that takes: until then the broker has it, unacknowledged. */
  const settle = async (from: Channel, publish: () => Promise<void>): Promise<boolean> => {
    for (;;) {
      try {
        await publish();
        return true;
      } catch (error) {
        onProblem('command not settled', error);
        // The channel is gone: the broker delivers the message again.
        if (!open || channel !== from) return false;
        await delay(SETTLE_AGAIN_MS);
      }
    }
  };

  const bury = (message: ConsumeMessage, reason: string): Promise<void> =>
    connection.publish(topology.dead, message.fields.routingKey, message.content, {
      headers: { ...message.properties.headers, [REASON]: reason },
    });

  const attachment = async (model: ChannelModel): Promise<void> => {
    if (!open) return;
    const opened = connection.watch(model, await model.createChannel());
    opened.on('close', () => {
      if (channel === opened) channel = undefined;
    });
    await declareCommandQueue(opened, topology, options.service, options.kinds);
    await opened.prefetch(options.prefetch);
    channel = opened;
    const consumer = await opened.consume(topology.commandQueue(options.service), (message) => {
      if (message === null) {
        connection.restart(model);
        return;
      }
      if (!open) return;
      const run = handle(opened, message)
        .catch((error: unknown) => onProblem('command not acknowledged', error))
        .finally(() => running.delete(run));
      running.add(run);
    });
    consumerTag = consumer.consumerTag;
    // Closed meanwhile: what was delivered goes back.
    if (!open) await connection.closeChannel(opened);
  };
  await connection.attach(attachment);

  return {
    async close() {
      open = false;
      connection.detach(attachment);
      if (channel !== undefined && consumerTag !== undefined) {
        await channel
          .cancel(consumerTag)
          .catch((error: unknown) => onProblem('cancelling a consumer failed', error));
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
