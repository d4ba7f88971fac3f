import type { Documents } from '../documents.ts';
import type { Scheduler } from '../scheduler.ts';
import type { ClusterFamily, NodeGroupRecord } from './records.ts';

/** Something the conductor is to do, as the API has put it into the message queue. */
export type Cast =
  | { do: 'create'; uuid: string; family: ClusterFamily; masterCount: number; nodeCount: number }
  | { do: 'build'; uuid: string }
  | { do: 'delete'; uuid: string }
  | {
      do: 'update';
      uuid: string;
      status: string;
      nodeCount: number;
      health: { status: string | null; reason: Record<string, string> };
      rollback: boolean;
    }
  | {
      do: 'resize';
      uuid: string;
      status: string;
      group: string;
      nodeCount: number;
      nodesToRemove: string[];
    }
  | { do: 'createGroup'; uuid: string; group: NodeGroupRecord }
  | { do: 'updateGroup'; uuid: string; group: string; min: number; max: number | null }
  | { do: 'deleteGroup'; uuid: string; group: string };

interface Message {
  id: string;
  number: number;
  at: number;
  cast: Cast;
}

/** What the queue gets from the cloud. */
export interface CastParts {
  documents: Documents;
  scheduler: Scheduler;
  onError: (error: unknown) => void;
  /** Does what is asked; what it throws is lost, as the API has answered long since. */
  handle: (cast: Cast) => Promise<void>;
}

/**
 * The message queue between the API and the conductor. A message is handled a moment after it was sent, in order;
 * messages outlive the process, and wait while the conductor is down.
 */
export class Casts {
  readonly #parts: CastParts;
  readonly #waiting: Message[] = [];
  #number = 0;
  #isPaused = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: CastParts) {
    this.#parts = parts;
  }

  /** Reads what a former run has not handled. */
  async load(): Promise<void> {
    const messages = (await this.#parts.documents.load()) as Message[];
    messages.sort((a, b) => a.number - b.number);
    this.#waiting.push(...messages);
    this.#number = messages.at(-1)?.number ?? 0;
  }

  /** Goes on with what a former run has left. */
  resume(): void {
    for (const message of this.#waiting) this.#arm(message);
  }

  /** Sends a message; resolves when the queue has it. */
  async send(cast: Cast, afterSeconds: number): Promise<void> {
    this.#number += 1;
    const message = {
      id: `cast-${String(this.#number)}`,
      number: this.#number,
      at: Date.now() + afterSeconds * 1000,
      cast,
    };
    this.#waiting.push(message);
    await this.#parts.documents.save(message.id, () => message);
    this.#arm(message);
  }

  /** Holds messages back, or lets them go again. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused) this.resume();
  }

  /** Resolves when what is being handled is done and all is written. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#parts.documents.settled();
  }

  #arm(message: Message): void {
    this.#parts.scheduler.at(message.at, () => {
      const index = this.#waiting.indexOf(message);
      if (this.#isPaused || index < 0) return;
      this.#waiting.splice(index, 1);
      this.#running = this.#running.then(() => this.#handle(message));
    });
  }

  async #handle(message: Message): Promise<void> {
    try {
      await this.#parts.handle(message.cast);
      await this.#parts.documents.remove(message.id);
    } catch (error) {
      this.#parts.onError(error);
    }
  }
}
