import type { ServerResponse } from 'node:http';
import type { Scheduler, Wakeup } from '../../scheduler.ts';
import type { Fields, KubeObject } from '../objects.ts';
import { type Change, CompactedError, type ObjectStore } from '../store.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { expired } from './status-error.ts';

/** What a watch is to see. */
export interface WatchQuery {
  type: ResourceType;
  namespace: string | undefined;
  matches: (object: KubeObject) => boolean;
  /** Undefined: what is there now comes first. */
  since: number | undefined;
  allowBookmarks: boolean;
  /** A bookmark tells the end of what was there at the start. */
  sendInitialEvents: boolean;
  timeoutSeconds: number | undefined;
  /** The form in which an object is sent. */
  present: (object: KubeObject) => Fields;
}

const BOOKMARK_MS = 60_000;
/** Seconds a watch lives when it does not say; up to twice that. */
const LEAST_SECONDS = 1800;
/** Unread bytes after which a watch is ended, as its reader is too slow. */
const MOST_UNREAD_BYTES = 8 * 1024 * 1024;

interface Watch extends WatchQuery {
  response: ServerResponse;
  wakeups: Set<Wakeup>;
}

/** The open watches of one cluster. */
export class Watches {
  readonly #byStorage = new Map<string, Set<Watch>>();
  readonly #store: ObjectStore;
  readonly #scheduler: Scheduler;

  constructor(store: ObjectStore, scheduler: Scheduler) {
    this.#store = store;
    this.#scheduler = scheduler;
    store.listen((change) => this.#tell(change));
  }

  get size(): number {
    let size = 0;
    for (const watches of this.#byStorage.values()) size += watches.size;
    return size;
  }

  /** True when somebody watches a resource. */
  has(storage: string): boolean {
    return (this.#byStorage.get(storage)?.size ?? 0) > 0;
  }

  /** Answers with events until the client or the time ends it. */
  open(query: WatchQuery, response: ServerResponse): void {
    const watch: Watch = { ...query, response, wakeups: new Set() };
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
    response.flushHeaders();
    const { storage } = query.type;
    if (query.since === undefined) {
      for (const [, object] of this.#store.list(storage, query.namespace))
        if (query.matches(object)) send(watch, 'ADDED', query.present(object));
      if (query.sendInitialEvents) this.#bookmark(watch, { 'k8s.io/initial-events-end': 'true' });
    } else {
      try {
        for (const change of this.#store.since(query.since))
          if (change.resource === storage) tellChange(watch, change);
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
        const message = `too old resource version: ${String(query.since)} (${String(error.oldest)})`;
        send(watch, 'ERROR', expired(message).toStatus());
        response.end();
        return;
      }
    }
    this.#keep(watch, storage);
  }

  /** Ends all watches, as if the revisions they go on from were gone. */
  expire(): void {
    const message = 'The resourceVersion for the provided watch is too old.';
    this.#each((watch) => {
      send(watch, 'ERROR', expired(message).toStatus());
      watch.response.end();
    });
  }

  /** Ends all watches. */
  close(): void {
    this.#each((watch) => watch.response.end());
  }

  #each(run: (watch: Watch) => void): void {
    for (const watches of [...this.#byStorage.values()]) for (const watch of [...watches]) run(watch);
  }

  #keep(watch: Watch, storage: string): void {
    let watches = this.#byStorage.get(storage);
    if (watches === undefined) {
      watches = new Set();
      this.#byStorage.set(storage, watches);
    }
    watches.add(watch);
    watch.response.once('close', () => {
      watches.delete(watch);
      for (const wakeup of watch.wakeups) wakeup.cancel();
    });
    const seconds = watch.timeoutSeconds ?? LEAST_SECONDS * (1 + Math.random());
    const end = Date.now() + seconds * 1000;
    this.#wake(watch, end, () => {
      if (watch.allowBookmarks) this.#bookmark(watch);
      watch.response.end();
    });
    if (watch.allowBookmarks) this.#bookmarkLater(watch);
  }

  #wake(watch: Watch, time: number, run: () => void): void {
    const wakeup = this.#scheduler.at(time, () => {
      watch.wakeups.delete(wakeup);
      run();
    });
    watch.wakeups.add(wakeup);
  }

  #bookmarkLater(watch: Watch): void {
    this.#wake(watch, Date.now() + BOOKMARK_MS, () => {
      this.#bookmark(watch);
      this.#bookmarkLater(watch);
    });
  }

  #bookmark(watch: Watch, annotations?: Record<string, string>): void {
    const { kind, groupVersion } = watch.type;
    send(watch, 'BOOKMARK', {
      kind,
      apiVersion: groupVersion,
      metadata: {
        resourceVersion: String(this.#store.revision),
        creationTimestamp: null,
        ...(annotations === undefined ? {} : { annotations }),
      },
    });
  }

  #tell(change: Change): void {
    for (const watch of this.#byStorage.get(change.resource) ?? []) tellChange(watch, change);
  }
}

/** Sends a change as it looks through the watch's selectors: what no longer matches is gone. */
function tellChange(watch: Watch, { type, object, previous }: Change): void {
  if (watch.namespace !== undefined && object.metadata.namespace !== watch.namespace) return;
  const isNow = type !== 'DELETED' && watch.matches(object);
  const wasBefore = previous !== undefined && watch.matches(previous);
  if (isNow) send(watch, wasBefore ? 'MODIFIED' : 'ADDED', watch.present(object));
  else if (wasBefore) {
    // The last that matched, at the revision of the change that ended it.
    const { resourceVersion } = object.metadata;
    const last =
      type === 'DELETED' ? object : { ...previous, metadata: { ...previous.metadata, resourceVersion } };
    send(watch, 'DELETED', watch.present(last));
  }
}

function send({ response }: Watch, type: string, object: Fields): void {
  if (response.writableEnded || response.destroyed) return;
  response.write(`${JSON.stringify({ type, object })}\n`);
  if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
}
