/** What {@link FairQueue.run} answers when a project has more waiting than its share. */
export const DEFERRED = Symbol('deferred');

interface Waiting {
  key: string;
  task: () => Promise<void>;
  settle: { resolve: () => void; reject: (error: unknown) => void };
}

export interface FairQueueOptions {
  /** Tasks that run at once. */
  concurrency: number;
  /** Tasks of one project that may wait here; more are deferred, so that those of other projects are not held up behind them. */
  maxWaitingPerProject: number;
}

/**
 * Runs tasks a bounded number at a time, taking projects in turn: a burst of one project delays the others by the tasks that run, not
 * by the burst.
 */
export class FairQueue {
  private readonly options: FairQueueOptions;
  /** Projects with waiting tasks, in the order of their turns. */
  private readonly projects = new Map<string, Waiting[]>();
  private readonly queued = new Map<string, Promise<void>>();
  private readonly running = new Set<Promise<void>>();

  constructor(options: FairQueueOptions) {
    this.options = options;
  }

  get waiting(): number {
    return this.queued.size;
  }

  /** Tasks that could be started or kept waiting without deferring, for whoever looks for more work. */
  get capacity(): number {
    return Math.max(0, this.options.concurrency * 2 - this.running.size - this.queued.size);
  }

  /**
   * Runs a task in its project's turn; one with the same key that still waits is joined. Resolves when it is done.
   * @returns DEFERRED at once when the project has its share waiting
   */
  run(project: string, key: string, task: () => Promise<void>): Promise<void> | typeof DEFERRED {
    const { length } = this.projects.get(project) ?? [];
    if (!this.queued.has(key) && length >= this.options.maxWaitingPerProject) return DEFERRED;
    return this.add('push', project, key, task);
  }

  /** Runs a task as the next one of its project, however many of it wait: what goes on comes before what has not begun. */
  runNext(project: string, key: string, task: () => Promise<void>): Promise<void> {
    return this.add('unshift', project, key, task);
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.running.size + this.queued.size > 0)
      await Promise.allSettled([...this.running, ...this.queued.values()]);
  }

  private add(
    put: 'push' | 'unshift',
    project: string,
    key: string,
    task: () => Promise<void>,
  ): Promise<void> {
    const same = this.queued.get(key);
    if (same !== undefined) return same;
    const line = this.projects.get(project) ?? [];
    const done = new Promise<void>((resolve, reject) =>
      line[put]({ key, task, settle: { resolve, reject } }),
    );
    this.queued.set(key, done);
    if (line.length === 1) this.projects.set(project, line);
    this.next();
    return done;
  }

  private next(): void {
    while (this.running.size < this.options.concurrency) {
      const turn = this.projects.entries().next().value;
      if (turn === undefined) return;
      const [project, line] = turn;
      const waiting = line.shift() as Waiting;
      // The project goes to the end of the round.
      this.projects.delete(project);
      if (line.length > 0) this.projects.set(project, line);
      this.queued.delete(waiting.key);
      const start = async (): Promise<void> => waiting.task();
      const run = start()
        .then(waiting.settle.resolve, waiting.settle.reject)
        .finally(() => {
          this.running.delete(run);
          this.next();
        });
      this.running.add(run);
    }
  }
}
