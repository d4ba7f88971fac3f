import { CetusError } from '@cetus/shared/errors';
import type { ClusterDriver } from './cluster-driver.ts';

/** The drivers that this site offers, by name. */
export class DriverRegistry {
  private readonly drivers: ReadonlyMap<string, ClusterDriver>;

  constructor(drivers: readonly ClusterDriver[]) {
    this.drivers = new Map(drivers.map((driver) => [driver.name, driver]));
  }

  /** @throws CetusError `unsupported` */
  get(name: string): ClusterDriver {
    const driver = this.drivers.get(name);
    if (driver === undefined)
      throw new CetusError('unsupported', `This site has no driver ${name}`, { field: 'driver' });
    return driver;
  }
}
