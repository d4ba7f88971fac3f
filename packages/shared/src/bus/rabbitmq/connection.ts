import {
  connect,
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type Options,
  type RecoveringChannelModel,
} from 'amqplib';
import { CetusError } from '../../errors/index.ts';
import { Semaphore } from '../semaphore.ts';
import type { Topology } from '../topology.ts';
import { declareTopology } from './declare-topology.ts';

export interface RabbitConnectionOptions {
  /** An `amqp://` or `amqps://` URI. */
  url: string;
  topology: Topology;
  /** The kinds that each service owns: their queues exist before the service has ever run. */
  services: Readonly<Record<string, readonly string[]>>;
  /** Told of what recovery does about a lost connection. */
  onProblem: (problem: string, error: unknown) => void;
  /** How often the first connection is tried again before that is an error; default 5. */
  startRetries?: number;
  /** How long the broker may take to confirm a message, in milliseconds; default 5,000. */
  confirmTimeoutMs?: number;
}

/** Makes channels and consumers on a new connection. Run again on every reconnect. */
export type Attachment = (model: ChannelModel) => Promise<void>;

const CONFIRM_TIMEOUT_MS = 5_000;
const MAX_UNCONFIRMED = 2_048;
/** Seconds after which a silent broker is taken for gone (in RabbitMQ's own default it is a minute). */
const HEARTBEAT_S = 15;

/**
 * One connection that comes back by itself (amqplib's recovery): the first must succeed within a few tries, later ones are tried for
 * ever. Topology, channels and consumers are all made in `setup`, which runs on every reconnect.
 */
export class RabbitConnection {
  private readonly options: RabbitConnectionOptions;
  private readonly attachments = new Set<Attachment>();
  private readonly unconfirmed = new Semaphore(MAX_UNCONFIRMED);
  private readonly closing = new WeakSet<object>();
  /** Connections of which a channel was closed by the broker: not to be used, also when their set-up comes to its end. */
  private readonly broken = new WeakSet<ChannelModel>();
  private recovering: RecoveringChannelModel | undefined;
  private model: ChannelModel | undefined;
  private publisher: ConfirmChannel | undefined;
  /** The broker has raised an alarm: what is sent now would pile up in this process. */
  private blocked = false;

  constructor(options: RabbitConnectionOptions) {
    this.options = options;
  }

  /** @throws CetusError `bus_unavailable` when the broker is not there */
  async open(): Promise<void> {
    try {
      this.recovering = await connect(withHeartbeat(this.options.url), {
        timeout: 10_000,
        // Else a message that follows an acknowledgement waits some 40 ms for the broker's host to acknowledge that one (Nagle).
        noDelay: true,
        clientProperties: { product: 'cetus' },
        recovery: {
          initialDelay: 200,
          maxDelay: 5_000,
          jitter: 0.5,
          initialMaxRetries: this.options.startRetries ?? 5,
          maxRetries: Number.POSITIVE_INFINITY,
          setup: (model: ChannelModel) => this.setup(model),
        },
      });
    } catch (cause) {
      throw new CetusError('bus_unavailable', 'RabbitMQ cannot be reached', { cause });
    }
    this.recovering.on('disconnect', (error: Error) => {
      this.model = undefined;
      this.publisher = undefined;
      this.blocked = false;
      this.options.onProblem('connection lost', error);
    });
    this.recovering.on('connect-failed', (error: Error) =>
      this.options.onProblem('reconnecting failed', error),
    );
    this.recovering.on('error', (error: Error) => this.options.onProblem('connection error', error));
    this.recovering.on('blocked', (reason: string) => {
      this.blocked = true;
      this.options.onProblem('the broker takes no messages now', new Error(reason));
    });
    this.recovering.on('unblocked', () => (this.blocked = false));
    this.recovering.on('handler-error', (error: Error) => this.options.onProblem('handler error', error));
  }

  /** Runs an attachment now and after every reconnect, until it is detached. */
  async attach(attachment: Attachment): Promise<void> {
    this.attachments.add(attachment);
    const { model } = this;
    if (model === undefined) return;
    try {
      await attachment(model);
    } catch (error) {
      // A connection that is lost meanwhile runs it again; anything else is a mistake of the caller.
      if (this.model !== model) return;
      this.attachments.delete(attachment);
      throw error;
    }
  }

  detach(attachment: Attachment): void {
    this.attachments.delete(attachment);
  }

  /** A channel whose end, when not asked for, ends the connection: recovery then makes everything anew. */
  watch<T extends Channel>(model: ChannelModel, channel: T): T {
    channel.on('error', (error: Error) => this.options.onProblem('channel error', error));
    channel.on('handler-error', (error: Error) => this.options.onProblem('handler error', error));
    channel.on('close', () => {
      if (this.closing.has(channel)) return;
      this.broken.add(model);
      this.restart(model);
    });
    return channel;
  }

  /** Closes a channel on purpose, if it is still there. */
  async closeChannel(channel: Channel | undefined): Promise<void> {
    if (channel === undefined) return;
    this.closing.add(channel);
    await channel
      .close()
      .catch((error: unknown) => this.options.onProblem('closing a channel failed', error));
  }

  /** Ends a connection that is no longer as it should be. */
  restart(model: ChannelModel): void {
    if (this.model === model)
      void model.close().catch((error: unknown) => this.options.onProblem('closing failed', error));
  }

  /**
   * Publishes a JSON body (a buffer: as it is) and waits for the broker's confirm. At most {@link MAX_UNCONFIRMED} wait at once, so memory stays bounded.
   * @throws CetusError `bus_unavailable`
   */
  async publish(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: Options.Publish,
  ): Promise<void> {
    await this.unconfirmed.run(async () => {
      const publisher = this.assertConnected();
      await new Promise<void>((resolve, reject) => {
        const fail = (cause: unknown): void =>
          reject(new CetusError('bus_unavailable', 'RabbitMQ did not confirm a message', { cause }));
        const timer = setTimeout(fail, this.options.confirmTimeoutMs ?? CONFIRM_TIMEOUT_MS, undefined);
        const content = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
        const confirmed = (error: unknown): void => {
          clearTimeout(timer);
          if (error == null) resolve();
          else fail(error);
        };
        try {
          publisher.publish(
            exchange,
            routingKey,
            content,
            { persistent: true, contentType: 'application/json', ...options },
            confirmed,
          );
        } catch (error) {
          confirmed(error);
        }
      });
    });
  }

  /** @throws CetusError `bus_unavailable` */
  assertConnected(): ConfirmChannel {
    if (this.publisher === undefined) throw new CetusError('bus_unavailable', 'RabbitMQ cannot be reached');
    if (this.blocked) throw new CetusError('bus_unavailable', 'RabbitMQ takes no messages now');
    return this.publisher;
  }

  async close(): Promise<void> {
    this.model = undefined;
    this.publisher = undefined;
    this.attachments.clear();
    await this.recovering?.close();
  }

  private async setup(model: ChannelModel): Promise<void> {
    // Recovery listens to a connection only when its set-up is done; an error that nobody hears would end the process.
    const onError = (error: Error): void => this.options.onProblem('connection error', error);
    model.on('error', onError);
    const publisher = this.watch(model, await model.createConfirmChannel());
    await declareTopology(publisher, this.options.topology, this.options.services);
    for (const attachment of this.attachments) await attachment(model);
    if (this.broken.has(model)) throw new Error('A channel was closed while the connection was set up');
    model.off('error', onError);
    this.model = model;
    this.publisher = publisher;
  }
}

function withHeartbeat(address: string): string {
  const url = new URL(address);
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(HEARTBEAT_S));
  return url.href;
}
