import type { IncomingMessage, ServerResponse } from 'node:http';

/** What becomes of the writes that come after so many: they are not carried out, or they are and nobody is told. */
export interface WriteGateSpec {
  /** Writes that are let through before. */
  after: number;
  then: 'hold' | 'swallow';
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Lets a number of writes through to a cluster, and then none: for ending a client between any two of its steps. Whoever waits at the
 * gate when it is opened gets no answer, as what it asked for may be somebody else's by then.
 */
export class WriteGate {
  #spec: WriteGateSpec | null = null;
  #passed = 0;
  readonly #waiting = new Set<ServerResponse>();

  /** Writes that were let through since it was set. */
  get passed(): number {
    return this.#passed;
  }

  /** Writes whose clients wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Sets the gate anew; null opens it. */
  set(spec: WriteGateSpec | null): void {
    this.#spec = spec;
    this.#passed = 0;
    for (const response of this.#waiting) response.destroy();
    this.#waiting.clear();
  }

  /** Calls `answer`, with a response that may lead nowhere, unless the request is held. */
  pass(request: IncomingMessage, response: ServerResponse, answer: (response: ServerResponse) => void): void {
    // A review stores nothing.
    const isWrite = !READING.has(request.method ?? '') && !(request.url ?? '').includes('reviews');
    if (!isWrite || this.#spec === null) {
      answer(response);
      return;
    }
    if (this.#passed < this.#spec.after) {
      this.#passed += 1;
      answer(response);
      return;
    }
    this.#waiting.add(response);
    response.once('close', () => this.#waiting.delete(response));
    if (this.#spec.then === 'swallow') answer(withoutEnd(response));
  }
}

/** A response that takes what it is given and sends none of it. */
function withoutEnd(response: ServerResponse): ServerResponse {
  return new Proxy(response, {
    get(target, name) {
      if (SENDING.has(name)) return () => response;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

const SENDING: ReadonlySet<string | symbol> = new Set(['writeHead', 'write', 'end', 'flushHeaders']);
