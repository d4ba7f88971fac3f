import type { ServedApis } from '@cetus/kubernetes/served-apis';
import type { ApplicationSpec, SecretValues, StoredApplication } from '@cetus/shared/schemas';

/** The kinds of an application whose versions differ between clusters. */
const VERSIONED_KINDS = ['CronJob', 'HorizontalPodAutoscaler', 'Ingress', 'PodDisruptionBudget'] as const;
type VersionedKind = (typeof VERSIONED_KINDS)[number];

/** What a cluster serves, as far as applications depend on it. */
export interface ClusterApis {
  /** The version of each kind; absent: the cluster does not serve it. */
  versions: Readonly<Partial<Record<VersionedKind, string>>>;
  /** Of Kubernetes: 33 of 1.33; undefined: it does not say, and is taken for a new one. */
  minor: number | undefined;
}

/** What manifests are made of. */
export interface ManifestInput {
  application: Pick<StoredApplication, '_id' | 'name' | 'project_id' | 'user_id' | 'generation'>;
  /** With what is different in this cluster, see `withOverrides`. */
  spec: ApplicationSpec;
  namespace: string;
  /** What `spec.sealed` holds; null: nothing. */
  values: SecretValues | null;
  apis: ClusterApis;
}

/** A part of a manifest. */
export type Fields = Record<string, unknown>;

/**
 * Asks a cluster for what applications depend on.
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function readClusterApis(
  apis: Pick<ServedApis, 'apiVersionOf' | 'minor'>,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<ClusterApis> {
  const versions: Partial<Record<VersionedKind, string>> = {};
  for (const kind of VERSIONED_KINDS) {
    const apiVersion = await apis.apiVersionOf(kind, options);
    if (apiVersion !== undefined) versions[kind] = apiVersion;
  }
  return { versions, minor: await apis.minor(options) };
}

/** Whether the cluster is of a minor version, or of a later one. */
export function isSince({ minor }: ClusterApis, since: number): boolean {
  return minor === undefined || minor >= since;
}

/** The fields that are there. What is not asked for is left out, so that an apply owns only what is. */
export function given(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * Undefined for what the API server does not store: an empty text, list or map, false and 0 of fields that have no other zero. To
 * apply them again and again would count as a change on older servers.
 */
export function nonEmpty<T>(value: T | undefined): T | undefined {
  if (value === undefined || value === '' || value === false || value === 0) return undefined;
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return undefined;
  return value;
}
