import type { ImageProblem } from '../../openstack/references.ts';
import { UnsupportedImageError } from '../errors.ts';
import type { NodeInput } from '../stack-input.ts';

/** How a node is set up: with apt, or with upstream's static binaries on an immutable system. */
export type Distribution = 'debian' | 'fedora-coreos';

const DISTRIBUTIONS: Readonly<Record<string, Distribution>> = {
  ubuntu: 'debian',
  debian: 'debian',
  'fedora-coreos': 'fedora-coreos',
};

/** Values of the image property `os_distro` that nodes can be made from. */
const SUPPORTED_OS_DISTROS: readonly string[] = Object.keys(DISTRIBUTIONS);

/** @throws UnsupportedImageError when the image's `os_distro` is missing or not one of {@link SUPPORTED_OS_DISTROS}. */
export function distributionOf(image: NodeInput['image']): Distribution {
  const label = image.name === undefined ? image.id : `${image.name} (${image.id})`;
  const supported = SUPPORTED_OS_DISTROS.join(', ');
  const osDistro = image.osDistro?.trim().toLowerCase() ?? '';
  if (osDistro === '') {
    throw new UnsupportedImageError(
      'image_os_distro_missing',
      image.id,
      `Image ${label} has no property os_distro; set it to one of ${supported}.`,
    );
  }
  const distribution = Object.hasOwn(DISTRIBUTIONS, osDistro) ? DISTRIBUTIONS[osDistro] : undefined;
  if (distribution === undefined) {
    throw new UnsupportedImageError(
      'image_os_distro_unsupported',
      image.id,
      `Image ${label} has os_distro ${JSON.stringify(image.osDistro)}; supported are ${supported}.`,
    );
  }
  return distribution;
}

/** Whether nodes can be made from an image of the cloud. */
export const imageProblem: ImageProblem = ({ id, name, os_distro: osDistro }) => {
  try {
    distributionOf({ id, name: name ?? undefined, osDistro });
    return null;
  } catch (error) {
    if (!(error instanceof UnsupportedImageError)) throw error;
    return { code: error.code, detail: error.message };
  }
};
