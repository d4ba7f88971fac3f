import type { SimClusterSpec } from '../kubernetes/spec.ts';
import { kubernetesClient } from './kubernetes-client.ts';
import type { ClusterFamily, HealthStatus, Labels } from './records.ts';

/** What a look at a cluster's health has found. */
export interface Health {
  status: HealthStatus;
  reason: Labels;
}

interface NodeList {
  items: { metadata: { name: string }; status: { conditions?: { type: string; status: string }[] } }[];
}

/** States in which Magnum looks at the health: not after a failure. */
const LOOKED_AT = ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'];

/**
 * Health of a cluster as Magnum sees it: UNKNOWN where the API has no floating address, else what its API says; a
 * switch, by the cluster's name or `*`, comes before. Undefined where Magnum does not look.
 */
export async function readHealth(
  { cluster }: ClusterFamily,
  applied: SimClusterSpec | undefined,
  switched: Record<string, Health> | undefined,
): Promise<Health | undefined> {
  if (!LOOKED_AT.includes(cluster.status)) return undefined;
  const forced = switched?.[cluster.name] ?? switched?.['*'];
  if (forced !== undefined) return forced;
  if (!cluster.floating_ip_enabled) {
    return { status: 'UNKNOWN', reason: { api: `The cluster ${cluster.name} is not accessible.` } };
  }
  return applied === undefined ? undefined : askCluster(applied);
}

/** One node that is not ready makes the whole cluster unhealthy; of an API that does not answer there is no reason. */
async function askCluster(applied: SimClusterSpec): Promise<Health> {
  const get = kubernetesClient(applied);
  const reason: Labels = {};
  try {
    const api = await get('/healthz');
    const { items } = JSON.parse(await get('/api/v1/nodes')) as NodeList;
    for (const { metadata, status } of items) {
      const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
      reason[`${metadata.name}.Ready`] = ready ? 'True' : 'False';
    }
    const isHealthy = api === 'ok' && !Object.values(reason).includes('False');
    return { status: isHealthy ? 'HEALTHY' : 'UNHEALTHY', reason: { ...reason, api } };
  } catch {
    return { status: 'UNHEALTHY', reason };
  }
}
