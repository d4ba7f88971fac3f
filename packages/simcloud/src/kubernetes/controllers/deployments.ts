import {
  at,
  fieldsOf,
  isSame,
  listOf,
  timestamp,
  keyOfObject,
  type Fields,
  type KubeObject,
  textOf,
} from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { ControllerContext } from './controller-context.ts';
import { templateHash } from './pod-template.ts';
import { conditionOf } from './pod-state.ts';

const SETS = 'replicasets.apps';
const DEPLOYMENTS = 'deployments.apps';
const KIND = { kind: 'Deployment', apiVersion: 'apps/v1' };
const HASH = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';

/** Rolls a Deployment's pods over to its template, by ReplicaSets, as fast as its strategy allows. */
export function reconcileDeployment(context: ControllerContext, deployment: KubeObject): void {
  if (deployment.metadata.deletionTimestamp !== undefined) return;
  const spec = fieldsOf(deployment.spec);
  const sets = context.controlledBy(SETS, deployment);
  const isPaused = spec['paused'] === true;
  let current = sets.find((set) => isSame(templateOf(set), spec['template']));
  if (current === undefined && !isPaused) {
    current = makeSet(context, deployment, sets);
    sets.push(current);
  }
  const old = sets.filter((set) => set.metadata.uid !== current?.metadata.uid);
  if (current !== undefined) {
    current = markRevision(context, deployment, current, old);
    if (!isPaused) roll(context, deployment, current, old);
  }
  cleanUp(context, deployment, old);
  writeStatus(context, deployment, current);
}

/** A set's template as the Deployment had it. */
function templateOf(set: KubeObject): unknown {
  const template = fieldsOf(at(set.spec, 'template'));
  const { labels, ...metadata } = fieldsOf(template['metadata']);
  const { [HASH]: _hash, ...others } = fieldsOf(labels);
  return { ...template, metadata: { ...metadata, labels: others } };
}

function makeSet(
  context: ControllerContext,
  deployment: KubeObject,
  sets: readonly KubeObject[],
): KubeObject {
  const spec = fieldsOf(deployment.spec);
  const template = fieldsOf(spec['template']);
  const labels = fieldsOf(at(template, 'metadata', 'labels')) as Record<string, string>;
  const base = templateHash(template);
  const { name, namespace } = deployment.metadata;
  // One that another owner has taken the name of gets another hash.
  const isTaken = context.store.get(SETS, namespace, `${name}-${base}`) !== undefined;
  const hash = isTaken ? templateHash([template, sets.length, deployment.metadata.uid]) : base;
  return context.create(SETS, {
    metadata: newMetadata(`${name}-${hash}`, namespace, {
      labels: { ...labels, [HASH]: hash },
      ownerReferences: [context.ownerReference(DEPLOYMENTS, deployment)],
    }),
    spec: {
      replicas: 0,
      selector: {
        ...fieldsOf(spec['selector']),
        matchLabels: { ...fieldsOf(at(spec['selector'], 'matchLabels')), [HASH]: hash },
      },
      template: {
        ...template,
        metadata: { ...fieldsOf(template['metadata']), labels: { ...labels, [HASH]: hash } },
      },
    },
  });
}

function revisionOf(object: KubeObject): number {
  return Number(object.metadata.annotations?.[REVISION] ?? 0);
}

/** The current set has the highest revision, and the Deployment the same. */
function markRevision(
  context: ControllerContext,
  deployment: KubeObject,
  set: KubeObject,
  old: readonly KubeObject[],
): KubeObject {
  const highest = Math.max(0, ...old.map(revisionOf));
  const revision = revisionOf(set) > highest ? revisionOf(set) : highest + 1;
  const annotate = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, [REVISION]: String(revision) },
    },
  });
  if (revisionOf(deployment) !== revision)
    context.store.put(DEPLOYMENTS, annotate(latest(context, deployment)));
  return revisionOf(set) === revision ? set : context.store.put(SETS, annotate(set));
}

function latest(context: ControllerContext, { metadata }: KubeObject): KubeObject {
  const found = context.store.get(DEPLOYMENTS, metadata.namespace, metadata.name);
  if (found === undefined) throw new Error(`the deployment ${metadata.name} has gone`);
  return found;
}

function replicasOf(set: KubeObject): number {
  return Number(at(set.spec, 'replicas') ?? 0);
}

function availableOf(set: KubeObject): number {
  return Number(at(set.status, 'availableReplicas') ?? 0);
}

