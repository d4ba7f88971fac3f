import { isDeepStrictEqual } from 'node:util';
import type { Documents } from '../documents.ts';
import type { Scheduler, Wakeup } from '../scheduler.ts';
import type { MagnumSwitches, SwitchBoard } from '../switches.ts';
import { Casts, type Cast } from './casts.ts';
import type { ClusterHost } from './cluster-host.ts';
import { MagnumError } from './errors.ts';
import { Handlers, type Upgrade } from './handlers.ts';
import { Heartbeat } from './heartbeat.ts';
import { readHealth } from './health.ts';
import { ClusterApis } from './kubernetes.ts';
import { readStacks } from './poller.ts';
import { isComplete, isInProgress, type ClusterFamily } from './records.ts';
import type { ClusterStacks } from './stacks.ts';
import type { MagnumStore } from './store.ts';

/** Times of the conductor, in seconds. */
export interface ConductorTimes {
  /** From an accepted request to what the conductor does about it. */
  castSeconds: number;
  /** Between looks at the stacks of clusters that something is done with. */
  pollSeconds: number;
  /** Between looks at the health of clusters. */
  healthSeconds: number;
}

/** What the conductor gets from the cloud. */
export interface ConductorParts {
  store: MagnumStore;
  stacks: ClusterStacks;
  documents: Documents;
  scheduler: Scheduler;
  switches: SwitchBoard;
  times: ConductorTimes;
  host: ClusterHost | undefined;
  onError: (error: unknown) => void;
  /** Told of a Kubernetes API that cannot be started. */
  log: (message: string) => void;
}

/** Seconds that the API waits for an answer of the conductor. */
const CALL_SECONDS = 60;

/**
 * Magnum's conductor: does what the API asks, a moment later, and looks at the stacks now and then. While the switch
 * `magnum.conductorDown` is on it does nothing, and what is asked waits.
 */
export class Conductor {
  readonly heartbeat = new Heartbeat();
  readonly #parts: ConductorParts;
  readonly #casts: Casts;
  readonly #handlers: Handlers;
  readonly #apis: ClusterApis;
  readonly #callers = new Set<() => void>();
  #poll: Wakeup | undefined;
  #health: Wakeup | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: ConductorParts) {
    this.#parts = parts;
    const { store, stacks, documents, scheduler, onError, host, log } = parts;
    this.#apis = new ClusterApis({ host, stacks, log });
    this.#handlers = new Handlers({ store, stacks, apis: this.#apis });
    this.#casts = new Casts({ documents, scheduler, onError, handle: (cast) => this.#handle(cast) });
    parts.switches.onChange(() => this.#onSwitch());
  }

  /** Reads what a former run has left undone. */
  async load(): Promise<void> {
    await this.#casts.load();
  }

  /** Goes on where a former run has ended; resolves when the Kubernetes APIs are there again. */
  async resume(): Promise<void> {
    this.#casts.pause(this.#isDown);
    this.#look(async () => {
      for (const family of this.#parts.store.families.values()) await this.#apis.follow(family);
    });
    this.#pollSoon();
    this.#healthSoon();
    await this.#looking;
  }

  /** Puts a message into the queue; resolves when it is kept. */
  async cast(cast: Cast): Promise<void> {
    await this.#casts.send(cast, this.#switch.castSeconds ?? this.#parts.times.castSeconds);
  }

  /** @throws MagnumError as {@link Handlers.upgrade}; 500 when the conductor does not answer. */
  async upgrade(family: ClusterFamily, upgrade: Upgrade): Promise<void> {
    await this.#call(() => this.#handlers.upgrade(family, upgrade));
    this.#pollSoon();
  }

  /** @throws MagnumError as {@link Handlers.rotate}; 500 when the conductor does not answer. */
  async rotate(family: ClusterFamily): Promise<void> {
    await this.#call(() => this.#handlers.rotate(family));
    this.#pollSoon();
  }

  /** Waits for the conductor, for what only it can answer. @throws MagnumError 500 when it does not. */
  async ask<T>(answer: () => T): Promise<T> {
    return this.#call(async () => answer());
  }

  /** Resolves when nothing is being done and all is written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#poll?.cancel();
    this.#health?.cancel();
    for (const wake of this.#callers) wake();
    await this.#casts.settled();
    await this.#looking;
    await this.#parts.store.settled();
  }

  get #switch(): MagnumSwitches {
    return this.#parts.switches.get().magnum;
  }

  get #isDown(): boolean {
    return this.#switch.conductorDown === true || this.#isClosed;
  }

  #onSwitch(): void {
    this.#casts.pause(this.#isDown);
    this.heartbeat.set(!this.#isDown);
    if (this.#isDown) return;
    for (const wake of this.#callers) wake();
    this.#pollSoon();
    this.#healthSoon();
  }

  async #handle(cast: Cast): Promise<void> {
    await this.#handlers.handle(cast);
    if (cast.do === 'create') await this.cast({ do: 'build', uuid: cast.uuid });
    this.#pollSoon();
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDown) await this.#isUp();
    if (this.#isDown) throw new MagnumError(500, 'Timed out waiting for a reply to message ID');
    return work();
  }

  /** Resolves when the conductor works again, or when the patience of the API is at its end. */
  async #isUp(): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#callers.delete(wake);
        timeout.cancel();
        resolve();
      };
      const timeout = this.#parts.scheduler.at(Date.now() + CALL_SECONDS * 1000, wake);
      this.#callers.add(wake);
    });
  }

  #pollSoon(): void {
    if (this.#poll !== undefined || this.#isDown || this.#busy().length === 0) return;
    this.#poll = this.#parts.scheduler.at(Date.now() + this.#parts.times.pollSeconds * 1000, () => {
      this.#poll = undefined;
      if (this.#isDown) return;
      this.#look(async () => {
        for (const family of this.#busy()) await this.#pollOne(family);
        this.#pollSoon();
      });
    });
  }

  #busy(): ClusterFamily[] {
    return [...this.#parts.store.families.values()].filter(({ cluster }) => isInProgress(cluster.status));
  }

  async #pollOne(family: ClusterFamily): Promise<void> {
    const { store, stacks } = this.#parts;
    const { cluster } = family;
    if (cluster.stack_id === null) return;
    const tlsDisabled = store.templates.get(cluster.cluster_template_id)?.tls_disabled === true;
    if (!readStacks(stacks, family, tlsDisabled)) {
      await store.removeFamily(family);
      return;
    }
    if (isComplete(cluster.status)) family.served = family.authorities?.kubernetes ?? null;
    await store.saveFamily(family);
    await this.#apis.follow(family);
  }

  #healthSoon(): void {
    if (this.#health !== undefined || this.#isDown) return;
    this.#health = this.#parts.scheduler.at(Date.now() + this.#parts.times.healthSeconds * 1000, () => {
      this.#health = undefined;
      if (this.#isDown) return;
      this.#look(async () => {
        for (const family of this.#parts.store.families.values()) await this.#healthOne(family);
        this.#healthSoon();
      });
    });
  }

  async #healthOne(family: ClusterFamily): Promise<void> {
    const found = await readHealth(family, this.#apis.applied(family), this.#switch.health);
    const { cluster } = family;
    const { health_status: status, health_status_reason: reason } = cluster;
    if (found === undefined || (found.status === status && isDeepStrictEqual(found.reason, reason))) return;
    cluster.health_status = found.status;
    cluster.health_status_reason = found.reason;
    await this.#parts.store.saveFamily(family);
  }

  /** One look after the other. */
  #look(work: () => Promise<void>): void {
    this.#looking = this.#looking.then(work).catch(this.#parts.onError);
  }
}
