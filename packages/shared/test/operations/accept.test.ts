import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import { acceptOperation, deleteAtOnce, updateAtOnce } from '@cetus/shared/operations';
import {
  LEGAL_REQUESTS,
  OBJECT_STATES,
  stateOf,
  type ObjectState,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER, CLUSTER_TEMPLATE } from '@cetus/shared/store';
import { cluster, requester, template } from '../store/builders.ts';

const REQUESTS = ['update', 'delete', 'retry', 'rollback'] as const;
const NOW = new Date('2026-01-01T00:00:00Z');

/** A cluster in a state, as the states before have left it. */
function inState(state: ObjectState): StoredCluster {
  const [action = '', ...rest] = state.toLowerCase().split('_');
  const phase = rest.join('_').toUpperCase() as 'IN_PROGRESS' | 'COMPLETE' | 'FAILED';
  const made = cluster({ now: NOW });
  const operation = {
    ...(made.operation as NonNullable<StoredCluster['operation']>),
    action: action as 'create',
    state: phase,
  };
  // While an operation goes on, the status tells of what ended before it.
  const before: ObjectState = action === 'create' ? 'CREATE_IN_PROGRESS' : 'CREATE_COMPLETE';
  return {
    ...made,
    operation,
    status: { ...made.status, state: phase === 'IN_PROGRESS' ? before : state },
    attempts: 3,
  };
}

const accept = (object: StoredCluster, requested: (typeof REQUESTS)[number], now = NOW): StoredCluster =>
  acceptOperation(object, {
    kind: CLUSTER,
    caller: { ...requester('p1'), requestId: 'req-2', traceparent: '00-a-b-01' },
    requested,
    deadlineMs: 60_000,
    now,
  });

