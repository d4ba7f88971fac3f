import { CetusError } from '@cetus/shared/errors';
import { readSigningRequest } from '@cetus/shared/pki';
import type { User } from './api/authentication.ts';
import { applyLimitDefaults, enforceLimits } from './admission/limit-range.ts';
import { checkSecurityLabels, enforcePodSecurity } from './admission/pod-security.ts';
import { enforceQuotas } from './admission/resource-quota.ts';
import { admitService } from './admission/services.ts';
import { forbidden } from './api/status-error.ts';
import type { ClusterContext } from './cluster-context.ts';
import { at, fieldsOf, type KubeObject } from './objects.ts';
import type { ObjectStore } from './store.ts';
import type { ResourceType } from './types/resource-type.ts';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

/** Completes a new object as the admission of a real cluster does; changes it, it is a copy. @throws ApiError */
export function admit(cluster: ClusterContext, type: ResourceType, object: KubeObject, user: User): void {
  const { store } = cluster;
  switch (type.storage) {
    case 'namespaces':
      object.spec = { ...object.spec, finalizers: ['kubernetes'] };
      object.status = { phase: 'Active' };
      if (cluster.registry.minor >= 21)
        object.metadata.labels = {
          ...object.metadata.labels,
          'kubernetes.io/metadata.name': object.metadata.name,
        };
      return;
    case 'pods':
      admitPod(cluster, type, object);
      return;
    case 'services':
      admitService(cluster, type, object, undefined);
      return;
    case 'persistentvolumeclaims':
      addFinalizer(object, 'kubernetes.io/pvc-protection');
      if (at(object.spec, 'storageClassName') === undefined) {
        const standard = defaultClass(store);
        if (standard !== undefined) object.spec = { ...object.spec, storageClassName: standard };
      }
      return;
    case 'persistentvolumes':
      addFinalizer(object, 'kubernetes.io/pv-protection');
      return;
    case 'certificatesigningrequests.certificates.k8s.io':
      object.spec = { ...object.spec, username: user.name, groups: user.groups };
      checkSubject(type, object);
      return;
    default:
  }
}

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** Nobody is made an administrator by a request that somebody may approve. What is no request at all is found later. */
function checkSubject(type: ResourceType, object: KubeObject): void {
  if (at(object.spec, 'signerName') !== CLIENT_SIGNER) return;
  const pem = Buffer.from(String(at(object.spec, 'request')), 'base64').toString('utf8');
  let organizations: readonly string[];
  try {
    ({ organizations } = readSigningRequest(pem));
  } catch (error) {
    if (!(error instanceof CetusError)) throw error;
    return;
  }
  if (organizations.includes('system:masters')) {
    throw forbidden(
      type,
      object.metadata.name,
      `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`,
    );
  }
}

function addFinalizer(object: KubeObject, finalizer: string): void {
  const finalizers = object.metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer];
}

function defaultClass(store: ObjectStore): string | undefined {
  for (const one of store.values('storageclasses.storage.k8s.io'))
    if (one.metadata.annotations?.[DEFAULT_CLASS] === 'true') return one.metadata.name;
  return undefined;
}

/**
 * Judges an object that is complete and well-formed, before it is stored.
 * @param old what it takes the place of
 * @param warn takes what the client is to be warned of
 * @throws ApiError 403, 422
 */
export function review(
  cluster: ClusterContext,
  type: ResourceType,
  object: KubeObject,
  old: KubeObject | undefined,
  warn: (text: string) => void,
): void {
  checkSecurityLabels(cluster, type, object);
  // Claims are held to their range when they change too, unless they are on their way out.
  const isClaim = type.storage === 'persistentvolumeclaims' && old?.metadata.deletionTimestamp === undefined;
  if (old === undefined || isClaim) enforceLimits(cluster, type, object);
  if (old === undefined || type.storage !== 'pods') enforcePodSecurity(cluster, type, object, warn);
  // The last: whoever is refused by another takes nothing of a quota.
  enforceQuotas(cluster, type, object, old);
}

function admitPod(cluster: ClusterContext, type: ResourceType, object: KubeObject): void {
  const { store } = cluster;
  applyLimitDefaults(cluster, object);
  const { name, namespace } = object.metadata;
  const spec = fieldsOf(object.spec);
  const account = String(spec['serviceAccountName']);
  if (store.get('serviceaccounts', namespace, account) === undefined) {
    throw forbidden(
      type,
      name,
      `error looking up service account ${String(namespace)}/${account}: serviceaccount "${account}" not found`,
    );
  }
  const priorityClass = spec['priorityClassName'];
  if (typeof priorityClass !== 'string' || priorityClass === '') return;
  const found = store.get('priorityclasses.scheduling.k8s.io', undefined, priorityClass);
  if (found === undefined)
    throw forbidden(type, name, `no PriorityClass with name ${priorityClass} was found`);
  spec['priority'] = found['value'] ?? 0;
}
