import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { backoff, type BackoffOptions } from '@cetus/shared/reconcile';
import type { KubernetesConnection, Query } from './connection.ts';
import { isExpired, KubernetesError } from './errors.ts';
import { listAll } from './list.ts';
import type { KubernetesObject } from './objects.ts';
import { readWatch, type WatchEvent } from './watch-events.ts';

/** What a {@link ResourceWatch} follows, and how. All times in milliseconds. */
export interface ResourceWatchOptions<From extends KubernetesObject, To> {
  /** Collection: `/api/v1/nodes`, `/apis/apps/v1/namespaces/x/deployments`. */
  path: string;
  /** `labelSelector`, `fieldSelector`. */
  query?: Query;
  /** What to keep of an object; nothing else of it stays in memory. Undefined: it is as if the object were not there. */
  project: (object: From) => To | undefined;
  /** Objects a page of the list. Default 500. */
  pageSize?: number;
  /** A collection with more is not followed: its server may mean harm. Default 100,000. */
  maxObjects?: number;
  /** After so long without event or bookmark everything is listed anew. A server sends a bookmark a minute. Default 90000. */
  silenceMs?: number;
  /** How long the server may keep one watch, times a random factor of 1 to 2. Default 300000. */
  lifetimeMs?: number;
  /** Until a page is there, or a watch has begun. Default 30000. */
  requestTimeoutMs?: number;
  /** Delays after failures. Default 1 s, doubling to 30 s. */
  backoff?: BackoffOptions;
}

interface Events<To> {
  add: [value: To, key: string];
  update: [value: To, key: string, before: To];
  delete: [before: To, key: string];
  /** All that is there has been told, as of this moment; after the first time it follows a gap. */
  synced: [];
  /** The cluster answers again, or for the first time. */
  connected: [];
  /** The cluster does not answer, or refuses. Said once until it is connected again; what is known stays. */
  disconnected: [error: Error];
}

interface Kept<To> {
  uid: string;
  resourceVersion: string;
  value: To;
}

const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 1_000, maxMs: 30_000 };

/** A server that ends a watch without an event before this much time, in milliseconds, is not asked again at once. */
const TOO_SHORT_MS = 1_000;

/** The watch was quiet for too long. */
class Silence extends Error {
  override readonly name = 'Silence';
}

class TooManyError extends Error {
  override readonly name = 'TooManyError';

  constructor(path: string, most: number) {
    super(`There are more than ${String(most)} objects at ${path}`);
  }
}

/**
 * Follows the objects of a collection for as long as it is not closed: lists them, watches from there, and begins again wherever
 * it can after whatever happens. A gap shows itself as the changes that are found at its end: every object that is there has been
 * told, once, in its newest form, and every one that is gone too. Keys are `namespace/name`, or the name.
 *
 * Listeners must not throw.
 */
export class ResourceWatch<From extends KubernetesObject, To> extends EventEmitter<Events<To>> {
  readonly #connection: KubernetesConnection;
  readonly #options: Required<ResourceWatchOptions<From, To>>;
  readonly #known = new Map<string, Kept<To>>();
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;
  #connected = false;
  #told = false;
  #failures = 0;
  #lastContactAt: Date | undefined;
  /** Undefined: it must be listed. */
  #resourceVersion: string | undefined;