/** A number, or a percentage of one, rounded up or down. */
export function amountOf(value: unknown, of: number, round: (value: number) => number): number {
  return typeof value === 'string' && value.endsWith('%')
    ? round((Number.parseFloat(value) * of) / 100)
    : Number(value ?? 0);
}

function scale(context: ControllerContext, deployment: KubeObject, set: KubeObject, replicas: number): void {
  const before = replicasOf(set);
  if (before === replicas) return;
  const word = replicas > before ? 'up' : 'down';
  const message = `Scaled ${word} replica set ${set.metadata.name} to ${String(replicas)}`;
  context.update(SETS, set, { ...set, spec: { ...set.spec, replicas } });
  context.events.record(deployment, KIND, 'Normal', 'ScalingReplicaSet', message, 'deployment-controller');
}

function roll(
  context: ControllerContext,
  deployment: KubeObject,
  current: KubeObject,
  old: readonly KubeObject[],
): void {
  const spec = fieldsOf(deployment.spec);
  const wanted = Number(spec['replicas'] ?? 1);
  const total = [current, ...old].reduce((sum, set) => sum + replicasOf(set), 0);
  const oldTotal = total - replicasOf(current);
  if (at(spec['strategy'], 'type') === 'Recreate') {
    for (const set of old) scale(context, deployment, set, 0);
    const isEmpty =
      old.every((set) => Number(at(set.status, 'replicas') ?? 0) === 0) && !hasLeavingPods(context, old);
    if (isEmpty) scale(context, deployment, current, wanted);
    return;
  }
  if (oldTotal === 0) {
    scale(context, deployment, current, wanted);
    return;
  }
  const strategy = fieldsOf(at(spec['strategy'], 'rollingUpdate'));
  const surge = amountOf(strategy['maxSurge'], wanted, Math.ceil);
  const unavailable = amountOf(strategy['maxUnavailable'], wanted, Math.floor);
  const most = wanted + surge;
  const least = wanted - (surge === 0 && unavailable === 0 ? 1 : unavailable);
  const next =
    replicasOf(current) > wanted
      ? wanted
      : replicasOf(current) + Math.max(0, Math.min(most - total, wanted - replicasOf(current)));
  scale(context, deployment, current, next);
  let removable = total - least - Math.max(0, replicasOf(current) - availableOf(current));
  // Those that are not well go first, as nobody misses them.
  for (const set of [...old].sort((a, b) => revisionOf(a) - revisionOf(b))) {
    const unwell = replicasOf(set) - availableOf(set);
    const gone = Math.max(0, Math.min(unwell, removable));
    removable -= gone;
    let spare = Math.max(
      0,
      Math.min(replicasOf(set) - gone, removable, availableTotal(current, old) - least),
    );
    if (spare < 0) spare = 0;
    removable -= spare;
    scale(context, deployment, set, replicasOf(set) - gone - spare);
    if (spare > 0) return;
  }
}

function availableTotal(current: KubeObject, old: readonly KubeObject[]): number {
  return [current, ...old].reduce((sum, set) => sum + availableOf(set), 0);
}

function hasLeavingPods(context: ControllerContext, sets: readonly KubeObject[]): boolean {
  return sets.some((set) => context.controlledBy('pods', set).length > 0);
}

/** Sets beyond the limit of the history go, the oldest first. */
function cleanUp(context: ControllerContext, deployment: KubeObject, old: readonly KubeObject[]): void {
  const limit = Number(at(deployment.spec, 'revisionHistoryLimit') ?? 10);
  const idle = old
    .map((set) => context.store.get(SETS, set.metadata.namespace, set.metadata.name) ?? set)
    .filter((set) => replicasOf(set) === 0 && Number(at(set.status, 'replicas') ?? 0) === 0)
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of idle.slice(0, Math.max(0, idle.length - limit))) context.delete(SETS, set);
}

function condition(old: KubeObject, type: string, status: string, reason: string, message: string): Fields {
  const before = conditionOf(old, type);
  const isSameStatus = before?.['status'] === status;
  const isNews = !isSameStatus || before['reason'] !== reason || before['message'] !== message;
  return {
    type,
    status,
    reason,
    message,
    lastUpdateTime: isNews ? timestamp() : before['lastUpdateTime'],
    lastTransitionTime: isSameStatus ? before['lastTransitionTime'] : timestamp(),
  };
}

