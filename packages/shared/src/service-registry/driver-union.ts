import type { DriverDescription } from '../schemas/driver.ts';

/**
 * What the conductors of a site offer together, whoever of them is asked first: a driver that any of them has, with what all that have it
 * can do, as a command for it may come to any of these. A driver is as preferred as in the best of the lists, and equal ones are in the
 * order of their names; so the first depends on nothing but how the conductors are configured.
 * @param lists the drivers of each conductor, in the order of its preference
 */
export function unionOfDrivers(lists: readonly (readonly DriverDescription[])[]): DriverDescription[] {
  const found = new Map<string, DriverDescription & { place: number }>();
  for (const list of lists) {
    for (const [index, { name, capabilities }] of list.entries()) {
      const before = found.get(name) ?? { place: index, capabilities };
      found.set(name, {
        name,
        capabilities: before.capabilities.filter((one) => capabilities.includes(one)),
        place: Math.min(before.place, index),
      });
    }
  }
  return [...found.values()]
    .sort((a, b) => a.place - b.place || (a.name < b.name ? -1 : 1))
    .map(({ name, capabilities }) => ({ name, capabilities }));
}
