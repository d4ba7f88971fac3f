/** A wake-up that has not come yet. */
export interface Wakeup {
  cancel(): void;
}

interface Entry {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

/** setTimeout's longest delay; longer ones are cut in pieces. */
const LONGEST_DELAY = 0x7fffffff;

/**
 * Runs functions at given times with one timer, however many there are (a binary heap by time, then by order of
 * asking). A cancelled entry stays in the heap until its time or until such entries are the majority.
 */
export class Scheduler {
  readonly #heap: Entry[] = [];
  #order = 0;
  #cancelled = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #onError: (error: unknown) => void;
  readonly #now: () => number;

  constructor(onError: (error: unknown) => void, now: () => number = Date.now) {
    this.#onError = onError;
    this.#now = now;
  }

  /** Number of wake-ups to come. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Runs a function at a time in milliseconds since 1970; at once (but not within this call) when it is past. */
  at(time: number, run: () => void): Wakeup {
    const entry: Entry = { at: time, order: this.#order++, run };
    if (!this.#closed) {
      this.#push(entry);
      if (this.#heap[0] === entry) this.#arm();
    }
    return {
      cancel: () => {
        if (entry.run === undefined) return;
        entry.run = undefined;
        this.#cancelled += 1;
        if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#compact();
      },
    };
  }

  /** Forgets all wake-ups and takes no more. */
  close(): void {
    this.#closed = true;
    this.#heap.length = 0;
    this.#cancelled = 0;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const first = this.#heap[0];
    if (first === undefined) return;
    this.#timer = setTimeout(
      () => this.#fire(),
      Math.min(Math.max(first.at - this.#now(), 0), LONGEST_DELAY),
    );
  }

  #fire(): void {
    const now = this.#now();
    // Only what was due at the start: what these functions add comes in the next turn, so requests get theirs.
    let budget = this.#heap.length;
    while (budget-- > 0 && this.#heap[0] !== undefined && this.#heap[0].at <= now) {
      const { run } = this.#pop();
      if (run === undefined) {
        this.#cancelled -= 1;
        continue;
      }
      try {
        run();
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#arm();
  }

  #compact(): void {
    const live = this.#heap.filter((entry) => entry.run !== undefined).sort(byTime);
    this.#heap.splice(0, this.#heap.length, ...live);
    this.#cancelled = 0;
    this.#arm();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (byTime(above, entry) <= 0) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length > 0) {
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && byTime(heap[child + 1] as Entry, heap[child] as Entry) < 0) child += 1;
        if (byTime(last, heap[child] as Entry) <= 0) break;
        heap[index] = heap[child] as Entry;
        index = child;
      }
      heap[index] = last;
    }
    // Once taken out it can no longer be cancelled.
    const taken = { ...top };
    top.run = undefined;
    return taken;
  }
}

function byTime(a: Entry, b: Entry): number {
  return a.at - b.at || a.order - b.order;
}
