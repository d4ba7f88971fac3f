import assert from 'node:assert/strict';
import type { Capability, DriverDescription } from '@cetus/shared/schemas';
import { unionOfDrivers } from '../../src/service-registry/driver-union.ts';

const driver = (name: string, ...capabilities: Capability[]): DriverDescription => ({ name, capabilities });

describe('the drivers of several conductors', () => {
  const names = (...lists: string[][]): string[] =>
    unionOfDrivers(lists.map((list) => list.map((name) => driver(name)))).map(({ name }) => name);

  it('are those of any, in the order that each would have', () => {
    assert.deepEqual(names(), []);
    assert.deepEqual(names(['magnum', 'heat', 'import']), ['magnum', 'heat', 'import']);
    assert.deepEqual(names(['magnum', 'heat'], ['magnum', 'import']), ['magnum', 'heat', 'import']);
  });

  it('are in one order, whoever comes first', () => {
    const lists = [['heat', 'import'], ['magnum', 'heat'], ['import']];
    for (const turned of [lists, [...lists].reverse()])
      assert.deepEqual(names(...turned), ['heat', 'import', 'magnum']);
  });

  it('can do what all that have them can', () => {
    const older = [driver('heat', 'create', 'resize')];
    const newer = [driver('heat', 'create', 'resize', 'upgrade'), driver('import', 'import')];
    for (const lists of [
      [older, newer],
      [newer, older],
    ])
      assert.deepEqual(unionOfDrivers(lists), [
        driver('heat', 'create', 'resize'),
        driver('import', 'import'),
      ]);
  });
});
