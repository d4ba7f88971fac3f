import { connect, type ChannelModel, type RecoveringChannelModel } from 'amqplib';
import type { Backbone } from '@cetus/shared/backbone';
import type { Logger, Resource } from '@cetus/shared/service';
import { CLUSTER } from '@cetus/shared/store';

export interface OsloNotificationsOptions {
  /** The service's name, for people and for the resource: `Heat`. */
  service: string;
  /** The broker and vhost that the service publishes to. */
  url: string;
  /** The service's control exchange, which oslo.messaging declares as it is here: a transient topic exchange. */
  exchange: string;
  /** Our own queue, shared by all conductors: the one that the service declares belongs to whoever meters the cloud. */
  queue: string;
  /** The cluster that a notification is about and that may have changed; null for others. */
  clusterOf: (notification: OsloNotification) => NotifiedCluster | null;
  backbone: Backbone;
  logger: Logger;
}

export interface OsloNotification {
  event_type: string;
  payload: Record<string, unknown>;
}

export interface NotifiedCluster {
  id: string;
  projectId: string;
  /** When to look at it, in milliseconds; default {@link WAKE_UPS_MS}. */
  wakeUpsMs?: readonly number[];
}

/**
 * When to look after a notification, in milliseconds: a service may send it just before it writes the state that it tells of, so who looks
 * at once may come too early.
 */
const WAKE_UPS_MS = [250, 1_000];
/** What waits in the queue while no conductor runs; polling finds out the rest. */
const MAX_WAITING = 10_000;

/**
 * A service's own notifications (oslo.messaging, messagingv2): when they tell of a cluster of ours, it is looked at now instead of at the
 * next poll. They may be lost, as oslo sends them at most once; polling goes on behind them.
 */
export class OsloNotifications implements Resource {
  readonly name: string;
  private readonly options: OsloNotificationsOptions;
  private connection: RecoveringChannelModel | undefined;
  private stopped = false;

  constructor(options: OsloNotificationsOptions) {
    this.options = options;
    this.name = `${options.service.toLowerCase()}-notifications`;
  }

  async start(): Promise<void> {
    const { url } = this.options;
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
    this.connection.on('disconnect', (err: Error) => this.warn(err, 'are interrupted'));
    this.connection.on('connect-failed', (err: Error) => this.warn(err, 'cannot be had now'));
    this.connection.on('error', (err: Error) => this.warn(err, 'have an error'));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.connection?.close();
  }

  private warn(err: unknown, what: string): void {
    this.options.logger.warn({ err }, `${this.options.service}'s notifications ${what}`);
  }

  private async consume(model: ChannelModel): Promise<void> {
    const { exchange, queue } = this.options;
    // Without a listener an error of a connection that is being set up would end the process.
    model.on('error', (err: Error) => this.warn(err, 'have an error of their connection'));
    const channel = await model.createChannel();
    channel.on('error', (err: Error) => this.warn(err, 'have an error of their channel'));
    // Recovery makes connections anew, not channels.
    channel.on('close', () => this.restart(model));
    await channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: false });
    await channel.assertQueue(queue, { durable: true, maxLength: MAX_WAITING, messageTtl: 60_000 });
    for (const priority of ['info', 'error']) {
      await channel.bindQueue(queue, exchange, `notifications.${priority}`);
    }
    // Nothing is lost that polling would not find, so nothing is acknowledged.
    await channel.consume(
      queue,
      (message) => {
        if (message === null) this.restart(model);
        else this.heard(message.content).catch((err: unknown) => this.warn(err, 'leave one to polling'));
      },
      { noAck: true },
    );
  }

  private restart(model: ChannelModel): void {
    if (this.stopped) return;
    model.close().catch((err: unknown) => this.warn(err, 'are closed badly'));
  }

  /** Has the cluster looked at that a message is about. @throws SyntaxError for a message that is none of oslo's */
  async heard(content: Buffer): Promise<void> {
    const { clusterOf, backbone } = this.options;
    const notification = parseNotification(content);
    const found = notification === null ? null : clusterOf(notification);
    if (found === null) return;
    const command = {
      kind: CLUSTER.name,
      id: found.id,
      project_id: found.projectId,
      generation: 0,
      reason: 'notification',
    };
    const { wakeUpsMs = WAKE_UPS_MS } = found;
    await Promise.all(wakeUpsMs.map((delayMs) => backbone.bus.publishCommand(command, { delayMs })));
  }
}

/** messagingv2 wraps the notification as text in `oslo.message`; messaging (1.0) does not. */
function parseNotification(content: Buffer): OsloNotification | null {
  const envelope = JSON.parse(content.toString()) as { 'oslo.message'?: string } & Partial<OsloNotification>;
  const { 'oslo.message': wrapped } = envelope;
  const { event_type, payload } =
    wrapped === undefined ? envelope : (JSON.parse(wrapped) as Partial<OsloNotification>);
  return event_type === undefined ? null : { event_type, payload: payload ?? {} };
}
