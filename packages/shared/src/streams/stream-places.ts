import { CetusError } from '../errors/index.ts';

export interface StreamPlacesOptions {
  /** What there are so many of, for the refusal: `event streams`. */
  what: string;
  /** In this process. */
  most: number;
  mostPerProject: number;
}

/** The client is asked to come back after so long, in milliseconds. */
const RETRY_AFTER_MS = 10_000;

/** Bounds the streams of a process and those of each project in it. */
export class StreamPlaces {
  readonly #options: StreamPlacesOptions;
  readonly #perProject = new Map<string, number>();
  #taken = 0;
  #closed = false;

  constructor(options: StreamPlacesOptions) {
    this.#options = options;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes a place. @returns gives it back, once however often it is called
   * @throws CetusError `too_many_requests`
   */
  take(projectId: string): () => void {
    const { what, most, mostPerProject } = this.#options;
    const mine = this.#perProject.get(projectId) ?? 0;
    if (this.#closed || this.#taken >= most || mine >= mostPerProject)
      throw new CetusError('too_many_requests', `Too many ${what} are open`, {
        retryAfterMs: RETRY_AFTER_MS,
      });
    this.#taken += 1;
    this.#perProject.set(projectId, mine + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#taken -= 1;
      const left = (this.#perProject.get(projectId) ?? 1) - 1;
      if (left === 0) this.#perProject.delete(projectId);
      else this.#perProject.set(projectId, left);
    };
  }

  /** No place is given from now on. */
  close(): void {
    this.#closed = true;
  }
}
