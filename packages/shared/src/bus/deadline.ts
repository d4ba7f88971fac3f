import { setMaxListeners } from 'node:events';
import { CetusError } from '../errors/index.ts';

/**
 * Runs a request with a deadline.
 * @throws CetusError `request_deadline_exceeded` after `timeoutMs`; the signal is aborted then
 */
export async function withDeadline<T>(
  service: string,
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  // Whoever answers may ask many others at once.
  setMaxListeners(0, abort.signal);
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new CetusError(
        'request_deadline_exceeded',
        `The ${service} did not answer in ${String(timeoutMs)} ms`,
      );
      abort.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([timedOut, run(abort.signal)]);
  } finally {
    clearTimeout(timer);
  }
}
