import { at, fieldsOf, listOf, keyOfObject, type KubeObject, textOf } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import { parseQuantity } from '../types/quantity.ts';
import type { ControllerContext } from './controller-context.ts';
import { claimsOf, selectedNode } from './pod-scheduling.ts';
import { hasEnded } from './pod-state.ts';

const CLAIMS = 'persistentvolumeclaims';
const VOLUMES = 'persistentvolumes';
const CLASSES = 'storageclasses.storage.k8s.io';
const KIND = { kind: 'PersistentVolumeClaim', apiVersion: 'v1' };
const CLAIM_PROTECTION = 'kubernetes.io/pvc-protection';
const VOLUME_PROTECTION = 'kubernetes.io/pv-protection';
const BOUND = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };

/** Finds a claim its volume, or has one made; lets a claim go that no pod uses. */
export function reconcileClaim(context: ControllerContext, claim: KubeObject): void {
  if (claim.metadata.deletionTimestamp !== undefined) {
    const isUsed = context.store
      .list('pods', claim.metadata.namespace)
      .some(([, pod]) => !hasEnded(pod) && claimsOf(pod).includes(claim.metadata.name));
    if (!isUsed && (claim.metadata.finalizers ?? []).includes(CLAIM_PROTECTION))
      context.removeFinalizer(CLAIMS, claim, CLAIM_PROTECTION);
    return;
  }
  const name = at(claim.spec, 'volumeName');
  const volume =
    typeof name === 'string' ? context.store.get(VOLUMES, undefined, name) : freeVolume(context, claim);
  if (typeof name === 'string' && volume === undefined) {
    if (at(claim.status, 'phase') === 'Bound') context.setStatus(CLAIMS, claim, { phase: 'Lost' });
    return;
  }
  if (volume === undefined) awaitVolume(context, claim);
  else if (at(claim.status, 'phase') !== 'Bound') bind(context, claim, volume);
  else if (isSmaller(volume, claim))
    context.wishLater('claims-ready', keyOfObject(claim), context.cluster.seconds.volume);
}

function sizeOf(claim: KubeObject): number {
  return parseQuantity(at(claim.spec, 'resources', 'requests', 'storage')) ?? 0;
}

function capacityOf(volume: KubeObject): number {
  return parseQuantity(at(volume.spec, 'capacity', 'storage')) ?? 0;
}

function isSmaller(volume: KubeObject, claim: KubeObject): boolean {
  return capacityOf(volume) < sizeOf(claim);
}

/** The smallest volume that would do and that nobody has. */
function freeVolume(context: ControllerContext, claim: KubeObject): KubeObject | undefined {
  const className = at(claim.spec, 'storageClassName') ?? '';
  const modes = listOf(at(claim.spec, 'accessModes'));
  return context.store
    .list(VOLUMES)
    .map(([, volume]) => volume)
    .filter((volume) => {
      const owner = fieldsOf(at(volume.spec, 'claimRef'));
      const isMine = owner['name'] === claim.metadata.name && owner['namespace'] === claim.metadata.namespace;
      const isFree =
        at(volume.spec, 'claimRef') === undefined ||
        (isMine && (owner['uid'] === undefined || owner['uid'] === claim.metadata.uid));
      return (
        isFree &&
        volume.metadata.deletionTimestamp === undefined &&
        (at(volume.spec, 'storageClassName') ?? '') === className &&
        modes.every((mode) => listOf(at(volume.spec, 'accessModes')).includes(mode)) &&
        !isSmaller(volume, claim)
      );
    })
    .sort((a, b) => capacityOf(a) - capacityOf(b))[0];
}

function bind(context: ControllerContext, claim: KubeObject, volume: KubeObject): void {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
  const isOurs = at(volume.spec, 'claimRef', 'uid') === uid;
  context.store.put(VOLUMES, {
    ...volume,
    spec: isOurs ? { ...volume.spec } : { ...volume.spec, claimRef },
    status: { ...volume.status, phase: 'Bound' },
  });
  context.store.put(CLAIMS, {
    ...claim,
    metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, ...BOUND } },
    spec: { ...claim.spec, volumeName: volume.metadata.name },
    status: {
      ...claim.status,
      phase: 'Bound',
      accessModes: at(volume.spec, 'accessModes'),
      capacity: at(volume.spec, 'capacity'),
    },
  });
}