describe('acceptOperation', () => {
  for (const state of OBJECT_STATES) {
    for (const requested of REQUESTS) {
      const legal = LEGAL_REQUESTS[state].includes(requested);
      it(`${legal ? 'accepts' : 'refuses'} ${requested} when the object is ${state}`, () => {
        const object = inState(state);
        assert.equal(stateOf(object), state, 'the test has the state that it means');
        if (!legal) {
          const code = state.endsWith('IN_PROGRESS') ? 'operation_in_progress' : 'conflict';
          assert.throws(
            () => accept(object, requested),
            (error: unknown) => error instanceof CetusError && error.code === code,
          );
          return;
        }
        const next = accept(object, requested);
        if (state === 'DELETE_IN_PROGRESS') {
          assert.equal(next, object, 'a delete that goes on is answered again');
          return;
        }
        const action = requested === 'retry' ? state.split('_')[0]?.toLowerCase() : requested;
        assert.equal(stateOf(next), `${String(action).toUpperCase()}_IN_PROGRESS`, 'shows at once');
        const { operation } = next;
        assert.deepEqual(
          [operation?.action, operation?.requested, operation?.generation],
          [action, requested, 2],
        );
        assert.deepEqual([operation?.request_id, operation?.traceparent], ['req-2', '00-a-b-01']);
        assert.equal(
          (operation?.deadline_at.getTime() ?? 0) - (operation?.accepted_at.getTime() ?? 0),
          60_000,
        );
        assert.deepEqual([next.generation, next.attempts, next.status], [2, 0, object.status]);
        assert.ok(
          (next.next_attempt_at?.getTime() ?? 0) > NOW.getTime(),
          'the sweep finds it should the command be lost',
        );
        assert.ok(next.updated_at > object.updated_at, 'time goes on, whatever the clock says');
        const events = next.pending_events.slice(object.pending_events.length).map(({ event }) => event);
        const cancelled = state.endsWith('_IN_PROGRESS');
        assert.deepEqual(
          events.map(({ type }) => type),
          [
            ...(cancelled ? [`cetus.cluster.${state.split('_')[0]?.toLowerCase() ?? ''}.cancelled`] : []),
            `cetus.cluster.${String(action)}.start`,
          ],
        );
        assert.deepEqual(
          events.map(({ sequence }) => Number(sequence)),
          events.map((_, i) => object.sequence + 1 + i),
        );
        assert.equal(next.sequence, object.sequence + events.length);
        const start = events.at(-1);
        assert.deepEqual(
          [start?.data.state, start?.data.previous_state, start?.data.generation],
          [stateOf(next), state, 2],
        );
      });
    }
  }

  it('tells of a creation that a delete took the place of, before the delete, without a gap', () => {
    const created = cluster({ now: NOW });
    const deleted = accept(created, 'delete');
    const events = deleted.pending_events;
    assert.deepEqual(
      events.map(({ event }) => [event.type, event.sequence, event.id]),
      [
        ['cetus.cluster.create.start', '1', `${created._id}/1`],
        ['cetus.cluster.create.cancelled', '2', `${created._id}/2`],
        ['cetus.cluster.delete.start', '3', `${created._id}/3`],
      ],
    );
    const [, cancelled, started] = events;
    assert.deepEqual(
      [cancelled?.operation?.uuid, cancelled?.operation?.state],
      [created.operation?.uuid, 'CANCELLED'],
    );
    assert.equal(cancelled?.event.data.error?.code, 'operation_superseded');
    assert.deepEqual(
      [started?.operation?.uuid, started?.operation?.state],
      [deleted.operation?.uuid, 'IN_PROGRESS'],
    );
    assert.notEqual(deleted.operation?.uuid, created.operation?.uuid);
  });

  it('tells of the parts that an operation changes, in the sequence of their object', () => {
    const part = { kind: 'nodegroup', uuid: 'g1', name: 'pool', action: 'create' as const };
    const request = { kind: CLUSTER, caller: requester('p1'), deadlineMs: 60_000, now: NOW };
    const object = inState('CREATE_COMPLETE');
    const next = acceptOperation(object, { ...request, requested: 'node-group-create', parts: [part] });
    assert.deepEqual([next.operation?.action, next.operation?.parts], ['update', [part]]);
    const deleted = acceptOperation(next, { ...request, requested: 'delete' });
    const events = deleted.pending_events.slice(object.pending_events.length).map(({ event }) => event);
    assert.deepEqual(
      events.map(({ type, subject, sequence }) => [type, subject, Number(sequence) - object.sequence]),
      [
        ['cetus.cluster.update.start', object._id, 1],
        ['cetus.nodegroup.create.start', object._id, 2],
        ['cetus.cluster.update.cancelled', object._id, 3],
        ['cetus.nodegroup.create.cancelled', object._id, 4],
        ['cetus.cluster.delete.start', object._id, 5],
      ],
    );
    const data = events[1]?.data;
    assert.deepEqual(
      [data?.kind, data?.uuid, data?.name, data?.state, data?.part_of],
      ['nodegroup', 'g1', 'pool', 'CREATE_IN_PROGRESS', { kind: 'cluster', uuid: object._id }],
    );
  });

  it('begins an object with its parts', () => {
    const part = { kind: 'nodegroup', uuid: 'g1', name: 'default-worker', action: 'create' as const };
    const made = cluster({ parts: [part], now: NOW });
    assert.deepEqual(
      made.pending_events.map(({ event }) => [event.type, event.sequence]),
      [
        ['cetus.cluster.create.start', '1'],
        ['cetus.nodegroup.create.start', '2'],
      ],
    );
    assert.equal(made.sequence, 2);
  });

  it('repeats what failed with the parts that it had', () => {
    const parts = [{ kind: 'nodegroup', uuid: 'g1', name: 'pool', action: 'delete' as const }];
    const failed = inState('UPDATE_FAILED');
    const object = {
      ...failed,
      operation: { ...(failed.operation as NonNullable<typeof failed.operation>), parts },
    };
    assert.deepEqual(accept(object, 'retry').operation?.parts, parts);
    const drifted = { ...object, operation: { ...object.operation, state: 'COMPLETE' as const } };
    assert.equal(accept(drifted, 'retry').operation?.parts, undefined, 'nothing of what had ended well');
  });

  it('repeats what failed as it was asked for: undone when it fails again, or forced', () => {
    const flags = { rollback_on_failure: true, force: true };
    for (const state of ['UPDATE_FAILED', 'DELETE_FAILED'] as const) {
      const failed = inState(state);
      const operation = { ...(failed.operation as NonNullable<typeof failed.operation>), ...flags };
      const { operation: again } = accept({ ...failed, operation }, 'retry');
      assert.deepEqual(
        [again?.requested, again?.rollback_on_failure, again?.force],
        ['retry', true, true],
        state,
      );
      const drifted = { ...failed, operation: { ...operation, state: 'COMPLETE' as const } };
      assert.equal(accept(drifted, 'retry').operation?.rollback_on_failure, undefined);
    }
    const failed = inState('UPDATE_FAILED');
    const operation = { ...(failed.operation as NonNullable<typeof failed.operation>), ...flags };
    const other = accept({ ...failed, operation }, 'update').operation;
    assert.deepEqual([other?.rollback_on_failure, other?.force], [undefined, undefined], 'another request');
  });

  it('takes other credentials wherever it takes an update, and when what is to be taken in was not', () => {
    for (const state of OBJECT_STATES) {
      const legal = LEGAL_REQUESTS[state].includes('update') || state === 'CREATE_FAILED';
      const request = {
        kind: CLUSTER,
        caller: requester('p1'),
        requested: 'credentials',
        deadlineMs: 1,
      } as const;
      if (legal) {
        const { operation } = acceptOperation(inState(state), request);
        assert.deepEqual([operation?.action, operation?.requested], ['update', 'credentials'], state);
      } else assert.throws(() => acceptOperation(inState(state), request), CetusError, state);
    }
  });

  it('makes a delete that goes on a forced one, once', () => {
    const object = inState('DELETE_IN_PROGRESS');
    const request = {
      kind: CLUSTER,
      caller: requester('p1'),
      deadlineMs: 60_000,
      requested: 'delete' as const,
    };
    const forced = acceptOperation(object, { ...request, force: true });
    assert.equal(forced.operation?.force, true);
    assert.notEqual(forced.operation.uuid, object.operation?.uuid);
    assert.equal(acceptOperation(forced, { ...request, force: true }), forced);
    assert.equal(acceptOperation(forced, request), forced);
  });

  it('leaves the object that it is given as it is', () => {
    const object = inState('CREATE_COMPLETE');
    const copy = structuredClone(object);
    accept(object, 'update');
    assert.deepEqual(object, copy);
  });

  it('takes a new specification, and keeps the old one when there is none', () => {
    const object = inState('CREATE_COMPLETE');
    assert.equal(accept(object, 'update').spec, object.spec);
    const spec = { ...object.spec, node_count: 7 };
    assert.equal(
      acceptOperation(object, {
        kind: CLUSTER,
        caller: requester(),
        requested: 'update',
        spec,
        deadlineMs: 1,
      }).spec,
      spec,
    );
  });
});

