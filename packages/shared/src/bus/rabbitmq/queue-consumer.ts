import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Subscription } from '../bus.ts';
import type { RabbitConnection } from './connection.ts';

export interface QueueConsumerOptions {
  /** Declares the queue on a new channel, and names it. */
  declare: (channel: Channel) => Promise<string>;
  /** How many messages may be unacknowledged. */
  prefetch: number;
  /** Handles one message; `reach` tells whether the channel that it came by is still there, and the consumer open. */
  handle: (message: ConsumeMessage, channel: Channel, reach: Reach) => Promise<void>;
  onProblem: (problem: string, error: unknown) => void;
}

export interface Reach {
  /** Whether the message can still be acknowledged. */
  channelIsThere: () => boolean;
  /** Whether the consumer has not been closed. */
  isOpen: () => boolean;
}

/** Consumes a queue, on every connection anew, until it is closed. Closing waits for the messages that are being handled. */
export async function consumeQueue(
  connection: RabbitConnection,
  { declare, prefetch, handle, onProblem }: QueueConsumerOptions,
): Promise<Subscription> {
  const running = new Set<Promise<void>>();
  let channel: Channel | undefined;
  let consumerTag: string | undefined;
  let open = true;

  const attachment = async (model: ChannelModel): Promise<void> => {
    if (!open) return;
    const opened = connection.watch(model, await model.createChannel());
    opened.on('close', () => {
      if (channel === opened) channel = undefined;
    });
    const queue = await declare(opened);
    await opened.prefetch(prefetch);
    channel = opened;
    const reach: Reach = { channelIsThere: () => channel === opened, isOpen: () => open };
    const consumer = await opened.consume(queue, (message) => {
      if (message === null) {
        connection.restart(model);
        return;
      }
      if (!open) return;
      const run = handle(message, opened, reach)
        .catch((error: unknown) => onProblem(`a message of ${queue} was not settled`, error))
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