function awaitVolume(context: ControllerContext, claim: KubeObject): void {
  const className = at(claim.spec, 'storageClassName');
  const record = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    context.events.record(claim, KIND, type, reason, message, 'persistentvolume-controller');
  if (typeof className !== 'string' || className === '') {
    record(
      'Normal',
      'FailedBinding',
      'no persistent volumes available for this claim and no storage class is set',
    );
    return;
  }
  const storageClass = context.store.get(CLASSES, undefined, className);
  if (storageClass === undefined) {
    record('Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`);
    return;
  }
  if (storageClass['provisioner'] === 'kubernetes.io/no-provisioner') return;
  if (storageClass['volumeBindingMode'] === 'WaitForFirstConsumer' && selectedNode(claim) === undefined) {
    record('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    return;
  }
  record(
    'Normal',
    'ExternalProvisioning',
    `waiting for a volume to be created, either by external provisioner "${String(storageClass['provisioner'])}" or manually created by system administrator`,
  );
  context.wishLater('claims-ready', keyOfObject(claim), context.cluster.seconds.volume);
}

/** The volume of a claim has been made, or has grown. */
export function finishClaim(context: ControllerContext, claim: KubeObject): void {
  if (claim.metadata.deletionTimestamp !== undefined) return;
  const name = at(claim.spec, 'volumeName');
  const volume = typeof name === 'string' ? context.store.get(VOLUMES, undefined, name) : undefined;
  const storage = at(claim.spec, 'resources', 'requests', 'storage');
  if (volume !== undefined) {
    if (!isSmaller(volume, claim)) return;
    context.store.put(VOLUMES, { ...volume, spec: { ...volume.spec, capacity: { storage } } });
    context.setStatus(CLAIMS, claim, { capacity: { storage } });
    return;
  }
  const storageClass = context.store.get(CLASSES, undefined, String(at(claim.spec, 'storageClassName')));
  if (storageClass === undefined) return;
  const volumeName = `pvc-${claim.metadata.uid}`;
  const { namespace, uid } = claim.metadata;
  const made = context.create(VOLUMES, {
    metadata: newMetadata(volumeName, undefined, {
      annotations: { 'pv.kubernetes.io/provisioned-by': String(storageClass['provisioner']) },
    }),
    spec: {
      capacity: { storage },
      accessModes: at(claim.spec, 'accessModes'),
      claimRef: {
        kind: 'PersistentVolumeClaim',
        apiVersion: 'v1',
        namespace,
        name: claim.metadata.name,
        uid,
      },
      csi: { driver: storageClass['provisioner'], volumeHandle: uid },
      persistentVolumeReclaimPolicy: storageClass['reclaimPolicy'],
      storageClassName: storageClass.metadata.name,
      volumeMode: at(claim.spec, 'volumeMode'),
    },
  });
  context.events.record(
    claim,
    KIND,
    'Normal',
    'ProvisioningSucceeded',
    `Successfully provisioned volume ${volumeName}`,
    String(storageClass['provisioner']),
  );
  bind(context, claim, made);
}

/** A volume is bound, released when its claim has gone, and then deleted or kept. */
export function reconcileVolume(context: ControllerContext, volume: KubeObject): void {
  const owner = fieldsOf(at(volume.spec, 'claimRef'));
  const claim =
    owner['name'] === undefined
      ? undefined
      : context.store.get(CLAIMS, String(owner['namespace']), textOf(owner['name']));
  const isOwned = claim !== undefined && (owner['uid'] === undefined || claim.metadata.uid === owner['uid']);
  const phase = at(volume.status, 'phase');
  if (volume.metadata.deletionTimestamp !== undefined) {
    if (!(isOwned && phase === 'Bound') && (volume.metadata.finalizers ?? []).includes(VOLUME_PROTECTION))
      context.removeFinalizer(VOLUMES, volume, VOLUME_PROTECTION);
    return;
  }
  const wanted = isOwned
    ? phase === 'Bound'
      ? 'Bound'
      : 'Available'
    : owner['uid'] === undefined
      ? 'Available'
      : 'Released';
  const stored = phase === wanted ? volume : context.setStatus(VOLUMES, volume, { phase: wanted });
  if (wanted === 'Available')
    for (const [key, one] of context.store.list(CLAIMS))
      if (at(one.spec, 'volumeName') === undefined) context.wish(CLAIMS, key);
  if (wanted === 'Released' && at(stored.spec, 'persistentVolumeReclaimPolicy') === 'Delete')
    context.wishLater('volumes-released', volume.metadata.name, context.cluster.seconds.volume);
}

/** The cloud has deleted a released volume. */
export function finishVolume(context: ControllerContext, volume: KubeObject): void {
  if (at(volume.status, 'phase') === 'Released') context.delete(VOLUMES, volume);
}
