import { connectRabbitBus, createInProcessBus, type Bus } from '../bus/index.ts';
import { ensureEventIndexes, Relay } from '../notifications/index.ts';
import { ensureOperationIndexes } from '../operations/index.ts';
import type { Logger, Resource } from '../service/index.ts';
import { ensureServiceIndexes } from '../service-registry/index.ts';
import { connectStore, ensureIndexes, KINDS, type Store } from '../store/index.ts';

/** The part of a service's configuration (`backboneVariables`, `eventVariables`) that the backbone reads. */
export interface BackboneConfig {
  CETUS_MONGODB_URL: string;
  /** Without one, the bus is within this process. */
  CETUS_AMQP_URL?: string | undefined;
  CETUS_EVENT_RETENTION_DAYS: number;
}

/** What every service stands on: the database, the bus, and the relay of notifications between them. Opened and closed as one. */
export class Backbone implements Resource {
  readonly name = 'backbone';
  private readonly config: BackboneConfig;
  private readonly logger: Logger;
  private parts: { store: Store; bus: Bus; relay: Relay } | undefined;

  constructor(config: BackboneConfig, logger: Logger) {
    this.config = config;
    this.logger = logger;
  }

  get store(): Store {
    return this.opened().store;
  }

  get bus(): Bus {
    return this.opened().bus;
  }

  get relay(): Relay {
    return this.opened().relay;
  }

  /** @throws CetusError `store_unavailable`, `bus_unavailable` */
  async start(): Promise<void> {
    const { config, logger } = this;
    const retentionDays = config.CETUS_EVENT_RETENTION_DAYS;
    const store = await connectStore({ uri: config.CETUS_MONGODB_URL });
    let bus: Bus | undefined;
    try {
      for (const kind of KINDS) await ensureIndexes(store.db, kind as never);
      await ensureOperationIndexes(store.db, retentionDays);
      await ensureEventIndexes(store.db, retentionDays);
      await ensureServiceIndexes(store.db);
      bus = await this.connectBus();
    } catch (error) {
      await store.close();
      throw error;
    }
    const onError = (err: unknown, object: string | null): void =>
      logger.warn({ err, object }, 'notifications wait; they are tried again');
    const relay = new Relay({ db: store.db, bus, kinds: KINDS, onError });
    relay.start();
    this.parts = { store, bus, relay };
  }

  async stop(): Promise<void> {
    const { store, bus, relay } = this.opened();
    await relay.stop();
    await bus.close();
    await store.close();
  }

  async health(): Promise<void> {
    const { store, bus } = this.opened();
    await Promise.all([store.health(), bus.health()]);
  }

  private async connectBus(): Promise<Bus> {
    const { logger } = this;
    const amqpUrl = this.config.CETUS_AMQP_URL;
    if (amqpUrl === undefined) {
      return createInProcessBus({
        onProblem: (problem, err) => logger.warn({ err }, `bus: ${problem}`),
        onDeadLetter: (command, err) =>
          logger.error({ command, err }, 'a command was given up; the sweep finds its object'),
      });
    }
    return connectRabbitBus({
      url: amqpUrl,
      services: kindsByService(),
      onProblem: (problem, err) => logger.warn({ err }, `bus: ${problem}`),
    });
  }

  private opened(): { store: Store; bus: Bus; relay: Relay } {
    if (this.parts === undefined) throw new Error('the backbone is not open');
    return this.parts;
  }
}

/** Which kinds each service owns. */
function kindsByService(): Record<string, string[]> {
  const services: Record<string, string[]> = {};
  for (const { name, service } of KINDS) if (service !== null) (services[service] ??= []).push(name);
  return services;
}
