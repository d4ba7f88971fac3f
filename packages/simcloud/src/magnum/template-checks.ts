import { FLAVORS, hasKeypair, IMAGES, NETWORKS } from '../small-services.ts';
import { badRequest, MagnumError } from './errors.ts';
import { isUuid } from './fields.ts';
import type { TemplateFields } from './records.ts';

/** What serves which operating system: the one driver that there is. */
const SUPPORTED = { server_type: 'vm', distro: 'fedora-coreos', coe: 'kubernetes' };
const NETWORK_DRIVERS: Record<string, string[]> = {
  kubernetes: ['flannel', 'calico'],
  swarm: ['docker', 'flannel'],
  'swarm-mode': ['docker', 'flannel'],
};
const VOLUME_DRIVERS: Record<string, string> = {
  kubernetes: 'cinder',
  swarm: 'rexray',
  'swarm-mode': 'rexray',
};

/** The driver for container networks that is taken when none is named. @throws MagnumError 400 */
export function networkDriverOf(coe: string | undefined, driver: string | null): string {
  const drivers = NETWORK_DRIVERS[coe ?? ''];
  if (drivers === undefined) throw badRequest(`Requested COE type ${coe ?? 'Unset'} is not supported.`);
  const wanted = driver ?? drivers[0] ?? '';
  if (drivers.includes(wanted)) return wanted;
  const expected = [...drivers, 'unspecified'].join('/');
  throw badRequest(`Network driver type ${wanted} is not supported, expecting a ${expected} network driver.`);
}

/** @throws MagnumError 400 */
export function checkVolumes(template: TemplateFields, volumeSize = template.docker_volume_size): void {
  const { coe, volume_driver: driver, docker_storage_driver: storage } = template;
  const supported = VOLUME_DRIVERS[coe] ?? '';
  if (driver !== null && driver !== supported) {
    throw badRequest(
      `Volume driver type ${driver} is not supported, expecting a ${supported}/unspecified volume driver.`,
    );
  }
  if (storage === 'devicemapper' && (volumeSize ?? 0) < 3) {
    const size = volumeSize === null ? 'None' : String(volumeSize);
    throw badRequest(
      `docker volume size ${size} GB is not valid, expecting minimum value 3GB for ${storage} storage driver.`,
    );
  }
}

/** @throws MagnumError 400 when no driver serves the operating system of the template or, if it names none, its image. */
export function checkDriver(
  template: Pick<TemplateFields, 'server_type' | 'coe' | 'cluster_distro' | 'image_id'>,
): void {
  const image = imageOf(template.image_id);
  const distro = template.cluster_distro ?? (image === undefined ? 'Unset' : (image.os_distro ?? 'None'));
  const { server_type: type, coe } = template;
  if (type === SUPPORTED.server_type && distro === SUPPORTED.distro && coe === SUPPORTED.coe) return;
  throw badRequest(`Cluster type (${type}, ${distro}, ${coe}) not supported.`);
}

/** @throws MagnumError 400 for an image, flavor or network that is not there. @returns the image's operating system. */
export function checkResources(
  wanted: Pick<TemplateFields, 'image_id' | 'flavor_id' | 'master_flavor_id' | 'external_network_id'>,
): string {
  const image = imageOf(wanted.image_id);
  if (image === undefined) throw badRequest(`Image ${wanted.image_id} could not be found.`);
  if (image.os_distro === undefined)
    throw badRequest(`Image ${wanted.image_id} doesn't contain os_distro field.`);
  for (const flavor of [wanted.flavor_id, wanted.master_flavor_id]) {
    if (flavor !== null && !FLAVORS.some(({ id, name }) => id === flavor || name === flavor)) {
      throw badRequest(`Unable to find flavor ${flavor}.`);
    }
  }
  const network = wanted.external_network_id;
  const isThere = NETWORKS.some(
    (one) => one['router:external'] && (one.id === network || one.name === network),
  );
  if (network !== null && !isThere) throw badRequest(`Unable to find external network ${network}.`);
  return image.os_distro;
}

/** @throws MagnumError 404 */
export function checkKeypair(keypair: string | null): void {
  if (keypair !== null && !hasKeypair(keypair))
    throw new MagnumError(404, `Unable to find keypair ${keypair}.`);
}

function imageOf(ident: string): { os_distro?: string } | undefined {
  return IMAGES.find((image) => (isUuid(ident) ? image.id : image.name) === ident);
}
