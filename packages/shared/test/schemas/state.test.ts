import assert from 'node:assert/strict';
import {
  ACTIONS,
  failureOf,
  LEGAL_REQUESTS,
  OBJECT_STATES,
  stateFor,
  stateOf,
  stateReasonOf,
} from '@cetus/shared/schemas';
import { cluster } from '../store/builders.ts';

describe('States', () => {
  it('are the actions with how far each is', () => {
    const all = ACTIONS.flatMap((action) =>
      (['IN_PROGRESS', 'COMPLETE', 'FAILED'] as const).map((phase) => stateFor(action, phase)),
    );
    assert.deepEqual([...OBJECT_STATES].sort(), all.sort());
  });

  it('allow delete everywhere but at the end, and retry from every failure', () => {
    for (const state of OBJECT_STATES) {
      const legal = LEGAL_REQUESTS[state];
      assert.equal(legal.includes('delete'), state !== 'DELETE_COMPLETE', state);
      assert.equal(legal.includes('retry'), state.endsWith('_FAILED'), state);
      assert.equal(legal.includes('update'), /^(CREATE|UPDATE)_COMPLETE$|^UPDATE_FAILED$/.test(state), state);
      assert.equal(new Set(legal).size, legal.length);
    }
  });
});

describe('What a reader is told of an object', () => {
  const failure = { code: 'stack_failed', message: 'The stack failed' };
  const made = cluster();
  const status = { ...made.status, state: 'UPDATE_FAILED' as const, state_reason: failure.message, failure };
  const operation = {
    ...(made.operation as NonNullable<typeof made.operation>),
    action: 'delete' as const,
    progress: 'waits',
  };

  it('is what goes on, before what ended last', () => {
    const going = { status, operation };
    assert.deepEqual(
      [stateOf(going), stateReasonOf(going), failureOf(going)],
      ['DELETE_IN_PROGRESS', 'waits', null],
    );
  });

  it('is how it ended, when nothing goes on', () => {
    for (const ended of [null, { ...operation, state: 'FAILED' as const }]) {
      const object = { status, operation: ended };
      assert.deepEqual(
        [stateOf(object), stateReasonOf(object), failureOf(object)],
        ['UPDATE_FAILED', failure.message, failure],
      );
    }
  });
});
