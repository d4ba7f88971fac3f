import { CetusError } from '@cetus/shared/errors';
import type { Capability, DriverDescription } from '@cetus/shared/schemas';
import type { ServiceRegistry } from '@cetus/shared/service-registry';

/** What a driver lacks, for people. */
const WHAT: Readonly<Record<Capability, string>> = {
  create: 'make clusters',
  import: 'take clusters in',
  resize: 'change the number of nodes',
  'nodes-to-remove': 'let a request choose the nodes that go',
  'node-groups': 'have node groups besides the default ones',
  'node-labels': 'give labels and taints to nodes',
  upgrade: 'upgrade clusters',
  rollback: 'roll changes back',
  'show-ca': 'show certificate authorities',
  'sign-certificates': 'sign certificates',
  'rotate-ca': 'make a certificate authority anew',
};

/** The drivers of the site, in the order of its preference, as a conductor reported them. */
export class Drivers {
  private readonly known: readonly DriverDescription[];

  constructor(known: readonly DriverDescription[]) {
    this.known = known;
  }

  /** @throws CetusError `drivers_unknown` when no conductor has ever reported */
  static async of(services: Pick<ServiceRegistry, 'drivers'>): Promise<Drivers> {
    const known = await services.drivers();
    if (known.length === 0) {
      throw new CetusError('drivers_unknown', 'No conductor has reported yet; try again when one runs', {
        retryAfterMs: 5_000,
      });
    }
    return new Drivers(known);
  }

  /**
   * The driver that a template names, or the first that makes clusters.
   * @throws CetusError `unsupported` when there is none
   */
  forTemplate(requested: string | null | undefined): string {
    if (requested == null) return this.first('create');
    if (!this.known.some(({ name }) => name === requested)) {
      throw new CetusError('invalid_field', `driver must be one of ${this.names()}`, { field: 'driver' });
    }
    return requested;
  }

  /** @throws CetusError `unsupported` when no driver can do it */
  first(capability: Capability): string {
    const found = this.known.find(({ capabilities }) => capabilities.includes(capability));
    if (found === undefined)
      throw new CetusError('unsupported', `No driver of this site (${this.names()}) can ${WHAT[capability]}`);
    return found.name;
  }

  /**
   * @param field the field of the request that needs it, if it is not the request itself
   * @throws CetusError `unsupported`, naming the driver and what it cannot do
   */
  require(name: string, capability: Capability, field?: string): void {
    const driver = this.known.find((one) => one.name === name);
    if (driver?.capabilities.includes(capability) === true) return;
    const detail =
      driver === undefined
        ? `This site has no driver ${name} any more, which made the cluster`
        : `The driver ${name} cannot ${WHAT[capability]}`;
    throw new CetusError('unsupported', detail, field === undefined ? {} : { field });
  }

  private names(): string {
    return this.known.map(({ name }) => name).join(', ');
  }
}
