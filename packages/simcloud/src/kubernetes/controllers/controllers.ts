import type { Wakeup } from '../../scheduler.ts';
import { ApiError } from '../api/status-error.ts';
import { labelSelectorTest, labelsOf, mapSelectorTest } from '../api/selectors.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { at, isSame, keyOf, type KubeObject } from '../objects.ts';
import type { Change } from '../store.ts';
import { reconcileAutoscaler } from './autoscalers.ts';
import { reconcileSigningRequest } from './certificates.ts';
import { reconcileControlPlane } from './control-plane.ts';
import { ControllerContext, controllerOf, type ControllerHooks } from './controller-context.ts';
import { reconcileDaemonSet } from './daemon-sets.ts';
import { reconcileDeployment } from './deployments.ts';
import { budgetStatus } from './disruption.ts';
import { GarbageCollector } from './garbage.ts';
import { reconcileCronJob, reconcileJob } from './jobs.ts';
import { reconcileNamespace, reconcileSecret, reconcileServiceAccount } from './namespaces.ts';
import { evictTainted, reconcileNode } from './node-lifecycle.ts';
import { finishUpgrade } from './node-upgrades.ts';
import { hasEnded, isMirror } from './pod-state.ts';
import { claimsOf } from './pod-scheduling.ts';
import { finishPod, reconcilePod } from './pods.ts';
import { QUOTAS, reconcileQuota } from './quotas.ts';
import { reconcileReplicaSet } from './replica-sets.ts';
import { finishBalancer, forgetService, reconcileService } from './services.ts';
import { reconcileStatefulSet } from './stateful-sets.ts';
import { finishClaim, finishVolume, reconcileClaim, reconcileVolume } from './volumes.ts';

type Reconciler = (context: ControllerContext, object: KubeObject) => void;

const BUDGETS = 'poddisruptionbudgets.policy';
const AUTOSCALERS = 'horizontalpodautoscalers.autoscaling';

/** What looks at an object of a resource after each change. */
const RECONCILERS: Readonly<Record<string, Reconciler>> = {
  pods: reconcilePod,
  nodes: reconcileNode,
  namespaces: reconcileNamespace,
  serviceaccounts: reconcileServiceAccount,
  secrets: reconcileSecret,
  services: reconcileService,
  persistentvolumeclaims: reconcileClaim,
  persistentvolumes: reconcileVolume,
  [QUOTAS]: reconcileQuota,
  replicationcontrollers: (context, object) => reconcileReplicaSet(context, 'replicationcontrollers', object),
  'replicasets.apps': (context, object) => reconcileReplicaSet(context, 'replicasets.apps', object),
  'deployments.apps': reconcileDeployment,
  'statefulsets.apps': reconcileStatefulSet,
  'daemonsets.apps': reconcileDaemonSet,
  'jobs.batch': reconcileJob,
  'cronjobs.batch': reconcileCronJob,
  [AUTOSCALERS]: reconcileAutoscaler,
  [BUDGETS]: reconcileBudget,
  'certificatesigningrequests.certificates.k8s.io': reconcileSigningRequest,
};

/** What happens to an object after a time, by the name of the wish. */
const LATER: Readonly<Record<string, { storage: string; run: Reconciler }>> = {
  'pods-stopping': { storage: 'pods', run: finishPod },
  'nodes-upgraded': { storage: 'nodes', run: finishUpgrade },
  'pods-evicted': { storage: 'pods', run: evictTainted },
  'services-balancer': { storage: 'services', run: finishBalancer },
  'claims-ready': { storage: 'persistentvolumeclaims', run: finishClaim },
  'volumes-released': { storage: 'persistentvolumes', run: finishVolume },
  'jobs-deadline': { storage: 'jobs.batch', run: reconcileJob },
};

/** Objects looked at before requests get their turn. */
const MOST_AT_ONCE = 200;

function reconcileBudget(context: ControllerContext, budget: KubeObject): void {
  const status = budgetStatus(context.store, budget);
  if (!isSame({ ...budget.status, ...status }, budget.status)) context.setStatus(BUDGETS, budget, status);
}

/**
 * Everything behind the API of one cluster: controllers, scheduler and kubelets. Every change names the objects to be
 * looked at; they are looked at soon after, all in one turn. Idle clusters cost nothing.
 */
