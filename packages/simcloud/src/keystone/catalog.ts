import { stableHexId } from '../ids.ts';

/** A service to list in the catalog beside the cloud's own. */
export interface CatalogExtra {
  type: string;
  name: string;
  /** May hold `%(project_id)s`. */
  url: string;
}

export const REGION = 'RegionOne';

/**
 * The type under which the cloud's own Magnum is always listed. It is `container-infra` too, for as long as no extra
 * takes that name: users of a cloud with Cetus mean Cetus by it, and Cetus itself must not find itself.
 */
export const MAGNUM_TYPE = 'container-infra-backend';

/** The catalog of a token. */
export function makeCatalog(base: string, projectId: string, extras: readonly CatalogExtra[]): unknown[] {
  const magnum = { name: 'magnum', url: `${base}/container-infra/v1` };
  const isTaken = extras.some(({ type }) => type === 'container-infra');
  const services: CatalogExtra[] = [
    { type: 'identity', name: 'keystone', url: `${base}/identity/v3` },
    { type: 'orchestration', name: 'heat', url: `${base}/orchestration/v1/%(project_id)s` },
    { type: 'compute', name: 'nova', url: `${base}/compute/v2.1` },
    { type: 'image', name: 'glance', url: `${base}/image` },
    { type: 'network', name: 'neutron', url: `${base}/network` },
    { ...magnum, type: MAGNUM_TYPE },
    ...(isTaken ? [] : [{ ...magnum, type: 'container-infra' }]),
    ...extras,
  ];
  return services.map(({ type, name, url }) => ({
    endpoints: ['admin', 'internal', 'public'].map((kind) => ({
      id: stableHexId(`endpoint/${type}/${name}/${kind}`),
      interface: kind,
      region_id: REGION,
      url: url.replaceAll('%(project_id)s', projectId),
      region: REGION,
    })),
    id: stableHexId(`service/${type}/${name}`),
    type,
    name,
  }));
}
