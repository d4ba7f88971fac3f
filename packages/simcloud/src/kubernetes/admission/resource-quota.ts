import { forbidden } from '../api/status-error.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { at, fieldsOf, isSame, type Fields, type KubeObject } from '../objects.ts';
import { NONE, quantityText, sum, type Quantity } from '../types/exact-quantity.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { amountsOf, type Amounts } from './pod-resources.ts';
import { GROWING, isInScope, isSameUsage, unnamedResources, usageOf } from './quota-usage.ts';

const QUOTAS = 'resourcequotas';
/** First minor that names the containers without a request. */
const CONTAINERS_NAMED_SINCE = 24;

/**
 * Refuses an object for which a quota of its namespace has no room. Quotas hold what their status says: a new one nothing, until it has been
 * looked at.
 * @param old what the object takes the place of
 * @throws ApiError 403
 */
export function enforceQuotas(
  cluster: ClusterContext,
  type: ResourceType,
  object: KubeObject,
  old: KubeObject | undefined,
): void {
  const { namespace, name } = object.metadata;
  if (!type.namespaced || type.storage === QUOTAS) return;
  if (old !== undefined && !GROWING.has(type.storage)) return;
  const wanted = usageOf(type.storage, object);
  const before = old === undefined ? new Map<string, Quantity>() : usageOf(type.storage, old);
  if (old !== undefined && isSameUsage(wanted, before)) return;
  for (const [, quota] of cluster.store.list(QUOTAS, namespace)) {
    if (!isInScope(quota, type.storage, object)) continue;
    const hard = amountsOf(at(quota.status, 'hard'));
    if (type.storage === 'pods') requireNamed(cluster, type, object, quota, [...hard.keys()]);
    const used = usedOf(cluster, quota);
    const exceeded = [...hard.keys()].sort().filter((resource) => {
      const more = growth(wanted, before, resource);
      return more > 0n && (used.get(resource) ?? NONE).amount + more > (hard.get(resource) ?? NONE).amount;
    });
    if (exceeded.length === 0) continue;
    const shown = (amounts: Amounts): string =>
      exceeded.map((resource) => `${resource}=${quantityText(amounts.get(resource) ?? NONE)}`).join(',');
    const asked = new Map(
      exceeded.map((resource) => [
        resource,
        { amount: growth(wanted, before, resource), isBinary: wanted.get(resource)?.isBinary === true },
      ]),
    );
    throw forbidden(
      type,
      name,
      `exceeded quota: ${quota.metadata.name}, requested: ${shown(asked)}, used: ${shown(used)}, limited: ${shown(hard)}`,
    );
  }
}

function growth(wanted: Amounts, before: Amounts, resource: string): bigint {
  return (wanted.get(resource) ?? NONE).amount - (before.get(resource) ?? NONE).amount;
}

function requireNamed(
  { registry }: ClusterContext,
  type: ResourceType,
  pod: KubeObject,
  quota: KubeObject,
  counted: readonly string[],
): void {
  const missing = unnamedResources(pod, counted);
  if (missing.size === 0) return;
  const what =
    registry.minor < CONTAINERS_NAMED_SINCE
      ? [...missing.keys()].join(',')
      : [...missing].map(([resource, names]) => `${resource} for: ${names.join(',')}`).join('; ');
  throw forbidden(type, pod.metadata.name, `failed quota: ${quota.metadata.name}: must specify ${what}`);
}

/** What the objects of a quota's namespace take of what it counts. */
function usedOf({ store, registry }: ClusterContext, quota: KubeObject): Amounts {
  const hard = Object.keys(fieldsOf(at(quota.spec, 'hard')));
  const used = new Map<string, Quantity>(hard.map((resource) => [resource, NONE]));
  const storages = new Set(hard.map(storageOf));
  for (const storage of storages) {
    if (registry.preferred(storage) === undefined) continue;
    for (const [, object] of store.list(storage, quota.metadata.namespace)) {
      if (!isInScope(quota, storage, object)) continue;
      for (const [resource, amount] of usageOf(storage, object)) {
        const total = used.get(resource);
        if (total !== undefined && storageOf(resource) === storage) used.set(resource, sum(total, amount));
      }
    }
  }
  return used;
}

/** Where the objects are that a resource of a quota is about. */
function storageOf(resource: string): string {
  if (resource.startsWith('count/')) return resource.slice('count/'.length);
  if (resource.startsWith('services')) return 'services';
  if (/(^|\/)(requests\.storage|persistentvolumeclaims)$/.test(resource)) return 'persistentvolumeclaims';
  return /^(configmaps|secrets|replicationcontrollers|resourcequotas)$/.test(resource) ? resource : 'pods';
}

/** The status of a quota: what it allows, and what there is. */
export function quotaStatus(cluster: ClusterContext, quota: KubeObject): Fields {
  const used = usedOf(cluster, quota);
  const shown = (amounts: Amounts): Fields =>
    Object.fromEntries(
      [...amounts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, quantityText(one)]),
    );
  return { hard: shown(amountsOf(at(quota.spec, 'hard'))), used: shown(used) };
}

/** Writes into a namespace's quotas what they have left, as soon as an object has come, changed or gone. */
export function chargeQuotas(
  cluster: ClusterContext,
  type: ResourceType,
  namespace: string | undefined,
): void {
  if (!type.namespaced || type.storage === QUOTAS || cluster.store.count(QUOTAS) === 0) return;
  for (const [, quota] of cluster.store.list(QUOTAS, namespace)) {
    const { used } = quotaStatus(cluster, quota);
    const status = quota.status ?? {};
    // One that has not been looked at yet counts nothing.
    if (status['hard'] === undefined || isSame(status['used'], used)) continue;
    cluster.store.put(QUOTAS, { ...quota, status: { ...status, used } });
  }
}
