import type { Filter } from 'mongodb';
import type { Bus, DeliveredCommand, Subscription } from '../bus/index.ts';
import { runInTrace } from '../telemetry/index.ts';
import { CetusError } from '../errors/index.ts';
import type { Relay } from '../notifications/index.ts';
import type { StoredObject } from '../schemas/object.ts';
import { LeaseLostError, type ReconcileStore } from '../store/index.ts';
import { DEFAULT_BACKOFF, type BackoffOptions } from './backoff.ts';
import { DEFERRED, FairQueue } from './fair-queue.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { Reconciler } from './outcome.ts';
import { AGAIN, DUE, keyOf, reasonOf, WAKE_UP, type RoundReason } from './round-reason.ts';
import { isOverdue, runRound, type RoundResult } from './round.ts';
import { settle } from './settle.ts';

/** The part of a logger (pino's) that the loop uses. */
export interface LoopLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ReconcileLoopOptions<T extends StoredObject> {
  /** The service whose command queue is consumed. */
  service: string;
  /** Who holds the leases: unique to this process. */
  owner: string;
  store: ReconcileStore<T>;
  reconciler: Reconciler<T>;
  bus: Bus;
  relay: Relay;
  logger: LoopLogger;
  /** Rounds that run at once. */
  concurrency: number;
  /** How long a lease lasts without being renewed, in milliseconds: how long an object waits when its holder dies. */
  leaseMs?: number;
  /** How often to look for objects whose time has come, in milliseconds. */
  sweepMs?: number;
  /** How often an object with nothing to do is compared with its back end, in milliseconds. */
  resyncMs: number;
  backoff?: BackoffOptions;
  /** The objects that this process can work on now: any other is left to processes that can, its commands handed on. Default: all. */
  mine?: () => Promise<Filter<T> | undefined>;
  /** How long a round may wait for its back end, in milliseconds; default 60,000. */
  roundMs?: number;
  /** Told of every round: how it ended and how long it took, in seconds. */
  onRound?: (result: 'progress' | 'ended' | 'retry' | 'failed' | 'lost', seconds: number) => void;
}

/** Waits up to this long are kept in this process: what was begun goes on before others of its project begin. The sweep finds what a crash leaves. */
const LONGEST_OWN_WAIT_MS = 5_000;
/** Waits up to this long are commands that the broker holds back; the sweep finds the others. */
const LONGEST_DELAYED_COMMAND_MS = 30_000;
/**
 * How long a command that found its project's share full is held back: the longer the more of them there were of late, or thousands would go
 * round and round. Whoever has room before that finds the objects by itself.
 */
const DEFERRED_MS = 5_000;
/** As many of late are held back so much longer. */
const DEFERRED_STEP = 100;
/** How long a command is held back for whoever can work on its object: one of the other processes may take it then. */
const ELSEWHERE_MS = 1_000;
/** How long a look is held back that finds its object being worked on. */
const BUSY_MS = 250;
/** Objects that a sweep takes however full the queue is: the queue defers those of projects that have their share. */
const SMALLEST_SWEEP = 16;
/** How long a round may wait for its back end. */
const ROUND_MS = 60_000;
const LAST_ROUND_MS = 10_000;
/** A wake-up counts from so many milliseconds before its time: the clock of whoever set it may be a little ahead. */
const EARLY_MS = 50;
/** How soon to sweep again when there was more to do than there was room for. */
const NEXT_SWEEP_MS = 200;
/** The sweep leaves objects alone that are overdue by less: their command is on its way. */
const SWEEP_GRACE_MS = 2_000;

/** The object is for other processes. */
class ElsewhereError extends Error {
  constructor(id: string) {
    super(`${id} is left to a process that can work on it`);
    this.name = 'ElsewhereError';
  }
}

/** Another round of the object runs, which may have looked before what the command tells of. */
class BusyError extends Error {
  constructor(id: string) {
    super(`${id} is being worked on`);
    this.name = 'BusyError';
  }
}

/**
 * Carries out the operations of one kind: claim → read → reconcile → one status write, for every command and for every object whose time
 * has come. Any number of processes share the work; leases keep them apart.
 */
export class ReconcileLoop<T extends StoredObject> {
  private readonly options: ReconcileLoopOptions<T>;
  private readonly leaseMs: number;
  private readonly queue: FairQueue;
  private readonly leases: LeaseKeeper<T>;
  private aborted = false;
  private consumer: Subscription | undefined;
  private sweeping: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  /** Of waits that are kept here. */
  private readonly waits = new Set<NodeJS.Timeout>();
  /** Commands that were held back because their project had its share. */
  private deferred = { since: 0, count: 0 };
  private stopped = false;