  constructor(connection: KubernetesConnection, options: ResourceWatchOptions<From, To>) {
    super();
    this.#connection = connection;
    this.#options = {
      query: {},
      pageSize: 500,
      maxObjects: 100_000,
      silenceMs: 90_000,
      lifetimeMs: 300_000,
      requestTimeoutMs: 30_000,
      backoff: DEFAULT_BACKOFF,
      ...options,
    };
  }

  /** Whether the last that was heard of the cluster was good. */
  get connected(): boolean {
    return this.#connected;
  }

  /** When the cluster last sent anything. */
  get lastContactAt(): Date | undefined {
    return this.#lastContactAt;
  }

  get size(): number {
    return this.#known.size;
  }

  get(key: string): To | undefined {
    return this.#known.get(key)?.value;
  }

  *values(): Generator<To> {
    for (const { value } of this.#known.values()) yield value;
  }

  /** Begins; events come from the next turn of the event loop on. */
  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Ends the watch; no event comes afterwards. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the watch was closed'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    await Promise.resolve();
    while (!signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list();
        await this.#watch(this.#resourceVersion);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  /** What an end that was not asked for means for the next beginning. */
  async #recover(error: Error): Promise<void> {
    // Whatever the server says against this resource version, a list mends; and it shows whether a silence is an outage.
    if (error instanceof KubernetesError || error instanceof Silence) this.#resourceVersion = undefined;
    if (error instanceof Silence) return;
    if (isExpired(error) && this.#failures === 0) {
      this.#failures = 1;
      return;
    }
    if (this.#connected || !this.#told) {
      this.#connected = false;
      this.#told = true;
      this.emit('disconnected', error);
    }
    this.#failures += 1;
    const asked = error instanceof KubernetesError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const wait = Math.max(backoff(this.#failures, this.#options.backoff), asked);
    await delay(wait, undefined, { signal: this.#closed.signal }).catch(() => undefined);
  }

  #heard(): void {
    this.#lastContactAt = new Date();
    if (this.#connected) return;
    this.#connected = true;
    this.#told = true;
    this.emit('connected');
  }

  async #list(): Promise<string> {
    const { path, query, pageSize, maxObjects, project, requestTimeoutMs } = this.#options;
    let count = 0;
    const { items, resourceVersion } = await listAll<From, [key: string, kept: Kept<To>]>(
      this.#connection,
      path,
      {
        query,
        pageSize,
        timeoutMs: requestTimeoutMs,
        signal: this.#closed.signal,
        project: (object) => {
          const value = project(object);
          if (value === undefined) return undefined;
          if ((count += 1) > maxObjects) throw new TooManyError(path, maxObjects);
          return [keyOf(object), keep(object, value)];
        },
      },
    );
    if (this.#closed.signal.aborted) return resourceVersion;
    this.#heard();
    const listed = new Map(items);
    for (const key of [...this.#known.keys()]) if (!listed.has(key)) this.#forget(key);
    for (const [key, kept] of items) this.#learn(key, kept);
    this.emit('synced');
    return resourceVersion;
  }

  /** Watches until the server ends it, which is no error. */
  async #watch(resourceVersion: string): Promise<void> {
    const { path, query, silenceMs, lifetimeMs, requestTimeoutMs } = this.#options;
    const timeoutSeconds = Math.ceil((lifetimeMs / 1000) * (1 + Math.random()));
    const ended = new AbortController();
    const onClosed = (): void => ended.abort(this.#closed.signal.reason);
    this.#closed.signal.addEventListener('abort', onClosed, { once: true });
    const silence = setTimeout(() => ended.abort(new Silence()), silenceMs);
    const begun = performance.now();
    let events = 0;
    try {
      const { body } = await this.#connection.stream(path, {
        query: { ...query, watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds },
        signal: ended.signal,
        timeoutMs: requestTimeoutMs,
      });
      this.#heard();
      for await (const event of readWatch(body, path)) {
        silence.refresh();
        events += 1;
        this.#heard();
        this.#failures = 0;
        this.#take(event);
        if (this.#closed.signal.aborted || this.#resourceVersion === undefined) return;
      }
      if (events === 0 && performance.now() - begun < TOO_SHORT_MS) {
        throw new Error('the server ends watches as soon as they begin');
      }
    } catch (error) {
      throw ended.signal.aborted ? (ended.signal.reason as Error) : error;
    } finally {
      clearTimeout(silence);
      ended.abort();
      this.#closed.signal.removeEventListener('abort', onClosed);
    }
  }

  #take({ type, object }: WatchEvent): void {
    const { resourceVersion } = object.metadata;
    if (type === 'BOOKMARK') {
      // A cluster that came back from a backup counts from an earlier version: a watch would wait for the old one in silence.
      const wentBack = Number(resourceVersion) < Number(this.#resourceVersion);
      this.#resourceVersion = wentBack ? undefined : resourceVersion;
      return;
    }
    this.#resourceVersion = resourceVersion;
    const key = keyOf(object);
    const { path, maxObjects } = this.#options;
    if (this.#known.size >= maxObjects && !this.#known.has(key)) throw new TooManyError(path, maxObjects);
    const value = type === 'DELETED' ? undefined : this.#options.project(object as From);
    if (value === undefined) this.#forget(key);
    else this.#learn(key, keep(object, value));
  }

  #learn(key: string, kept: Kept<To>): void {
    const before = this.#known.get(key);
    if (before?.resourceVersion === kept.resourceVersion && before.uid === kept.uid) return;
    // Another object of the same name: the first one's end was missed.
    if (before !== undefined && before.uid !== kept.uid) this.#forget(key);
    const updated = this.#known.get(key);
    this.#known.set(key, kept);
    if (updated === undefined) this.emit('add', kept.value, key);
    else this.emit('update', kept.value, key, updated.value);
  }

  #forget(key: string): void {
    const before = this.#known.get(key);
    if (before === undefined) return;
    this.#known.delete(key);
    this.emit('delete', before.value, key);
  }
}

function keyOf({ metadata: { namespace, name } }: KubernetesObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function keep<To>({ metadata: { uid, resourceVersion } }: KubernetesObject, value: To): Kept<To> {
  return { uid, resourceVersion, value };
}
