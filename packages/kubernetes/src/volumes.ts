import type { KubernetesConnection } from './connection.ts';
import { listAll } from './list.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from './objects.ts';

/** Says which provisioner made a volume. */
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
/** Says which provisioner is to make a claim's volume; the first is the name before 1.23. */
const PROVISIONERS = [
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/storage-provisioner',
];

/** What a cluster's provisioners made in the cloud, and will delete with its claim. */
export interface ProvisionedVolumes {
  /** Claims that hold such a volume, or wait for one that is being made. */
  claims: PersistentVolumeClaim[];
  /** Such volumes whose claim is gone. */
  released: PersistentVolume[];
  /** Pods that use the claims and have not ended. */
  pods: Pod[];
}

/** @throws KubernetesError, KubernetesUnreachableError */
export async function provisionedVolumes(
  connection: KubernetesConnection,
  signal?: AbortSignal,
): Promise<ProvisionedVolumes> {
  const { items: volumes } = await listAll<PersistentVolume>(connection, '/api/v1/persistentvolumes', {
    signal,
    project: (volume) => (isProvisioned(volume) ? volume : undefined),
  });
  const bound = new Map(
    volumes.filter(({ status }) => status?.phase === 'Bound').map((volume) => [volume.metadata.name, volume]),
  );
  const { items: claims } = await listAll<PersistentVolumeClaim>(
    connection,
    '/api/v1/persistentvolumeclaims',
    {
      signal,
      project: (claim) => (bound.has(claim.spec?.volumeName ?? '') || isBeingMade(claim) ? claim : undefined),
    },
  );
  const claimed = new Set(claims.map(({ spec }) => spec?.volumeName));
  const released = volumes.filter(({ metadata }) => !claimed.has(metadata.name));
  if (claims.length === 0) return { claims, released, pods: [] };
  const keys = new Set(claims.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`));
  const { items: pods } = await listAll<Pod>(connection, '/api/v1/pods', {
    signal,
    project: (pod) => (claimsOf(pod).some((key) => keys.has(key)) ? pod : undefined),
  });
  return { claims, released, pods };
}

function isProvisioned({ metadata, spec }: PersistentVolume): boolean {
  return (
    metadata.annotations?.[PROVISIONED_BY] !== undefined && spec?.persistentVolumeReclaimPolicy === 'Delete'
  );
}

function isBeingMade({ metadata, spec }: PersistentVolumeClaim): boolean {
  if (spec?.volumeName !== undefined) return false;
  return PROVISIONERS.some((annotation) => metadata.annotations?.[annotation] !== undefined);
}

/** `namespace/name` of the claims that a pod uses; none when it has ended, for it does not hold them then. */
export function claimsOf({ metadata, spec, status }: Pod): string[] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    const claim =
      persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? undefined : `${metadata.name}-${name}`);
    return claim === undefined ? [] : [`${metadata.namespace ?? ''}/${claim}`];
  });
}
