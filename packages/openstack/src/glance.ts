import { hasStatus } from './errors.ts';
import { looksLikeUuid, onlyOne } from './find-one.ts';
import type { KeystoneSession } from './keystone.ts';

/** An image, with the properties a cluster depends on. */
export interface Image {
  id: string;
  name: string | null;
  /** E.g. `ubuntu`, `fedora-coreos`; absent when nobody set the property. */
  os_distro?: string;
  /** `active` when it can be booted. */
  status: string;
  /** GiB. */
  min_disk: number;
  /** MiB. */
  min_ram: number;
}

/** The Image API v2. */
export class GlanceClient {
  readonly #session: KeystoneSession;

  constructor(session: KeystoneSession) {
    this.#session = session;
  }

  /**
   * An image by id or name; null when there is none.
   * @throws AmbiguousNameError, OpenStackError, OpenStackUnreachableError
   */
  async findImage(nameOrId: string, signal?: AbortSignal): Promise<Image | null> {
    if (looksLikeUuid(nameOrId)) {
      try {
        return pick((await this.#get(`/images/${nameOrId}`, signal)) as Image);
      } catch (error) {
        if (!hasStatus(error, 404)) throw error;
      }
    }
    const { images } = (await this.#get(
      `/images?${new URLSearchParams({ name: nameOrId }).toString()}`,
      signal,
    )) as {
      images: Image[];
    };
    const image = onlyOne('image', 'image', nameOrId, images);
    return image === null ? null : pick(image);
  }

  async #get(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    // Catalogs give the endpoint with or without its version.
    const prefix = /\/v2$/.test(await this.#session.endpoint('image', {}, signal)) ? '' : '/v2';
    return (await this.#session.request('image', 'GET', prefix + path, { signal })).body;
  }
}

function pick(image: Image): Image {
  const { id, name, os_distro, status, min_disk, min_ram } = image;
  return { id, name, status, min_disk, min_ram, ...(os_distro === undefined ? {} : { os_distro }) };
}
