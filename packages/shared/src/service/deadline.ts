/** Something did not end in the time it was given. It may still be going on. */
export class DeadlineExceededError extends Error {
  override readonly name = 'DeadlineExceededError';
  /** What was given, in milliseconds. */
  readonly afterMs: number;

  constructor(what: string, afterMs: number) {
    super(`${what} did not end within ${afterMs} ms`);
    this.afterMs = afterMs;
  }
}

/**
 * Waits for `work` at most `ms` milliseconds.
 *
 * @throws DeadlineExceededError when it takes longer; `work`'s signal is aborted then, a later failure of it is ignored.
 */
export async function withDeadline<T>(
  what: string,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new DeadlineExceededError(what, ms);
      controller.abort(error);
      reject(error);
    }, ms);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
