import { looksLikeUuid, onlyOne } from './find-one.ts';
import type { KeystoneSession } from './keystone.ts';

/** A network. */
export interface Network {
  id: string;
  name: string;
  /** True when floating IPs come from it. */
  external: boolean;
  /** Ids of its subnets. */
  subnets: string[];
}

/** A subnet. */
export interface Subnet {
  id: string;
  name: string;
  network_id: string;
  cidr: string;
}

interface RawNetwork {
  id: string;
  name: string;
  subnets: string[];
  'router:external'?: boolean;
}

/** The Network API v2.0. */
export class NeutronClient {
  readonly #session: KeystoneSession;

  constructor(session: KeystoneSession) {
    this.#session = session;
  }

  /**
   * A network by id or name; null when there is none.
   * @throws AmbiguousNameError, OpenStackError, OpenStackUnreachableError
   */
  async findNetwork(nameOrId: string, signal?: AbortSignal): Promise<Network | null> {
    const raw = await this.#find<RawNetwork>('networks', 'network', nameOrId, signal);
    if (raw === null) return null;
    return { id: raw.id, name: raw.name, external: raw['router:external'] === true, subnets: raw.subnets };
  }

  /**
   * A subnet by id or name; null when there is none.
   * @throws AmbiguousNameError, OpenStackError, OpenStackUnreachableError
   */
  async findSubnet(nameOrId: string, signal?: AbortSignal): Promise<Subnet | null> {
    const raw = await this.#find<Subnet>('subnets', 'subnet', nameOrId, signal);
    return raw === null ? null : { id: raw.id, name: raw.name, network_id: raw.network_id, cidr: raw.cidr };
  }

  async #find<T extends { id: string; name: string }>(
    collection: string,
    kind: string,
    nameOrId: string,
    signal: AbortSignal | undefined,
  ): Promise<T | null> {
    const prefix = /\/v2\.0$/.test(await this.#session.endpoint('network', {}, signal)) ? '' : '/v2.0';
    const list = async (query: Record<string, string>): Promise<T[]> => {
      const answer = await this.#session.request('network', 'GET', `${prefix}/${collection}`, {
        query,
        signal,
      });
      return (answer.body as Record<string, T[]>)[collection] ?? [];
    };
    if (looksLikeUuid(nameOrId)) {
      const byId = (await list({ id: nameOrId })).find((row) => row.id === nameOrId);
      if (byId !== undefined) return byId;
    }
    return onlyOne('network', kind, nameOrId, await list({ name: nameOrId }));
  }
}
