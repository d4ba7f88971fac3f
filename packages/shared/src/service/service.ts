import { DeadlineExceededError, withDeadline } from './deadline.ts';
import type { Logger } from './logger.ts';
import { readiness, shareReadiness, type Readiness } from './readiness.ts';
import type { Resource } from './resource.ts';

/**
 * - `CREATED`: nothing is open yet;
 * - `STARTING`: resources are being opened, in order;
 * - `RUNNING`: all are open;
 * - `DRAINING`: resources are finishing their work and closing, in reverse order;
 * - `STOPPED`: all are closed;
 * - `FAILED`: one could not be opened, or one could not be closed in time.
 */
export type ServiceState = 'CREATED' | 'STARTING' | 'RUNNING' | 'DRAINING' | 'STOPPED' | 'FAILED';

export interface ServiceOptions {
  name: string;
  logger: Logger;
  /** Opened in this order, closed in the reverse. */
  resources: readonly Resource[];
  /** For closing everything, in milliseconds. Default 25,000. */
  shutdownMs?: number;
  /** For closing one resource, in milliseconds. Default: what is left of `shutdownMs`. */
  resourceStopMs?: number;
  /** For one resource's health, in milliseconds. Default 2,000. */
  healthTimeoutMs?: number;
  /** How long a health answer is shared, in milliseconds. Default 1,000. */
  healthCacheMs?: number;
}

export interface Service {
  readonly name: string;
  readonly state: ServiceState;
  /**
   * Opens every resource.
   * @throws ServiceStartError when one cannot be opened or `stop` was called meanwhile; what was open is closed by then.
   */
  start(): Promise<void>;
  /**
   * Closes every open resource; a second call waits for the first.
   * @throws ServiceStopError when some could not be closed in time; all were tried.
   */
  stop(): Promise<void>;
  /** Whether the service is RUNNING and every resource is well. Never throws. */
  health(): Promise<Readiness>;
}

/** A service did not start; `resource` names what could not be opened, `cause` is the reason. */
export class ServiceStartError extends Error {
  override readonly name = 'ServiceStartError';
  readonly resource: string;

  constructor(service: string, resource: string, cause: unknown) {
    super(
      `${service} did not start: ${resource}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
    this.resource = resource;
  }
}

/** A service did not stop cleanly; `resources` names what could not be closed. */
export class ServiceStopError extends AggregateError {
  override readonly name = 'ServiceStopError';
  readonly resources: readonly string[];

  constructor(service: string, failures: ReadonlyMap<string, unknown>) {
    super([...failures.values()], `${service} did not stop cleanly: ${[...failures.keys()].join(', ')}`);
    this.resources = [...failures.keys()];
  }
}

/** The reason of a start that was ended by a stop. */
export class StartAbortedError extends Error {
  override readonly name = 'StartAbortedError';

  constructor() {
    super('the service was told to stop while it was starting');
  }
}

/** Makes a service that the caller starts and stops: for tests, and for several services in one process. */
export function createService(options: ServiceOptions): Service {
  return new ResourceService(options);
}

class ResourceService implements Service {
  readonly name: string;
  readonly #logger: Logger;
  readonly #resources: readonly Resource[];
  readonly #shutdownMs: number;
  readonly #resourceStopMs: number;
  readonly #checkResources: () => Promise<Readiness>;
  readonly #abort = new AbortController();
  readonly #open: Resource[] = [];
  #state: ServiceState = 'CREATED';
  #closed = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    const names = options.resources.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new TypeError(`${options.name} has two resources named ${twice}`);
    this.name = options.name;
    this.#logger = options.logger;
    this.#resources = options.resources;
    this.#shutdownMs = options.shutdownMs ?? 25_000;
    this.#resourceStopMs = options.resourceStopMs ?? Infinity;
    this.#checkResources = shareReadiness(
      () => readiness(this.#resources, options.healthTimeoutMs),
      options.healthCacheMs,
    );
  }

  get state(): ServiceState {
    return this.#state;
  }

  #setState(state: ServiceState): void {
    if (state === this.#state) return;
    this.#logger.info({ from: this.#state, to: state }, 'service state changed');
    this.#state = state;
  }

  start(): Promise<void> {
    this.#starting ??= this.#startAll();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async health(): Promise<Readiness> {
    const { ready, resources } =
      this.#state === 'RUNNING' ? await this.#checkResources() : { ready: false, resources: {} };
    return { ready: ready && this.#state === 'RUNNING', state: this.#state, resources };
  }

  async #startAll(): Promise<void> {
    if (this.#stopping) throw new ServiceStartError(this.name, 'service', new StartAbortedError());
    this.#setState('STARTING');
    for (const resource of this.#resources) {
      try {
        await this.#startOne(resource);
      } catch (cause) {
        const error = new ServiceStartError(this.name, resource.name, cause);
        if (this.#stopping) throw error;
        this.#logger.fatal({ err: cause, resource: resource.name }, 'a resource could not be opened');
        await this.#closeOpen();
        this.#setState('FAILED');
        throw error;
      }
    }
    this.#setState('RUNNING');
  }

  async #startOne(resource: Resource): Promise<void> {
    const since = performance.now();
    this.#abort.signal.throwIfAborted();
    await resource.start?.(this.#abort.signal);
    if (this.#closed) {
      // It ignored the signal for so long that everything else is closed: nobody but us would close it.
      await resource.stop?.();
      throw new StartAbortedError();
    }
    this.#open.push(resource);
    this.#logger.debug(
      { resource: resource.name, durationMs: Math.round(performance.now() - since) },
      'resource opened',
    );
    this.#abort.signal.throwIfAborted();
  }

  async #stopAll(): Promise<void> {
    // A service that failed to start has closed everything already.
    if (this.#state === 'FAILED') return;
    const until = performance.now() + this.#shutdownMs;
    this.#setState('DRAINING');
    const failures = new Map<string, unknown>();
    if (this.#starting) {
      this.#abort.abort(new StartAbortedError());
      const starting = this.#starting.catch((error: unknown) => {
        // Told to its caller by start(); here only whether it ended matters.
        if (!(error instanceof ServiceStartError)) throw error;
      });
      await withDeadline('the start', this.#limit(until), () => starting).catch((error: unknown) => {
        failures.set('start', error);
        this.#logger.error({ err: error }, 'the start went on after it was told to stop');
      });
    }
    for (const [name, error] of await this.#closeOpen(until)) failures.set(name, error);
    this.#closed = true;
    if (failures.size > 0) {
      this.#setState('FAILED');
      throw new ServiceStopError(this.name, failures);
    }
    this.#setState('STOPPED');
  }

  /** How long one step may take now: its own deadline or what is left of the whole, and never nothing at all. */
  #limit(until: number): number {
    return Math.max(1, Math.ceil(Math.min(this.#resourceStopMs, until - performance.now(), 2 ** 31 - 1)));
  }

  async #closeOpen(until = performance.now() + this.#shutdownMs): Promise<Map<string, unknown>> {
    const failures = new Map<string, unknown>();
    for (let resource = this.#open.pop(); resource; resource = this.#open.pop()) {
      const { name } = resource;
      const closing = resource;
      try {
        await withDeadline(`closing ${name}`, this.#limit(until), async () => closing.stop?.());
        this.#logger.debug({ resource: name }, 'resource closed');
      } catch (error) {
        failures.set(name, error);
        const message =
          error instanceof DeadlineExceededError
            ? 'a resource was not closed in time'
            : 'a resource could not be closed';
        this.#logger.error({ err: error, resource: name }, message);
      }
    }
    return failures;
  }
}
