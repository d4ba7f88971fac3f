import { randomBytes } from 'node:crypto';
import type { ClusterContext } from '../cluster-context.ts';
import { keyOf, timestamp, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';

/** Events kept of one cluster. A real one forgets them after an hour. */
const MOST_EVENTS = 500;
const KEPT_MS = 3_600_000;
/** Messages of one reason about one object; whatever comes then is put together in one event. */
const MOST_SIMILAR = 10;

/** Writes Events; the same again is counted in the one that is there. */
export class EventRecorder {
  readonly #cluster: ClusterContext;
  readonly #known = new Map<string, string>();
  /** How many different messages there were. */
  readonly #similar = new Map<string, number>();

  constructor(cluster: ClusterContext) {
    this.#cluster = cluster;
  }

  /** @param kind kind and version of the object it is about */
  record(
    about: KubeObject,
    kind: { kind: string; apiVersion: string },
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    component: string,
  ): void {
    const { store } = this.#cluster;
    const { namespace = 'default', name, uid, resourceVersion } = about.metadata;
    if (store.get('namespaces', undefined, namespace)?.metadata.deletionTimestamp !== undefined) return;
    const similar = [uid, reason].join('\n');
    const isCombined =
      !this.#known.has([similar, message].join('\n')) &&
      (this.#similar.get(similar) ?? 0) >= MOST_SIMILAR - 1;
    const said = isCombined ? `(combined from similar events): ${message}` : message;
    const same = [similar, isCombined ? '' : message].join('\n');
    const known = this.#known.get(same);
    const old = known === undefined ? undefined : store.get('events', namespace, known);
    if (old !== undefined) {
      const count = Number(old['count']) + 1;
      store.put('events', { ...old, message: said, count, lastTimestamp: timestamp() });
      return;
    }
    if (!isCombined && known === undefined) this.#similar.set(similar, (this.#similar.get(similar) ?? 0) + 1);
    const eventName = `${name}.${randomBytes(8).toString('hex')}`;
    store.put('events', {
      metadata: newMetadata(eventName, namespace, {
        uid: crypto.randomUUID(),
        creationTimestamp: timestamp(),
      }),
      involvedObject: {
        ...kind,
        name,
        uid,
        resourceVersion,
        ...(about.metadata.namespace === undefined ? {} : { namespace: about.metadata.namespace }),
      },
      reason,
      message: said,
      source: { component },
      firstTimestamp: timestamp(),
      lastTimestamp: timestamp(),
      count: 1,
      type,
      eventTime: null,
      reportingComponent: component,
      reportingInstance: '',
    });
    this.#known.set(same, eventName);
    if (store.count('events') > MOST_EVENTS) this.#forget();
  }

  /** Takes out the old ones, and of the others the oldest fifth when there are too many. */
  #forget(): void {
    const { store } = this.#cluster;
    const events = [...store.values('events')].sort((a, b) =>
      keyOf(String(a['lastTimestamp']), a.metadata.resourceVersion) <
      keyOf(String(b['lastTimestamp']), b.metadata.resourceVersion)
        ? -1
        : 1,
    );
    const most = MOST_EVENTS * 0.8;
    const since = timestamp(Date.now() - KEPT_MS);
    events.forEach((event, index) => {
      if (events.length - index > most || String(event['lastTimestamp']) < since)
        store.remove('events', event);
    });
    for (const [same, name] of this.#known) {
      const namespace = events.find((event) => event.metadata.name === name)?.metadata.namespace;
      if (namespace === undefined || store.get('events', namespace, name) === undefined)
        this.#forgetMessage(same);
    }
  }

  #forgetMessage(same: string): void {
    this.#known.delete(same);
    const similar = same.split('\n', 2).join('\n');
    const left = (this.#similar.get(similar) ?? 0) - 1;
    if (left > 0) this.#similar.set(similar, left);
    else this.#similar.delete(similar);
  }
}
