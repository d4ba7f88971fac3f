import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@cetus/shared/service';
import { EngineStartError } from './engine-error.ts';
import type { EngineProcess } from './engine-process.ts';

export interface SupervisorOptions {
  spawn: () => EngineProcess;
  logger: Logger;
  /** For the first answer, in milliseconds. */
  readyMs: number;
  /** For ending in order, in milliseconds; then it is killed. */
  stopMs: number;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** A run that lasted this long was a good one: the next failure is a new one. */
const GOOD_RUN_MS = 30_000;

/** Keeps an engine running: it is started again, ever more slowly, whenever it ends without having been told to. */
export class EngineSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stop = new AbortController();
  #process: EngineProcess | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The engine's process number; undefined while it is down. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** @throws EngineStartError when the first run does not become ready: what fails at once would fail again. */
  async start(): Promise<void> {
    const process = await this.#run();
    this.#watching = this.#watch(process, performance.now());
  }

  /** Ends the engine and does not start it again. */
  async stop(): Promise<void> {
    this.#stop.abort();
    if (this.#process) await this.#end(this.#process);
    await this.#watching;
  }

  async #run(): Promise<EngineProcess> {
    const { spawn, readyMs } = this.#options;
    const process = spawn();
    this.#process = process;
    void process.ended.then(() => {
      if (this.#process === process) this.#process = undefined;
    });
    const late = new AbortController();
    try {
      await Promise.race([
        process.ready,
        delay(readyMs, undefined, { signal: late.signal }).then(() => {
          throw new EngineStartError(`the database was not ready within ${readyMs} ms`);
        }),
      ]);
      return process;
    } catch (error) {
      await this.#end(process);
      throw error;
    } finally {
      late.abort();
    }
  }

  async #watch(first: EngineProcess, startedAt: number): Promise<void> {
    const { logger } = this.#options;
    let process: EngineProcess | undefined = first;
    let since = startedAt;
    let backoff = FIRST_BACKOFF_MS;
    while (!this.#stop.signal.aborted) {
      if (process) {
        const how = await process.ended;
        if (this.#stop.signal.aborted) return;
        if (performance.now() - since > GOOD_RUN_MS) backoff = FIRST_BACKOFF_MS;
        logger.error(
          { enginePid: process.pid, how, retryInMs: backoff },
          'the database ended by itself; starting it again',
        );
      }
      try {
        await delay(backoff, undefined, { signal: this.#stop.signal });
      } catch {
        // Told to stop.
        return;
      }
      backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
      since = performance.now();
      try {
        process = await this.#run();
        logger.warn({ enginePid: process.pid }, 'the database is back');
      } catch (err) {
        process = undefined;
        if (!this.#stop.signal.aborted)
          logger.error({ err, retryInMs: backoff }, 'the database does not start');
      }
    }
  }

  async #end(process: EngineProcess): Promise<void> {
    process.end();
    const timer = setTimeout(() => process.kill(), this.#options.stopMs);
    await process.ended;
    clearTimeout(timer);
  }
}
