import { hasStatus } from './errors.ts';
import { onlyOne } from './find-one.ts';
import type { KeystoneSession } from './keystone.ts';

/** A machine size. */
export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  /** MiB. */
  ram: number;
  /** GiB. */
  disk: number;
}

/** An SSH key known to Nova. */
export interface Keypair {
  name: string;
  public_key: string;
}

/** The Compute API v2.1. */
export class NovaClient {
  readonly #session: KeystoneSession;

  constructor(session: KeystoneSession) {
    this.#session = session;
  }

  /**
   * A flavor by id or name; null when there is none.
   * @throws AmbiguousNameError, OpenStackError, OpenStackUnreachableError
   */
  async findFlavor(nameOrId: string, signal?: AbortSignal): Promise<Flavor | null> {
    try {
      const answer = await this.#session.request(
        'compute',
        'GET',
        `/flavors/${encodeURIComponent(nameOrId)}`,
        { signal },
      );
      return pick((answer.body as { flavor: Flavor }).flavor);
    } catch (error) {
      // Ids are words of the operator's choice; one that Nova's routes cannot take is answered 400.
      if (!hasStatus(error, 404) && !hasStatus(error, 400)) throw error;
    }
    const found: Flavor[] = [];
    let marker: string | undefined;
    do {
      const answer = await this.#session.request('compute', 'GET', '/flavors/detail', {
        query: { marker },
        signal,
      });
      const page = answer.body as { flavors: Flavor[]; flavors_links?: unknown[] };
      found.push(...page.flavors.filter((flavor) => flavor.name === nameOrId));
      marker = page.flavors_links === undefined ? undefined : page.flavors.at(-1)?.id;
    } while (marker !== undefined);
    const flavor = onlyOne('compute', 'flavor', nameOrId, found);
    return flavor === null ? null : pick(flavor);
  }

  /**
   * A key pair by name; null when there is none.
   * @param options.userId another user's key, which only an administrator may see (microversion 2.10).
   */
  async getKeypair(
    name: string,
    options: { userId?: string; signal?: AbortSignal } = {},
  ): Promise<Keypair | null> {
    try {
      const answer = await this.#session.request(
        'compute',
        'GET',
        `/os-keypairs/${encodeURIComponent(name)}`,
        {
          query: { user_id: options.userId },
          headers: { 'openstack-api-version': 'compute 2.10', 'x-openstack-nova-api-version': '2.10' },
          signal: options.signal,
        },
      );
      const { keypair } = answer.body as { keypair: Keypair };
      return { name: keypair.name, public_key: keypair.public_key };
    } catch (error) {
      if (hasStatus(error, 404)) return null;
      throw error;
    }
  }

  /** Gives the session's own user a key pair, unless there is one of that name. */
  async ensureKeypair({ name, public_key }: Keypair, signal?: AbortSignal): Promise<void> {
    try {
      await this.#session.request('compute', 'POST', '/os-keypairs', {
        json: { keypair: { name, public_key } },
        idempotent: true,
        signal,
      });
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
    }
  }
}

function pick({ id, name, vcpus, ram, disk }: Flavor): Flavor {
  return { id, name, vcpus, ram, disk };
}
