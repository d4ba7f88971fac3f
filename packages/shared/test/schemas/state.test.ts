import assert from 'node:assert/strict';
import {
  ACTIONS,
  failureOf,
  LEGAL_REQUESTS,
  nodeGroupStateOf,
  OBJECT_STATES,
  specOf,
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

  it('allow delete everywhere but at the end, retry from every failure, and rollback of an update', () => {
    for (const state of OBJECT_STATES) {
      const legal = LEGAL_REQUESTS[state];
      assert.equal(legal.includes('delete'), state !== 'DELETE_COMPLETE', state);
      assert.equal(legal.includes('retry'), state.endsWith('_FAILED'), state);
      const updatable = /^(CREATE|UPDATE|ROLLBACK)_COMPLETE$|^(UPDATE|ROLLBACK)_FAILED$/;
      assert.equal(legal.includes('update'), updatable.test(state), state);
      assert.equal(legal.includes('rollback'), /^UPDATE_(IN_PROGRESS|FAILED)$/.test(state), state);
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

describe('What counts as asked for', () => {
  const made = cluster();
  const applied = { ...made.spec, create_timeout: 7 };

  it('is the specification, and after a rollback what was applied before', () => {
    const expected = { CREATE: 1, UPDATE: 1, ROLLBACK: 7, DELETE: 1 };
    for (const [action, minutes] of Object.entries(expected)) {
      const state = `${action}_COMPLETE` as const as 'CREATE_COMPLETE';
      const object = {
        spec: made.spec,
        operation: null,
        status: { ...made.status, state, applied_spec: applied },
      };
      assert.equal(specOf(object).create_timeout, minutes, action);
    }
  });

  it('is the specification when nothing was ever applied', () => {
    const status = { ...made.status, state: 'ROLLBACK_FAILED' as const };
    assert.equal(specOf({ spec: made.spec, operation: null, status }), made.spec);
  });
});

describe('The state of a node group', () => {
  const part = { kind: 'nodegroup', uuid: 'g1', name: 'pool', action: 'create' as const };
  const made = cluster({ parts: [part] });
  const operation = made.operation as NonNullable<typeof made.operation>;
  const group = {
    uuid: 'g1',
    stack_id: null,
    actual_node_count: 1,
    node_addresses: [],
    version: null,
    rollout: null,
    state: 'CREATE_FAILED' as const,
    state_reason: null,
    failure: null,
  };
  const status = { ...made.status, state: 'UPDATE_COMPLETE' as const, node_groups: [group] };

  it('is what goes on with it, else how its last operation ended, else the state of the cluster', () => {
    assert.equal(nodeGroupStateOf({ status, operation }, 'g1'), 'CREATE_IN_PROGRESS');
    assert.equal(nodeGroupStateOf({ status, operation: null }, 'g1'), 'CREATE_FAILED');
    assert.equal(nodeGroupStateOf({ status, operation: null }, 'g2'), 'UPDATE_COMPLETE');
  });
});
