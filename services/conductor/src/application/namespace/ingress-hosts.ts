import { deleteObject, type Manifest } from '@cetus/kubernetes/apply';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { listAll } from '@cetus/kubernetes/list';
import { collectionPath } from '@cetus/kubernetes/object-path';
import type { Ingress } from '@cetus/kubernetes/objects';
import { CetusError } from '@cetus/shared/errors';

/** An Ingress that is there, and the names that it takes requests for. */
interface Holder {
  namespace: string;
  name: string;
  uid: string;
  /** In milliseconds; Kubernetes counts seconds. */
  createdAt: number;
  hosts: string[];
}

/**
 * Refuses Ingresses for names that an Ingress of another namespace has: controllers serve all of a cluster, and would send a part of what
 * is meant for the one to the other. Who had a name first keeps it; an own Ingress that came later is taken away. To be asked before
 * they are applied, and afterwards, as two may have asked at the same moment.
 * @throws CetusError `conflict`; KubernetesError, KubernetesUnreachableError
 */
export async function requireHostsFree(
  connection: KubernetesConnection,
  manifests: readonly Manifest[],
  signal: AbortSignal,
): Promise<void> {
  for (const manifest of manifests.filter(({ kind }) => kind === 'Ingress')) {
    const { apiVersion, kind, metadata } = manifest;
    const { namespace = '', name } = metadata;
    // The hosts alone are kept of what others have.
    const { items } = await listAll<Ingress, Holder>(connection, collectionPath({ apiVersion, kind }), {
      signal,
      project: holderOf,
    });
    const own = items.find((one) => one.namespace === namespace && one.name === name);
    for (const host of hostsOf(manifest)) {
      const since = own?.hosts.includes(host) === true ? own.createdAt : Infinity;
      const isTaken = items.some(
        (one) =>
          one.namespace !== namespace &&
          // Of two that came within one second only one may give way.
          (one.createdAt < since || (one.createdAt === since && one.namespace < namespace)) &&
          one.hosts.some((theirs) => overlap(theirs, host)),
      );
      if (isTaken) {
        if (since !== Infinity)
          await deleteObject(connection, { apiVersion, kind, namespace, name }, { uid: own?.uid, signal });
        throw new CetusError(
          'conflict',
          `The host ${host} is of an Ingress in another namespace of the cluster; name another one`,
          { resource: { type: 'Ingress', name } },
        );
      }
    }
  }
}

function holderOf(ingress: Ingress): Holder {
  const { namespace = '', name, uid, creationTimestamp } = ingress.metadata;
  return { namespace, name, uid, createdAt: Date.parse(creationTimestamp), hosts: hostsOf(ingress) };
}

function hostsOf(ingress: object): string[] {
  const { spec } = ingress as { spec?: { rules?: { host?: string }[] } };
  const rules = spec?.rules ?? [];
  return rules.flatMap(({ host = '' }) => (host === '' ? [] : [host]));
}

/** Whether there is a name that both are for: `*` stands for any labels, as most controllers have it. */
function overlap(one: string, other: string): boolean {
  return one === other || covers(one, other) || covers(other, one);
}

function covers(wildcard: string, host: string): boolean {
  return wildcard.startsWith('*.') && host.endsWith(wildcard.slice(1));
}