function writeStatus(context: ControllerContext, before: KubeObject, current: KubeObject | undefined): void {
  const deployment = latest(context, before);
  const sets = context.controlledBy(SETS, deployment);
  const sum = (field: string): number =>
    sets.reduce((total, set) => total + Number(at(set.status, field) ?? 0), 0);
  const mine = sets.find((set) => set.metadata.uid === current?.metadata.uid);
  const wanted = Number(at(deployment.spec, 'replicas') ?? 1);
  const updated = Number(at(mine?.status, 'replicas') ?? 0);
  const [replicas, ready, available] = [sum('replicas'), sum('readyReplicas'), sum('availableReplicas')];
  const least =
    wanted - amountOf(at(deployment.spec, 'strategy', 'rollingUpdate', 'maxUnavailable'), wanted, Math.floor);
  const isAvailable = available >= least;
  const isComplete = updated === wanted && replicas === wanted && available === wanted;
  const name = mine?.metadata.name ?? deployment.metadata.name;
  const status: Fields = {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas,
    updatedReplicas: updated,
    readyReplicas: ready,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available),
    conditions: [
      isAvailable
        ? condition(
            deployment,
            'Available',
            'True',
            'MinimumReplicasAvailable',
            'Deployment has minimum availability.',
          )
        : condition(
            deployment,
            'Available',
            'False',
            'MinimumReplicasUnavailable',
            'Deployment does not have minimum availability.',
          ),
      progress(context, deployment, name, isComplete, { updated, replicas, available }),
      ...replicaFailure(deployment, mine, sets),
      ...listOf<Fields>(at(deployment.status, 'conditions')).filter(
        (one) => !['Available', 'Progressing', 'ReplicaFailure'].includes(String(one['type'])),
      ),
    ],
  };
  // What is zero is not shown.
  for (const [field, value] of Object.entries(status)) if (value === 0) delete status[field];
  if (isSame(status, deployment.status)) return;
  context.store.put(DEPLOYMENTS, { ...deployment, status });
}

/** What keeps a set from making pods: the current one, or else one of the others. */
function replicaFailure(
  deployment: KubeObject,
  current: KubeObject | undefined,
  sets: readonly KubeObject[],
): Fields[] {
  for (const set of [...(current === undefined ? [] : [current]), ...sets]) {
    const found = conditionOf(set, 'ReplicaFailure');
    if (found?.['status'] !== 'True') continue;
    const { reason, message } = found as { reason: string; message: string };
    return [condition(deployment, 'ReplicaFailure', 'True', reason, message)];
  }
  return [];
}

function progress(
  context: ControllerContext,
  deployment: KubeObject,
  name: string,
  isComplete: boolean,
  counts: { updated: number; replicas: number; available: number },
): Fields {
  const before = conditionOf(deployment, 'Progressing');
  if (at(deployment.spec, 'paused') === true && !isComplete)
    return condition(deployment, 'Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused');
  if (isComplete) {
    const message = `ReplicaSet "${name}" has successfully progressed.`;
    return condition(deployment, 'Progressing', 'True', 'NewReplicaSetAvailable', message);
  }
  const old = fieldsOf(deployment.status);
  const isMoving =
    Number(old['updatedReplicas'] ?? 0) !== counts.updated ||
    Number(old['replicas'] ?? 0) !== counts.replicas ||
    Number(old['availableReplicas'] ?? 0) < counts.available ||
    old['observedGeneration'] !== deployment.metadata.generation;
  const deadline = Number(at(deployment.spec, 'progressDeadlineSeconds') ?? 600);
  const last = Date.parse(textOf(before?.['lastUpdateTime'] ?? timestamp()));
  const isLate =
    before !== undefined &&
    !isMoving &&
    before['reason'] !== 'NewReplicaSetAvailable' &&
    Date.now() - last > deadline * 1000;
  const isFailed = before?.['reason'] === 'ProgressDeadlineExceeded' && !isMoving;
  if (isLate || isFailed) {
    const message = `ReplicaSet "${name}" has timed out progressing.`;
    return condition(deployment, 'Progressing', 'False', 'ProgressDeadlineExceeded', message);
  }
  context.wishLater(DEPLOYMENTS, keyOfObject(deployment), deadline + 1);
  const next = condition(
    deployment,
    'Progressing',
    'True',
    'ReplicaSetUpdated',
    `ReplicaSet "${name}" is progressing.`,
  );
  return isMoving ? { ...next, lastUpdateTime: timestamp() } : next;
}
