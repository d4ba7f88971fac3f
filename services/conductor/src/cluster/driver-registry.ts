import { CetusError } from '@cetus/shared/errors';
import type { DriverDescription } from '@cetus/shared/schemas';
import type { ClusterDriver } from './cluster-driver.ts';

/** How to make each driver that there is, by name. */
export type DriverMakers = Readonly<Record<string, () => ClusterDriver>>;

/** The drivers of this conductor, by name. */
export class DriverRegistry {
  private readonly drivers: ReadonlyMap<string, ClusterDriver>;

  constructor(drivers: readonly ClusterDriver[]) {
    this.drivers = new Map(drivers.map((driver) => [driver.description.name, driver]));
  }

  /**
   * Makes the drivers that a site asks for.
   * @param names with commas between, in the order of the site's preference
   * @throws Error for a name that there is no driver of
   */
  static offer(names: string, makers: DriverMakers): DriverRegistry {
    const drivers = names.split(',').map((name) => {
      const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
      if (make === undefined)
        throw new Error(`CETUS_CLUSTER_DRIVERS: ${name} is not one of ${Object.keys(makers).join(', ')}`);
      return make();
    });
    return new DriverRegistry(drivers);
  }

  has(name: string): boolean {
    return this.drivers.has(name);
  }

  /** The drivers that others of these have and this one has not. */
  lacks(others: readonly DriverDescription[]): string[] {
    return others.map(({ name }) => name).filter((name) => !this.has(name));
  }

  /** @throws CetusError `unsupported` */
  get(name: string): ClusterDriver {
    const driver = this.drivers.get(name);
    if (driver === undefined)
      throw new CetusError('unsupported', `This conductor has no driver ${name}`, { field: 'driver' });
    return driver;
  }

  /** What the drivers can do, in the order of the site's preference. */
  describe(): DriverDescription[] {
    return [...this.drivers.values()].map(({ description }) => description);
  }
}
