import assert from 'node:assert/strict';
import { warningsOf } from '../src/warnings.ts';

describe('warnings of an API server', () => {
  it('are read from one header or from several', () => {
    assert.deepEqual(warningsOf({}), []);
    assert.deepEqual(warningsOf({ warning: '299 - "old"' }), ['old']);
    assert.deepEqual(warningsOf({ warning: '299 - "says \\"no\\", \\\\ later", 299 - "two"' }), [
      'says "no", \\ later',
      'two',
    ]);
    const several = { warning: ['299 - "one"', '299 - "two"'] } as unknown as { warning: string };
    assert.deepEqual(warningsOf(several), ['one', 'two']);
    assert.deepEqual(warningsOf({ warning: 'nonsense' }), []);
  });
});
