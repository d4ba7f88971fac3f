import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { hasStatus, isNotFound, KubernetesError } from '@cetus/kubernetes/errors';
import { collectionPath } from '@cetus/kubernetes/object-path';
import type { Ingress, KubernetesObject, Pod, Service } from '@cetus/kubernetes/objects';
import type { ServedApis } from '@cetus/kubernetes/served-apis';
import { ResourceWatch } from '@cetus/kubernetes/watch';
import { APPLICATION_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '@cetus/shared/schemas';
import { autoscalerFacts, type AutoscalerObject } from '../observe/autoscaler-facts.ts';
import { ingressFacts, serviceFacts } from '../observe/network-facts.ts';
import type { WorkloadObject } from '../observe/objects.ts';
import { podFacts } from '../observe/pod-facts.ts';
import { workloadFacts } from '../observe/workload-facts.ts';
import type { WorkloadKind } from '../observe/workload-kinds.ts';
import type { FactsName, FactsOf } from './facts-table.ts';

/** The kinds that are watched where an application is made of them. */
export type FollowedKind = WorkloadKind | 'HorizontalPodAutoscaler';
/** The kinds that are watched. */
type WatchedKind = FollowedKind | 'Pod' | 'Service' | 'Ingress';
type AnyFacts = FactsOf[FactsName];

export interface ApplicationWatchesOptions {
  connection: KubernetesConnection;
  apis: Pick<ServedApis, 'apiVersionOf' | 'forget'>;
  onSeen: <N extends FactsName>(what: N, facts: FactsOf[N]) => void;
  onGone: (what: FactsName, facts: AnyFacts) => void;
  /** What there is of a kind is known, or is known again. */
  onSynced: () => void;
  /** The API server did not say what it serves; it is asked again. */
  onFailed: (error: unknown) => void;
}

interface Open {
  watch: ResourceWatch<never, AnyFacts> | undefined;
  /** All that there is has been told, at least once. */
  synced: boolean;
  /** One may not look: it is as if there were none. */
  refused: boolean;
}

/** Everything that Cetus has made for applications, in whatever namespace. */
const SELECTOR = `${MANAGED_BY_LABEL}=${MANAGED_BY},${APPLICATION_LABEL}`;
/** Objects of a page: each is a dozen kilobytes on its way. */
const PAGE_SIZE = 250;
const BACKOFF = { initialMs: 1_000, maxMs: 10_000 };
/** What every application may have. */
const COMMON: readonly WatchedKind[] = ['Pod', 'Service', 'Ingress'];

/** Watches the objects of applications in one cluster, as long as it has any: of workloads and autoscalers only the kinds that there are. */
export class ApplicationWatches {
  private readonly options: ApplicationWatchesOptions;
  private readonly open = new Map<WatchedKind, Open>();
  /** Of those that were stopped. */
  private ends: Promise<unknown> = Promise.resolve();
  private readonly ended = new AbortController();

  constructor(options: ApplicationWatchesOptions) {
    this.options = options;
  }

  /** Watches what applications of these kinds are made of, and nothing else; of none: nothing at all. */
  follow(kinds: ReadonlySet<FollowedKind>): void {
    const wanted = new Set<WatchedKind>(kinds.size === 0 ? [] : [...COMMON, ...kinds]);
    // A cronjob does nothing but make jobs.
    if (wanted.has('CronJob')) wanted.add('Job');
    for (const kind of this.open.keys()) if (!wanted.has(kind)) this.end(kind);
    for (const kind of wanted) if (!this.open.has(kind)) this.begin(kind);
  }

  /** Whether what is known of an application of this kind, autoscaled or not, is what there is now. */
  isCurrent(kind: WorkloadKind, autoscaled: boolean): boolean {
    const needed: WatchedKind[] = kind === 'CronJob' ? [kind, 'Job', 'Pod'] : [kind, 'Pod'];
    if (!needed.every((one) => this.isKnown(one, false))) return false;
    const helpful: WatchedKind[] = autoscaled
      ? ['Service', 'Ingress', 'HorizontalPodAutoscaler']
      : ['Service', 'Ingress'];
    return helpful.every((one) => this.isKnown(one, true));
  }

  /** Ends all; waits until they have. */
  async close(): Promise<void> {
    this.ended.abort(new Error('The applications of the cluster are not followed here any more'));
    this.follow(new Set());
    await this.ends;
  }

  private isKnown(kind: WatchedKind, orRefused: boolean): boolean {
    const one = this.open.get(kind);
    if (one === undefined) return false;
    return (one.synced && one.watch?.connected === true) || (orRefused && one.refused);
  }

  private end(kind: WatchedKind): void {
    const watch = this.open.get(kind)?.watch;
    this.open.delete(kind);
    if (watch === undefined) return;
    watch.removeAllListeners();
    // What is not looked at any more is not known any more; nothing is said of it until it is.
    for (const facts of watch.values()) this.options.onGone(PROJECTIONS[kind].what, facts);
    this.ends = Promise.all([this.ends, watch.close()]);
  }

  private begin(kind: WatchedKind): void {
    const one: Open = { watch: undefined, synced: false, refused: false };
    this.open.set(kind, one);
    this.ends = Promise.all([this.ends, this.tryOpen(kind, one)]);
  }

  private async tryOpen(kind: WatchedKind, one: Open): Promise<void> {
    const { apis, onFailed } = this.options;
    try {
      const apiVersion = await apis.apiVersionOf(kind, { signal: this.ended.signal });
      if (this.open.get(kind) !== one) return;
      if (apiVersion === undefined) {
        one.refused = true;
        this.options.onSynced();
        return;
      }
      one.watch = this.watch(kind, one, collectionPath({ apiVersion, kind })).start();
    } catch (error) {
      if (this.open.get(kind) !== one) return;
      this.open.delete(kind);
      onFailed(error);
    }
  }

  private watch(kind: WatchedKind, one: Open, path: string): ResourceWatch<never, AnyFacts> {
    const { connection, onSeen, onGone, onSynced } = this.options;
    const { what, project } = PROJECTIONS[kind];
    const seen = (facts: AnyFacts): void => onSeen(what, facts);
    const watch = new ResourceWatch<KubernetesObject, AnyFacts>(connection, {
      path,
      query: { labelSelector: SELECTOR },
      project: project as (object: KubernetesObject) => AnyFacts | undefined,
      pageSize: PAGE_SIZE,
      backoff: BACKOFF,
    });
    watch.on('add', seen);
    watch.on('update', (facts, _, before) => {
      // Its label is another's now.
      if (before.application !== facts.application) onGone(what, before);
      seen(facts);
    });
    watch.on('delete', (facts) => onGone(what, facts));
    watch.on('synced', () => {
      one.synced = true;
      one.refused = false;
      onSynced();
    });
    watch.on('connected', () => {
      if (one.synced) onSynced();
    });
    watch.on('disconnected', (error) => {
      one.refused = error instanceof KubernetesError && !one.synced;
      // After an upgrade the kind may be served in another version.
      if (hasStatus(error, 404) && !isNotFound(error)) this.reopen(kind, one);
      else if (one.refused) onSynced();
    });
    return watch;
  }

  private reopen(kind: WatchedKind, one: Open): void {
    if (this.open.get(kind) !== one) return;
    this.options.apis.forget();
    this.end(kind);
    this.begin(kind);
  }
}

interface Projection {
  what: FactsName;
  project: (object: never) => AnyFacts | undefined;
}

function workloads(kind: WorkloadKind): Projection {
  return { what: 'workloads', project: (object: WorkloadObject) => workloadFacts(kind, object) };
}

const PROJECTIONS: Readonly<Record<WatchedKind, Projection>> = {
  Pod: { what: 'pods', project: (object: Pod) => podFacts(object) },
  Service: { what: 'services', project: (object: Service) => serviceFacts(object) },
  Ingress: { what: 'ingresses', project: (object: Ingress) => ingressFacts(object) },
  HorizontalPodAutoscaler: {
    what: 'autoscalers',
    project: (object: AutoscalerObject) => autoscalerFacts(object),
  },
  Deployment: workloads('Deployment'),
  StatefulSet: workloads('StatefulSet'),
  DaemonSet: workloads('DaemonSet'),
  Job: workloads('Job'),
  CronJob: workloads('CronJob'),
};
