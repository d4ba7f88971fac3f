import { setMaxListeners } from 'node:events';
import { CetusError } from '../errors/index.ts';
import type { StoredObject } from '../schemas/object.ts';
import { LeaseLostError, type ReconcileStore } from '../store/index.ts';

export interface LeaseKeeperOptions<T extends StoredObject> {
  store: ReconcileStore<T>;
  /** How long a lease lasts without being renewed, in milliseconds. */
  leaseMs: number;
  /** Told of a lease that could not be renewed just now. */
  onProblem: (id: string, error: unknown) => void;
}

/** Runs rounds under their leases: keeps each lease alive, and ends the round when the lease is lost, when it takes too long, or with the process. */
export class LeaseKeeper<T extends StoredObject> {
  private readonly options: LeaseKeeperOptions<T>;
  private readonly rounds = new Set<AbortController>();

  constructor(options: LeaseKeeperOptions<T>) {
    this.options = options;
  }

  /**
   * Runs a round with a signal that is aborted with LeaseLostError, with `back_end_unavailable` after `limitMs`, or with the reason of
   * {@link abortAll}.
   */
  async hold<R>(object: T, limitMs: number, run: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { store, leaseMs, onProblem } = this.options;
    const token = object.lease?.token ?? 0;
    const round = new AbortController();
    // What a round waits for, it may wait for at once, in every cluster of an application.
    setMaxListeners(0, round.signal);
    this.rounds.add(round);
    let renewing: Promise<void> = Promise.resolve();
    const renewal = setInterval(() => {
      renewing = store.renew(object._id, token, leaseMs).catch((error: unknown) => {
        if (error instanceof LeaseLostError) round.abort(error);
        else onProblem(object._id, error);
      });
    }, leaseMs / 3);
    const limit = setTimeout(() => {
      round.abort(
        new CetusError(
          'back_end_unavailable',
          `The back end took more than ${String(limitMs / 1000)} seconds to answer`,
        ),
      );
    }, limitMs);
    try {
      return await run(round.signal);
    } finally {
      clearTimeout(limit);
      clearInterval(renewal);
      this.rounds.delete(round);
      await renewing;
    }
  }

  /** Ends every round that runs. */
  abortAll(reason: Error): void {
    for (const round of this.rounds) round.abort(reason);
  }
}
