import assert from 'node:assert/strict';
import { needsReplacement } from '../../src/heat/resource-types.ts';

describe('a server whose user data changes', () => {
  const server = (user_data: string, policy?: string): Record<string, unknown> => ({
    user_data,
    ...(policy === undefined ? {} : { user_data_update_policy: policy }),
  });

  it('is replaced unless it is told to be left, or rebuilt', () => {
    const replaced = (policy?: string) =>
      needsReplacement('OS::Nova::Server', server('a', policy), server('b', policy));
    assert.deepEqual([undefined, 'REPLACE', 'IGNORE', 'REBUILD'].map(replaced), [true, true, false, false]);
  });

  it('is replaced for anything else that Nova cannot change, whatever it is told of user data', () => {
    const before = { ...server('a', 'IGNORE'), availability_zone: 'one' };
    assert.equal(needsReplacement('OS::Nova::Server', before, { ...before, availability_zone: 'two' }), true);
  });
});
