import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A folder of JSON documents, one file each, written beside and renamed, so a reader or a restart finds the old or
 * the new one, never half. Writes of one document come one after the other; those that wait are merged into one.
 * Without a folder nothing is kept and every call returns at once.
 */
export class Documents {
  readonly #folder: string | undefined;
  readonly #queued = new Map<string, { make: (() => unknown) | undefined; done: Promise<void> }>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Reads all documents; makes the folder when it is missing. */
  async load(): Promise<unknown[]> {
    if (this.#folder === undefined) return [];
    await mkdir(this.#folder, { recursive: true });
    const documents: unknown[] = [];
    for (const file of await readdir(this.#folder)) {
      const path = join(this.#folder, file);
      if (file.endsWith('.json')) documents.push(JSON.parse(await readFile(path, 'utf8')));
      else if (file.endsWith('.tmp')) await rm(path, { force: true });
    }
    return documents;
  }

  /** Writes what `make` returns when the turn comes; resolves when it is on disk. */
  save(id: string, make: () => unknown): Promise<void> {
    return this.#enqueue(id, make);
  }

  /** Removes a document. */
  remove(id: string): Promise<void> {
    return this.#enqueue(id, undefined);
  }

  /** Resolves when nothing is waiting to be written. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running.values());
  }

  #enqueue(id: string, make: (() => unknown) | undefined): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return Promise.resolve();
    const waiting = this.#queued.get(id);
    if (waiting !== undefined) {
      waiting.make = make;
      return waiting.done;
    }
    const before = this.#running.get(id) ?? Promise.resolve();
    const entry: { make: (() => unknown) | undefined; done: Promise<void> } = {
      make,
      done: Promise.resolve(),
    };
    this.#queued.set(id, entry);
    const write = before
      .catch(() => undefined) // its own waiters got the error; the next write starts anew
      .then(async () => {
        this.#queued.delete(id);
        const path = join(folder, `${id}.json`);
        if (entry.make === undefined) return rm(path, { force: true });
        await writeFile(`${path}.tmp`, JSON.stringify(entry.make()));
        await rename(`${path}.tmp`, path);
      })
      .finally(() => {
        if (this.#running.get(id) === write) this.#running.delete(id);
      });
    entry.done = write;
    this.#running.set(id, write);
    return write;
  }
}
