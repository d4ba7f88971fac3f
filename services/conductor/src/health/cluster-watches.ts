import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { KubernetesError } from '@cetus/kubernetes/errors';
import type { KubernetesObject, Node, Pod } from '@cetus/kubernetes/objects';
import { ResourceWatch } from '@cetus/kubernetes/watch';
import type { FollowerMeasure } from './follower-metrics.ts';
import type { HealthTracker } from './health-tracker.ts';
import { nodePart, podPart, type Part } from './parts.ts';

export interface ClusterWatchesOptions {
  connection: KubernetesConnection;
  tracker: HealthTracker;
  measure: FollowerMeasure;
  /** A watch ended and could not be begun anew at once. */
  onFailed: () => void;
}

/** A cluster that answers is not made to wait for its watches. */
const BACKOFF = { initialMs: 1_000, maxMs: 5_000 };

/** Watches a cluster's nodes and the pods of its own namespace, and keeps of them in the tracker what its health needs. */
export class ClusterWatches {
  private readonly options: ClusterWatchesOptions;
  private open: ResourceWatch<never, Part>[] = [];
  private refused = false;
  /** Of those that were stopped. */
  private ends: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterWatchesOptions) {
    this.options = options;
  }

  get started(): boolean {
    return this.open.length > 0;
  }

  /** Whether the API server answers, but not what nodes there are. */
  get nodesRefused(): boolean {
    return this.refused;
  }

  /** When a watch last brought anything, in milliseconds; 0: not yet. */
  get contactedAt(): number {
    return Math.max(0, ...this.open.map(({ lastContactAt }) => lastContactAt?.getTime() ?? 0));
  }

  /** Begins; does nothing when it has. */
  start(): void {
    if (this.started) return;
    const { tracker, onFailed } = this.options;
    const nodes = this.watch<Node>('nodes', '/api/v1/nodes', nodePart, tracker.nodes);
    nodes.on('connected', () => (this.refused = false));
    nodes.on('synced', () => (tracker.nodesKnown = true));
    nodes.on('disconnected', (error) => {
      this.refused = error instanceof KubernetesError;
      onFailed();
    });
    // A user who may not see pods sees less, that is all.
    const pods = this.watch<Pod>('pods', '/api/v1/namespaces/kube-system/pods', podPart, tracker.pods);
    for (const watch of (this.open = [nodes, pods] as ResourceWatch<never, Part>[])) watch.start();
  }

  /** Ends them; what was found stays in the tracker. They may be begun anew. */
  stop(): void {
    const { open } = this;
    this.open = [];
    this.refused = false;
    this.ends = Promise.all([this.ends, ...open.map((watch) => watch.close())]);
  }

  /** As {@link stop}, and waits until all have ended. */
  async close(): Promise<void> {
    this.stop();
    await this.ends;
  }

  private watch<From extends KubernetesObject>(
    resource: 'nodes' | 'pods',
    path: string,
    project: (object: From) => Part,
    parts: Map<string, Part>,
  ): ResourceWatch<From, Part> {
    const { connection, tracker, measure } = this.options;
    const watch = new ResourceWatch<From, Part>(connection, { path, project, backoff: BACKOFF });
    watch.on('add', (part) => tracker.see(parts, part));
    watch.on('update', (part) => tracker.see(parts, part));
    watch.on('delete', ({ name }) => parts.delete(name));
    watch.on('synced', () => {
      const there = new Set([...watch.values()].map(({ name }) => name));
      for (const name of [...parts.keys()]) if (!there.has(name)) parts.delete(name);
    });
    watch.on('disconnected', () => measure.watchEnded(resource));
    return watch;
  }
}
