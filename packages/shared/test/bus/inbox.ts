import { waitFor } from '@cetus/test-kit';

/** Collects what arrives, and lets a test wait for it. */
export class Inbox<T> {
  readonly items: T[] = [];
  readonly add = (item: T): void => {
    this.items.push(item);
  };

  /** The first `count` items, when they are there. */
  async take(count: number, timeoutMs = 8_000): Promise<T[]> {
    await waitFor(() => this.items.length >= count, {
      timeoutMs,
      what: `${String(count)} arrivals (there are ${String(this.items.length)})`,
    });
    return this.items.slice(0, count);
  }
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

/** A promise that somebody else settles. */
export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
