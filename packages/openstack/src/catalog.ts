import { EndpointNotFoundError } from './errors.ts';

/** One service in a token's catalog (Identity API v3). */
export interface CatalogEntry {
  type: string;
  name: string;
  endpoints: { interface: string; region_id?: string | null; region?: string | null; url: string }[];
}

/** Which endpoint of a service is wanted. */
export interface EndpointFilter {
  /** `public`, `internal` or `admin`. */
  interface?: string;
  /** Region id; any region when not given. */
  region?: string;
}

/** Names under which clouds register the same service (the service types authority's aliases), the official one first. */
const ALIASES: readonly (readonly string[])[] = [
  ['orchestration', 'heat'],
  ['compute', 'nova'],
  ['image', 'glance'],
  ['network', 'neutron'],
  ['block-storage', 'volumev3', 'block-store', 'volume'],
  ['container-infrastructure-management', 'container-infra', 'container-infrastructure'],
  ['load-balancer', 'octavia'],
  ['shared-file-system', 'sharev2', 'share'],
  ['key-manager', 'barbican'],
  ['identity', 'keystone'],
];

/** All names of a service type, the given one first. */
export function serviceTypeNames(serviceType: string): string[] {
  const group = ALIASES.find((names) => names.includes(serviceType)) ?? [];
  return [serviceType, ...group.filter((name) => name !== serviceType)];
}

/**
 * URL of a service in a catalog, without a slash at the end.
 * @throws EndpointNotFoundError when no entry fits.
 */
export function findEndpoint(
  catalog: readonly CatalogEntry[],
  serviceType: string,
  filter: EndpointFilter = {},
): string {
  const wanted = filter.interface ?? 'public';
  for (const type of serviceTypeNames(serviceType)) {
    for (const entry of catalog) {
      if (entry.type !== type) continue;
      const endpoint = entry.endpoints.find(
        (candidate) =>
          candidate.interface === wanted &&
          (filter.region === undefined || (candidate.region_id ?? candidate.region) === filter.region),
      );
      if (endpoint !== undefined) return endpoint.url.replace(/\/+$/, '');
    }
  }
  throw new EndpointNotFoundError(serviceType, wanted, filter.region);
}
