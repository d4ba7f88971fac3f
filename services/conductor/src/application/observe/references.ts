import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { hasStatus, isNotFound } from '@cetus/kubernetes/errors';
import { objectPath } from '@cetus/kubernetes/object-path';
import type { PersistentVolumeClaim, Pod, StorageClass } from '@cetus/kubernetes/objects';
import { word } from '../../health/brief.ts';
import type { Finding } from './suspects.ts';
import { sentence } from './text.ts';

type Kind = 'Secret' | 'ConfigMap';

/** What a pod needs of a Secret or a ConfigMap. */
interface Needed {
  kind: Kind;
  name: string;
  /** Null: that it is there is enough. */
  key: string | null;
}

const REASONS = { Secret: 'SecretMissing', ConfigMap: 'ConfigMapMissing' } as const;
/** Objects of one pod that are looked for. */
const MAX_REFERENCES = 40;

/**
 * A Secret or a ConfigMap that a pod cannot do without and that is not there, or has not the key; undefined when all are, as far as one
 * may see. Of Secrets only the keys are looked at.
 * @throws KubernetesUnreachableError, the signal's reason
 */
export async function missingReference(
  connection: KubernetesConnection,
  pod: Pod,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const namespace = pod.metadata.namespace ?? '';
  const needed = neededBy(pod).slice(0, MAX_REFERENCES);
  for (const { kind, name } of unique(needed)) {
    const keys = await keysOf(connection, kind, namespace, name, signal);
    if (keys === undefined) continue;
    if (keys === null) {
      return {
        reason: REASONS[kind],
        message: sentence(
          `The instances refer to the ${kind} ${name}, which is not in namespace ${namespace}`,
        ),
      };
    }
    const absent = needed.find(
      (one) => one.kind === kind && one.name === name && one.key !== null && !keys.has(one.key),
    );
    if (absent?.key == null) continue;
    const message = `The instances refer to the key ${absent.key} of the ${kind} ${name}, which has no such key`;
    return { reason: REASONS[kind], message: sentence(message) };
  }
  return undefined;
}

/**
 * A claim of a pod that is not there, or has no volume and does not wait for the pod to get one; undefined when there is none.
 * @throws KubernetesUnreachableError, the signal's reason
 */
export async function missingVolume(
  connection: KubernetesConnection,
  pod: Pod,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const namespace = pod.metadata.namespace ?? '';
  const names = (pod.spec?.volumes ?? []).flatMap(
    ({ persistentVolumeClaim: claim }) => claim?.claimName ?? [],
  );
  for (const name of [...new Set(names)].slice(0, MAX_REFERENCES)) {
    const path = objectPath({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name });
    const claim = await find<PersistentVolumeClaim>(connection, path, signal);
    if (claim === null) return notReady(`the claim ${name} is not in namespace ${namespace}`);
    if (claim === undefined || claim.status?.phase === 'Bound') continue;
    if (claim.status?.phase === 'Lost') return notReady(`the volume of the claim ${name} is gone`);
    // Without a node there is none to make the volume for, and it is the node that is missing.
    if (!(await waitsForPod(connection, claim, signal)))
      return notReady(`the claim ${name} has no volume yet`);
  }
  return undefined;
}

function notReady(what: string): Finding {
  return { reason: 'VolumeNotReady', message: sentence(`A volume cannot be mounted: ${word(what)}`) };
}

async function waitsForPod(
  connection: KubernetesConnection,
  { spec }: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<boolean> {
  const name = spec?.storageClassName;
  if (name === undefined || name === '') return false;
  const path = objectPath({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name });
  const found = await find<StorageClass>(connection, path, signal);
  return found?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** Null: it is not there. Undefined: one may not see. */
async function find<T>(
  connection: KubernetesConnection,
  path: string,
  signal: AbortSignal,
): Promise<T | null | undefined> {
  try {
    return await connection.get<T>(path, { signal, timeoutMs: FIND_MS });
  } catch (error) {
    if (isNotFound(error)) return null;
    if (hasStatus(error, 401) || hasStatus(error, 403)) return undefined;
    throw error;
  }
}

/** How long one look may take, in milliseconds. */
const FIND_MS = 5_000;

async function keysOf(
  connection: KubernetesConnection,
  kind: Kind,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | null | undefined> {
  const path = objectPath({ apiVersion: 'v1', kind, namespace, name });
  const found = await find<{ data?: object; binaryData?: object }>(connection, path, signal);
  if (found === null || found === undefined) return found;
  return new Set([...Object.keys(found.data ?? {}), ...Object.keys(found.binaryData ?? {})]);
}

interface KeyReference {
  name?: string;
  key?: string;
  optional?: boolean;
}

/** Everything of Secrets and ConfigMaps that the containers and volumes of a pod refer to and cannot do without. */
function neededBy({ spec }: Pod): Needed[] {
  const needed: Needed[] = [];
  const need = (kind: Kind, reference: KeyReference | undefined): void => {
    if (reference?.name === undefined || reference.optional === true) return;
    needed.push({ kind, name: reference.name, key: reference.key ?? null });
  };
  for (const { env, envFrom } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
    for (const { valueFrom } of env ?? []) {
      need('Secret', valueFrom?.secretKeyRef);
      need('ConfigMap', valueFrom?.configMapKeyRef);
    }
    for (const { secretRef, configMapRef } of envFrom ?? []) {
      need('Secret', secretRef);
      need('ConfigMap', configMapRef);
    }
  }
  for (const { secret, configMap, projected } of spec?.volumes ?? []) {
    if (secret?.secretName !== undefined) needFiles('Secret', { ...secret, name: secret.secretName }, need);
    needFiles('ConfigMap', configMap, need);
    for (const source of projected?.sources ?? []) {
      needFiles('Secret', source.secret, need);
      needFiles('ConfigMap', source.configMap, need);
    }
  }
  return needed;
}

function needFiles(
  kind: Kind,
  source: (KeyReference & { items?: readonly { key: string }[] }) | undefined,
  need: (kind: Kind, reference: KeyReference | undefined) => void,
): void {
  const { name, optional, items = [] } = source ?? {};
  if (name === undefined) return;
  const reference = { name, ...(optional === undefined ? {} : { optional }) };
  need(kind, reference);
  for (const { key } of items) need(kind, { ...reference, key });
}

function unique(needed: readonly Needed[]): Needed[] {
  return [...new Map(needed.map((one) => [`${one.kind}/${one.name}`, one])).values()];
}