  constructor(options: ReconcileLoopOptions<T>) {
    this.options = options;
    this.leaseMs = options.leaseMs ?? 30_000;
    const onProblem = (id: string, err: unknown): void =>
      options.logger.warn({ id, err }, 'lease not renewed');
    this.leases = new LeaseKeeper({ store: options.store, leaseMs: this.leaseMs, onProblem });
    this.queue = new FairQueue({
      concurrency: options.concurrency,
      maxWaitingPerProject: options.concurrency * 2,
    });
  }

  async start(): Promise<void> {
    const { service, bus, store, concurrency } = this.options;
    this.consumer = await bus.consumeCommands({
      service,
      kinds: [store.kind.name],
      prefetch: concurrency * 16,
      handler: (command) => this.onCommand(command),
    });
    this.scheduleSweep(0);
  }

  /** Takes no more work, and waits for the rounds that run; after `graceMs` they are aborted. */
  async stop(graceMs = 10_000): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const wait of this.waits) clearTimeout(wait);
    const abort = setTimeout(() => {
      this.aborted = true;
      this.leases.abortAll(new Error('The process ends'));
    }, graceMs);
    await this.consumer?.close();
    await this.sweeping;
    await this.queue.idle();
    clearTimeout(abort);
  }

  private async onCommand(command: DeliveredCommand): Promise<void> {
    const { id, project_id } = command;
    const run = this.enqueue(project_id, id, reasonOf(command.reason));
    if (run === DEFERRED) {
      await this.handBack(command, this.deferralMs());
      return;
    }
    try {
      await run;
    } catch (error) {
      const isBusy = error instanceof BusyError;
      if (!isBusy && !(error instanceof ElsewhereError)) throw error;
      if (!isBusy) this.options.logger.debug({ id }, 'command handed on to a process that can carry it out');
      await this.handBack(command, isBusy ? BUSY_MS : ELSEWHERE_MS);
    }
  }

  /** How long to hold back one more command than the share of its project. */
  private deferralMs(): number {
    const now = Date.now();
    if (now - this.deferred.since >= LONGEST_DELAYED_COMMAND_MS) this.deferred = { since: now, count: 0 };
    const many = Math.floor((this.deferred.count += 1) / DEFERRED_STEP);
    return Math.min(LONGEST_DELAYED_COMMAND_MS, DEFERRED_MS * (1 + many));
  }

  /** Puts a command back for any process, later. */
  private async handBack(command: DeliveredCommand, delayMs: number): Promise<void> {
    const { kind, id, project_id, generation, reason } = command;
    await this.options.bus.publishCommand({ kind, id, project_id, generation, reason }, { delayMs });
  }

  private enqueue(project: string, id: string, reason: RoundReason): Promise<void> | typeof DEFERRED {
    return this.queue.run(project, keyOf(id, reason), () => this.work(id, reason));
  }

  /**
   * Rounds until there is nothing to do at once.
   * @throws Error when the process ends before that, so that the command goes to another; ElsewhereError, BusyError
   */
  private async work(id: string, reason: RoundReason): Promise<void> {
    for (let now = reason, again = true; again; now = AGAIN) {
      if (this.stopped) throw new Error('The process ends');
      again = await this.round(id, now);
    }
  }

  /** One round. Answers whether the object changed meanwhile and wants another at once. */
  private async round(id: string, { ifDue, fresh, ongoing }: RoundReason): Promise<boolean> {
    const { store, owner, logger, mine } = this.options;
    const claim = await store.claim(id, owner, this.leaseMs, {
      dueBy: ifDue ? new Date(Date.now() + EARLY_MS) : undefined,
      ongoing,
      only: await mine?.(),
    });
    if (claim === 'elsewhere') throw new ElsewhereError(id);
    if (claim === 'leased' && fresh) throw new BusyError(id);
    // Gone, early: nothing to do. Leased: the holder compares generations when it writes, and goes on by itself.
    if (typeof claim === 'string') return false;
    const object = claim.object as T;
    const begun = new Date();
    const started = process.hrtime.bigint();
    const seconds = (): number => Number(process.hrtime.bigint() - started) / 1e9;
    try {
      return await runInTrace(object.operation?.traceparent, `reconcile ${store.kind.name}`, async () => {
        const result = await this.leases.hold(object, this.limitMs(object), (signal) =>
          runRound(this.options.reconciler, object, signal, {
            now: begun,
            backoff: this.options.backoff ?? DEFAULT_BACKOFF,
          }),
        );
        const written = await this.commit(object, result, begun);
        this.report(object, result, seconds());
        const changed = written.generation !== object.generation || result.outcome.wakeUpAfterMs === 0;
        const again = changed && written.deleted_at === null;
        if (!again) await this.scheduleWakeUp(written);
        return again;
      });
    } catch (error) {
      if (!(error instanceof LeaseLostError) && !this.aborted) throw error;
      // Another process goes on from what is in the back end; nothing of this round was written.
      logger.warn({ id, err: error }, 'round given up');
      this.options.onRound?.('lost', seconds());
      if (!(error instanceof LeaseLostError)) await this.release(object);
      return false;
    }
  }

  /** How long a round may take, in milliseconds: shorter when the operation's time is over, so that it ends soon after. */
  private limitMs(object: T): number {
    return isOverdue(object, new Date()) ? LAST_ROUND_MS : (this.options.roundMs ?? ROUND_MS);
  }

  /** Gives the lease of a round back that was aborted because the process ends: no need for others to wait for its end. */
  private async release(object: T): Promise<void> {
    const { store, logger } = this.options;
    try {
      await store.release(object._id, object.lease?.token ?? 0);
    } catch (error) {
      logger.warn({ id: object._id, err: error }, 'lease not given back; it ends by itself');
    }
  }

  private async commit(object: T, { outcome, attempts }: RoundResult<T>, begun: Date): Promise<T> {
    const { store, relay, resyncMs } = this.options;
    const written = await store.commit(object, (current) =>
      settle(current, object, outcome, {
        kind: store.kind,
        now: new Date(),
        begun,
        resyncMs: jitter(resyncMs),
        attempts,
      }),
    );
    void relay.relay(store.kind, written);
    return written;
  }

  private async scheduleWakeUp(object: T): Promise<void> {
    if (object.next_attempt_at === null) return;
    // The time may have come while the round was written.
    const delayMs = Math.max(0, object.next_attempt_at.getTime() - Date.now());
    if (delayMs > LONGEST_DELAYED_COMMAND_MS) return;
    if (delayMs <= LONGEST_OWN_WAIT_MS) {
      this.goOnAfter(delayMs, object);
      return;
    }
    const { _id: id, project_id, generation } = object;
    try {
      await this.options.bus.publishCommand(
        { kind: this.options.store.kind.name, id, project_id, generation, reason: WAKE_UP },
        { delayMs },
      );
    } catch (error) {
      // next_attempt_at is written: the sweep wakes the object.
      if (!(error instanceof CetusError)) throw error;
      this.options.logger.info({ id, err: error }, 'wake-up left to the sweep');
    }
  }

  private goOnAfter(delayMs: number, { _id: id, project_id }: T): void {
    if (this.stopped) return;
    const wait = setTimeout(() => {
      this.waits.delete(wait);
      this.logged(
        id,
        this.queue.runNext(project_id, keyOf(id, DUE), () => this.work(id, DUE)),
      );
    }, delayMs);
    this.waits.add(wait);
  }

  private logged(id: string, run: Promise<void>): void {
    run.catch((error: unknown) => {
      if (!this.stopped && !(error instanceof ElsewhereError))
        this.options.logger.warn({ id, err: error }, 'round failed; it is swept again');
    });
  }

  private report(object: T, result: RoundResult<T>, seconds: number): void {
    const { logger, store, onRound } = this.options;
    const { ended } = result.outcome;
    const kind =
      ended === undefined
        ? result.error === undefined
          ? 'progress'
          : 'retry'
        : ended.state === 'FAILED'
          ? 'failed'
          : 'ended';
    onRound?.(kind, seconds);
    const fields = {
      [store.kind.name]: object._id,
      generation: object.generation,
      action: object.operation?.action,
      seconds,
    };
    if (result.error !== undefined && !(result.error instanceof CetusError)) {
      logger.error({ ...fields, err: result.error }, 'reconciling made a mistake');
    } else if (kind === 'failed')
      logger.info({ ...fields, err: result.error, failure: ended }, 'operation failed');
    else if (kind === 'retry')
      logger.warn(
        { ...fields, err: result.error, attempts: result.attempts },
        'reconciling will be tried again',
      );
    else if (kind === 'ended') logger.info(fields, 'operation complete');
    else logger.debug(fields, 'reconciled');
  }

  private scheduleSweep(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep()
        .catch((error: unknown) => {
          this.options.logger.warn({ err: error }, 'sweep failed; the next one tries again');
          return false;
        })
        .then((more) => this.scheduleSweep(jitter(more ? NEXT_SWEEP_MS : (this.options.sweepMs ?? 2_000))));
    }, afterMs);
  }

  /**
   * Looks for objects whose time has come: what a crash or a lost message left behind, and what waits long. Answers whether there may be
   * more than was looked at.
   */
  private async sweep(): Promise<boolean> {
    const { store, mine } = this.options;
    const room = Math.max(this.queue.capacity, SMALLEST_SWEEP);
    const due = await store.due(new Date(Date.now() - SWEEP_GRACE_MS), room, await mine?.());
    for (const { _id: id, project_id } of due) {
      const run = this.enqueue(project_id, id, DUE);
      if (run !== DEFERRED) this.logged(id, run);
    }
    return due.length === room && this.queue.capacity > 0;
  }
}

/** Within a tenth of a time, so that processes and objects do not move in step. */
function jitter(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
}