describe('newObject', () => {
  it('is accepted in one document: specification, operation, first notification', () => {
    const made = cluster({ project: 'p7', now: NOW });
    assert.equal(stateOf(made), 'CREATE_IN_PROGRESS');
    assert.deepEqual(
      [made.generation, made.revision, made.sequence, made.status.observed_generation],
      [1, 1, 1, 0],
    );
    assert.deepEqual(
      made.pending_events.map(({ event }) => [event.type, event.sequence, event.projectid]),
      [['cetus.cluster.create.start', '1', 'p7']],
    );
    assert.equal(made.operation?.deadline_at.getTime(), NOW.getTime() + 60_000);
  });

  it('is complete at once when there is nothing to do', () => {
    const made = template();
    assert.deepEqual(
      [stateOf(made), made.operation, made.next_attempt_at, made.status.observed_generation],
      ['CREATE_COMPLETE', null, null, 1],
    );
    assert.deepEqual(
      made.pending_events.map(({ event }) => event.type),
      ['cetus.clustertemplate.create.end'],
    );
  });

  it('has an id of its own', () => {
    assert.notEqual(template()._id, template()._id);
  });
});

describe('changes at once', () => {
  it('update and delete an object in one write each, with a notification', () => {
    const made = template();
    const caller = { ...requester(), userId: 'other' };
    const updated = updateAtOnce(made, { kind: CLUSTER_TEMPLATE, caller, name: 'new', spec: made.spec });
    assert.deepEqual(
      [updated.name, updated.generation, updated.status.observed_generation, updated.status.state],
      ['new', 2, 2, 'UPDATE_COMPLETE'],
    );
    const deleted = deleteAtOnce(updated, { kind: CLUSTER_TEMPLATE, caller });
    assert.ok(deleted.deleted_at !== null && deleted.deleted_at > updated.updated_at);
    assert.deepEqual(
      deleted.pending_events.map(({ event }) => [
        event.type,
        event.sequence,
        event.data.previous_state,
        event.data.user_id,
      ]),
      [
        ['cetus.clustertemplate.create.end', '1', null, 'user-of-p1'],
        ['cetus.clustertemplate.update.end', '2', 'CREATE_COMPLETE', 'other'],
        ['cetus.clustertemplate.delete.end', '3', 'UPDATE_COMPLETE', 'other'],
      ],
    );
  });
});
