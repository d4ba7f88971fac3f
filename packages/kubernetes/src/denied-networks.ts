import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { CetusError } from '@cetus/shared/errors';

/** Networks that no connection may lead to, whatever a kubeconfig says: the addresses by which a cloud serves its own machines, say. */
export class DeniedNetworks {
  readonly #list = new BlockList();

  /**
   * @param networks in CIDR notation, with commas between them
   * @throws CetusError `invalid_field` for what is no network
   */
  constructor(networks: string) {
    for (const network of networks.split(',').map((one) => one.trim())) {
      if (network === '') continue;
      const [address = '', bits = ''] = network.split('/');
      const family = isIP(address);
      const prefix = Number(bits);
      const valid = family !== 0 && /^\d{1,3}$/.test(bits) && prefix <= (family === 6 ? 128 : 32);
      if (!valid) throw new CetusError('invalid_field', `${network} is not a network in CIDR notation`);
      this.#list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
    }
  }

  includes(address: string): boolean {
    return this.#list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /**
   * Refuses an address that is written out; a name is judged when it is looked up.
   * @throws CetusError `invalid_field` with the field `kubeconfig`
   */
  requireAllowed(host: string): void {
    const address = host.replace(/^\[|\]$/g, '');
    if (isIP(address) !== 0 && this.includes(address)) throw denied(host);
  }

  /** A look-up for sockets that answers only addresses which are allowed; what a name stands for may change any time. */
  readonly lookup = (
    host: string,
    options: LookupOptions,
    callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    dnsLookup(host, { ...options, all: true }, (error, addresses) => {
      const allowed = addresses?.filter(({ address }) => !this.includes(address)) ?? [];
      const [first] = allowed;
      if (error !== null) callback(error, []);
      else if (first === undefined) callback(denied(host), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function denied(host: string): CetusError {
  return new CetusError('invalid_field', `${host} is in a network that this site lets no cluster be in`, {
    field: 'kubeconfig',
  });
}