export class Controllers {
  readonly #cluster: ClusterContext;
  readonly #context: ControllerContext;
  readonly #garbage = new GarbageCollector();
  readonly #queue = new Set<string>();
  readonly #later = new Map<string, { at: number; wakeup: Wakeup }>();
  readonly #gone: KubeObject[] = [];
  #turn: Wakeup | undefined;
  #unlisten: (() => void) | undefined;
  #isControlPlaneDue = true;

  constructor(cluster: ClusterContext, hooks: ControllerHooks) {
    this.#cluster = cluster;
    this.#context = new ControllerContext(
      cluster,
      hooks,
      (storage, key) => this.#wish(storage, key),
      (storage, key, seconds) => this.#wishLater(storage, key, seconds),
    );
  }

  /** Looks at everything, then at what changes. */
  start(): void {
    const { store } = this.#cluster;
    for (const storage of store.resources()) {
      for (const object of store.values(storage)) this.#garbage.noteExisting(storage, object);
    }
    this.#wishEverything();
    this.#unlisten = store.listen((change) => this.#note(change));
    this.#soon();
  }

  stop(): void {
    this.#unlisten?.();
    this.#turn?.cancel();
    for (const { wakeup } of this.#later.values()) wakeup.cancel();
    this.#later.clear();
    this.#queue.clear();
  }

  /** Looks at everything again, after a switch. */
  componentsChanged(): void {
    if (this.#unlisten === undefined) return;
    this.#isControlPlaneDue = true;
    this.#wishEverything();
    this.#soon();
  }

  #wish(storage: string, key: string): void {
    this.#queue.add(`${storage}|${key}`);
    this.#soon();
  }

  #soon(): void {
    this.#turn ??= this.#cluster.scheduler.at(Date.now(), () => this.#run());
  }

  #wishLater(wish: string, key: string, seconds: number): void {
    const id = `${wish}|${key}`;
    this.#later.get(id)?.wakeup.cancel();
    const at = Date.now() + seconds * 1000;
    const wakeup = this.#cluster.scheduler.at(at, () => {
      this.#later.delete(id);
      this.#wish(wish, key);
    });
    this.#later.set(id, { at, wakeup });
  }

  #run(): void {
    this.#turn = undefined;
    if (this.#isControlPlaneDue) {
      this.#isControlPlaneDue = false;
      this.#try(() => reconcileControlPlane(this.#context));
    }
    // A controller manager that is ill looks at nothing.
    if (this.#cluster.health.has('controller-manager') && !this.#onlyPods()) return;
    let left = MOST_AT_ONCE;
    for (const owner of this.#gone.splice(0)) this.#try(() => this.#garbage.ownerGone(this.#context, owner));
    for (const id of this.#queue) {
      if (left-- === 0) break;
      this.#queue.delete(id);
      this.#look(id);
    }
    if (this.#queue.size + this.#gone.length > 0) this.#soon();
  }

  /** Leaves what is the kubelets' and the scheduler's in the queue. @returns false when nothing is left */
  #onlyPods(): boolean {
    for (const id of this.#queue) if (!id.startsWith('pods')) this.#queue.delete(id);
    return this.#queue.size > 0;
  }

  #look(id: string): void {
    const bar = id.indexOf('|');
    const [wish, key] = [id.slice(0, bar), id.slice(bar + 1)];
    const storage = LATER[wish]?.storage ?? wish;
    const reconcile = LATER[wish]?.run ?? RECONCILERS[wish];
    const slash = key.indexOf('/');
    const find = (): KubeObject | undefined =>
      this.#cluster.store.get(storage, slash < 0 ? undefined : key.slice(0, slash), key.slice(slash + 1));
    const object = find();
    if (object === undefined) return;
    if (this.#garbage.isWaiting(object))
      this.#try(() => this.#garbage.release(this.#context, storage, object));
    const now = find();
    if (now !== undefined && reconcile !== undefined) this.#try(() => reconcile(this.#context, now));
  }

  #try(run: () => void): void {
    try {
      run();
    } catch (error) {
      // What the API refuses a controller too (a namespace on its way out) is looked at again when something changes.
      if (!(error instanceof ApiError)) this.#context.hooks.onError(error);
    }
  }

  /** Notes what a change is news for. */
  #note(change: Change): void {
    const { resource, key, type, object, previous } = change;
    this.#garbage.note(change);
    const isGone = type === 'DELETED';
    if (isGone) this.#gone.push(object);
    for (const owner of this.#garbage.ownersOf(this.#context, object)) {
      const found = this.#cluster.store.get(owner.storage, ...splitKey(owner.key));
      if (found !== undefined && (owner.storage !== 'nodes' || isGone)) this.#wish(owner.storage, owner.key);
    }
    if (resource === 'pods') this.#notePod(change);
    else if (!isGone) this.#wish(resource, key);
    // What has come, changed or gone may leave a quota more or less.
    if (resource !== 'events' && resource !== QUOTAS) this.#wishAll(QUOTAS, object.metadata.namespace);
    if (resource === 'nodes') this.#noteNode(change);
    else if (resource === 'services' && isGone) forgetService(this.#context, object);
    else if (resource === 'persistentvolumeclaims') this.#noteClaim(object);
    else if (resource === 'serviceaccounts' && isGone) this.#wishAll('secrets', object.metadata.namespace);
    else if (resource in SCALED || resource === AUTOSCALERS)
      this.#wishAll(AUTOSCALERS, object.metadata.namespace);
    if (type === 'ADDED' && this.#garbage.isOrphan(this.#context, object))
      this.#context.delete(resource, object);
    if (previous === undefined && resource === 'storageclasses.storage.k8s.io')
      this.#wishAll('persistentvolumeclaims');
    if (isGone) this.#soon();
  }

  #wishEverything(): void {
    for (const storage of this.#cluster.store.resources()) if (storage in RECONCILERS) this.#wishAll(storage);
  }

  #wishAll(storage: string, namespace?: string): void {
    for (const [key] of this.#cluster.store.list(storage, namespace)) this.#wish(storage, key);
  }

  #notePod({ key, type, object, previous }: Change): void {
    const { store } = this.#cluster;
    const isNews =
      previous === undefined ||
      !isSame(previous.spec, object.spec) ||
      previous.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
      !isSame(previous.metadata.finalizers, object.metadata.finalizers);
    // The kubelet's own writes are no news to it.
    if (type !== 'DELETED' && isNews) this.#wish('pods', key);
    const { namespace } = object.metadata;
    const labels = [labelsOf(object), ...(previous === undefined ? [] : [labelsOf(previous)])];
    for (const [serviceKey, service] of store.list('services', namespace)) {
      const matches = mapSelectorTest(at(service.spec, 'selector'));
      if (labels.some(matches)) this.#wish('services', serviceKey);
    }
    for (const [budgetKey, budget] of store.list(BUDGETS, namespace)) {
      const matches = labelSelectorTest(at(budget.spec, 'selector'));
      if (labels.some(matches)) this.#wish(BUDGETS, budgetKey);
    }
    if (controllerOf(object) === undefined) this.#wishAll('replicasets.apps', namespace);
    if (type !== 'DELETED' && !hasEnded(object)) return;
    for (const claim of claimsOf(object)) this.#wish('persistentvolumeclaims', keyOf(namespace, claim));
    this.#wishPending();
    if (type === 'DELETED' && isMirror(object)) {
      this.#isControlPlaneDue = true;
      this.#soon();
    }
  }

  #noteNode({ type, object, previous }: Change): void {
    const isNews =
      previous === undefined ||
      type === 'DELETED' ||
      !isSame(previous.spec, object.spec) ||
      !isSame(previous.metadata.labels, object.metadata.labels) ||
      !isSame(at(previous.status, 'allocatable'), at(object.status, 'allocatable'));
    if (!isNews) return;
    // Nothing is left of what was on a node that is taken out.
    if (type === 'DELETED')
      for (const [key, pod] of this.#cluster.store.list('pods'))
        if (at(pod.spec, 'nodeName') === object.metadata.name) this.#wish('pods', key);
    this.#wishAll('daemonsets.apps');
    this.#wishPending();
  }

  #noteClaim(claim: KubeObject): void {
    const name = at(claim.spec, 'volumeName');
    if (typeof name === 'string') this.#wish('persistentvolumes', name);
    if (at(claim.status, 'phase') === 'Bound') this.#wishPending();
  }

  /** Pods that have no node yet. */
  #wishPending(): void {
    for (const [key, pod] of this.#cluster.store.list('pods'))
      if (at(pod.spec, 'nodeName') === undefined) this.#wish('pods', key);
  }
}

const SCALED: Readonly<Record<string, true>> = {
  'deployments.apps': true,
  'replicasets.apps': true,
  'statefulsets.apps': true,
  replicationcontrollers: true,
};

function splitKey(key: string): [string | undefined, string] {
  const slash = key.indexOf('/');
  return slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
}
