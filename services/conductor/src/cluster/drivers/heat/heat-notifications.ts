import { connect, type ChannelModel, type RecoveringChannelModel } from 'amqplib';
import type { Backbone } from '@cetus/shared/backbone';
import type { Logger, Resource } from '@cetus/shared/service';
import { CLUSTER } from '@cetus/shared/store';
import { clusterOfStack } from './stack-name.ts';

export interface HeatNotificationsOptions {
  /** The broker and vhost that Heat publishes to. */
  url: string;
  backbone: Backbone;
  logger: Logger;
}

/** Our own queue: the one that Heat declares belongs to whoever meters the cloud. Shared by all conductors. */
const QUEUE = 'cetus.heat-notifications';
/** Heat's control exchange, which oslo.messaging declares as it is here: a transient topic exchange. */
const EXCHANGE = 'heat';
/**
 * When to look after a notification, in milliseconds: Heat sends it just before it writes the state that it tells of, so who looks at once
 * may come too early.
 */
const WAKE_UPS_MS = [250, 1_000];
/** What waits in the queue while no conductor runs; polling finds out the rest. */
const MAX_WAITING = 10_000;

interface StackNotification {
  event_type?: string;
  payload?: { stack_name?: string; tenant_id?: string; state?: string };
}

/**
 * Heat's own notifications (oslo.messaging, messagingv2): when a stack of ours ends something, its cluster is looked at now instead of at
 * the next poll. They may be lost, as oslo sends them at most once; polling goes on behind them.
 */
export class HeatNotifications implements Resource {
  readonly name = 'heat-notifications';
  private readonly options: HeatNotificationsOptions;
  private connection: RecoveringChannelModel | undefined;
  private stopped = false;

  constructor(options: HeatNotificationsOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { url, logger } = this.options;
    // Not needed to work, so a broker that is not there now is waited for in the background.
    this.connection = await connect(url, {
      timeout: 10_000,
      recovery: {
        waitForConnect: false,
        initialDelay: 500,
        maxDelay: 30_000,
        jitter: 0.5,
        setup: (model: ChannelModel) => this.consume(model),
      },
    });
    this.connection.on('disconnect', (err: Error) =>
      logger.warn({ err }, "Heat's notifications are interrupted"),
    );
    this.connection.on('connect-failed', (err: Error) =>
      logger.warn({ err }, "Heat's notifications cannot be had now"),
    );
    this.connection.on('error', (err: Error) => logger.warn({ err }, "Heat's notifications"));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.connection?.close();
  }

  private async consume(model: ChannelModel): Promise<void> {
    const { logger } = this.options;
    // Without a listener an error of a connection that is being set up would end the process.
    model.on('error', (err: Error) => logger.warn({ err }, "Heat's notifications: connection"));
    const channel = await model.createChannel();
    channel.on('error', (err: Error) => logger.warn({ err }, "Heat's notifications: channel"));
    // Recovery makes connections anew, not channels.
    channel.on('close', () => this.restart(model));
    await channel.assertExchange(EXCHANGE, 'topic', { durable: false, autoDelete: false });
    await channel.assertQueue(QUEUE, { durable: true, maxLength: MAX_WAITING, messageTtl: 60_000 });
    for (const priority of ['info', 'error']) {
      await channel.bindQueue(QUEUE, EXCHANGE, `notifications.${priority}`);
    }
    // Nothing is lost that polling would not find, so nothing is acknowledged.
    await channel.consume(
      QUEUE,
      (message) => {
        if (message === null) this.restart(model);
        else {
          this.wake(message.content).catch((err: unknown) => {
            logger.warn({ err }, 'a notification of Heat is left to polling');
          });
        }
      },
      { noAck: true },
    );
  }

  private restart(model: ChannelModel): void {
    if (this.stopped) return;
    model.close().catch((err: unknown) => this.options.logger.warn({ err }, "Heat's notifications: closing"));
  }

  private async wake(content: Buffer): Promise<void> {
    const { event_type: type, payload } = parseNotification(content);
    if (type === undefined || !/^orchestration\.stack\.\w+\.(end|error)$/.test(type)) return;
    const id = clusterOfStack(payload?.stack_name ?? '');
    if (id === null) return;
    const command = {
      kind: CLUSTER.name,
      id,
      project_id: payload?.tenant_id ?? '',
      generation: 0,
      reason: 'notification',
    };
    await Promise.all(
      WAKE_UPS_MS.map((delayMs) => this.options.backbone.bus.publishCommand(command, { delayMs })),
    );
  }
}

/** messagingv2 wraps the notification as text in `oslo.message`; messaging (1.0) does not. */
function parseNotification(content: Buffer): StackNotification {
  const envelope = JSON.parse(content.toString()) as { 'oslo.message'?: string } & StackNotification;
  const { 'oslo.message': wrapped } = envelope;
  return wrapped === undefined ? envelope : (JSON.parse(wrapped) as StackNotification);
}
