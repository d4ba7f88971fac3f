import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { acceptOperation } from '@cetus/shared/operations';
import { settle, type Outcome } from '@cetus/shared/reconcile';
import {
  failureOf,
  LEGAL_REQUESTS,
  stateOf,
  stateReasonOf,
  timeOf,
  type CloudEvent,
  type ObjectState,
  type Operation,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER, type CommitFields } from '@cetus/shared/store';
import { cluster, requester } from '../store/builders.ts';

const FAILURE = { code: 'stack_failed', message: 'The stack failed' };

/** What the store does with the fields of a round. */
function written(
  current: StoredCluster,
  { events, visible = true, ...fields }: CommitFields<StoredCluster>,
): StoredCluster {
  return {
    ...current,
    ...fields,
    sequence: current.sequence + events.length,
    revision: current.revision + (visible ? 1 : 0),
    pending_events: [...current.pending_events, ...events],
  };
}

function run(
  current: StoredCluster,
  outcome: Outcome<StoredCluster>,
  options: { handled?: StoredCluster; now?: Date; begun?: Date; attempts?: number } = {},
): StoredCluster {
  const { handled = current, now = new Date(current.updated_at.getTime() + 1_000), attempts = 0 } = options;
  const { begun = now } = options;
  return written(
    current,
    settle(current, handled, outcome, { kind: CLUSTER, now, begun, resyncMs: 60_000, attempts }),
  );
}

const accept = (
  object: StoredCluster,
  requested: 'update' | 'delete' | 'retry',
  now?: Date,
): StoredCluster => {
  const next = acceptOperation(object, {
    kind: CLUSTER,
    caller: requester(),
    requested,
    deadlineMs: 600_000,
    ...(now === undefined ? {} : { now }),
  });
  return next === object ? object : { ...next, revision: object.revision + 1 };
};

/** What a reader of the API can see. */
function shown(object: StoredCluster): unknown {
  const { last_contact: _contact, driver_state: _driver, ...status } = object.status;
  return {
    state: stateOf(object),
    reason: stateReasonOf(object),
    failure: failureOf(object),
    status,
    operation: object.operation,
  };
}

const types = (object: StoredCluster, from = 1): string[] =>
  object.pending_events.slice(from).map(({ event }) => event.type);

describe('settle', () => {
  it('ends the parts of an operation with it, each in its own way', () => {
    const parts = ['g1', 'g2'].map((uuid) => ({
      kind: 'nodegroup',
      uuid,
      name: uuid,
      action: 'update' as const,
    }));
    const kinds = (object: StoredCluster): unknown[] =>
      object.pending_events
        .slice(3)
        .map(({ event }) => [event.type, event.data.uuid, event.data.state, event.data.error]);
    const all = (ended: NonNullable<Outcome<StoredCluster>['ended']>): unknown[] =>
      kinds(run(cluster({ parts }), { ended })).slice(1);
    const [complete, failed] = ['UPDATE_COMPLETE', 'UPDATE_FAILED'];
    assert.deepEqual(all({ state: 'COMPLETE' }), [
      ['cetus.nodegroup.update.end', 'g1', complete, null],
      ['cetus.nodegroup.update.end', 'g2', complete, null],
    ]);
    assert.deepEqual(all({ state: 'FAILED', failure: FAILURE }), [
      ['cetus.nodegroup.update.error', 'g1', failed, FAILURE],
      ['cetus.nodegroup.update.error', 'g2', failed, FAILURE],
    ]);
    assert.deepEqual(all({ state: 'FAILED', failure: FAILURE, failedParts: { g2: FAILURE } }), [
      ['cetus.nodegroup.update.end', 'g1', complete, null],
      ['cetus.nodegroup.update.error', 'g2', failed, FAILURE],
    ]);
  });

  it('begins a rollback in the write that fails an update which asked for it', () => {
    const updating = acceptOperation(run(cluster(), { ended: { state: 'COMPLETE' } }), {
      kind: CLUSTER,
      caller: requester(),
      requested: 'resize',
      rollbackOnFailure: true,
      deadlineMs: 600_000,
    });
    const failed = run(updating, { ended: { state: 'FAILED', failure: FAILURE } });
    assert.equal(stateOf(failed), 'ROLLBACK_IN_PROGRESS');
    assert.deepEqual(types(failed, -2), ['cetus.cluster.update.error', 'cetus.cluster.rollback.start']);
    assert.notEqual(failed.operation?.uuid, updating.operation?.uuid);
    assert.equal(
      failed.operation?.rollback_on_failure,
      undefined,
      'a rollback that fails is not rolled back',
    );
    assert.equal(failed.generation, updating.generation + 1);
    assert.ok((failed.next_attempt_at?.getTime() ?? Infinity) <= failed.updated_at.getTime(), 'at once');
    const back = run(failed, { ended: { state: 'COMPLETE' } });
    assert.deepEqual([stateOf(back), back.status.failure], ['ROLLBACK_COMPLETE', null]);
    assert.equal(back.status.observed_generation, back.generation);
  });

  it('rolls the parts of an update back with it', () => {
    const updating = acceptOperation(run(cluster(), { ended: { state: 'COMPLETE' } }), {
      kind: CLUSTER,
      caller: requester(),
      requested: 'resize',
      parts: [{ kind: 'nodegroup', uuid: 'g1', name: 'pool', action: 'update' }],
      rollbackOnFailure: true,
      deadlineMs: 600_000,
    });
    const failed = run(updating, { ended: { state: 'FAILED', failure: FAILURE } });
    assert.deepEqual(types(failed, -2), ['cetus.cluster.rollback.start', 'cetus.nodegroup.rollback.start']);
    const back = run(failed, { ended: { state: 'COMPLETE' } });
    assert.deepEqual(types(back, -2), ['cetus.cluster.rollback.end', 'cetus.nodegroup.rollback.end']);
  });

  it('writes what only an operation that ended brings, when it was that operation', () => {
    const made = run(cluster(), { ended: { state: 'COMPLETE' } });
    const updating = accept(made, 'update');
    const ended = { ended: { state: 'COMPLETE' as const, status: { applied_spec: updating.spec } } };
    assert.deepEqual(run(updating, ended).status.applied_spec, updating.spec);
    const overtaken = acceptOperation(updating, {
      kind: CLUSTER,
      caller: requester(),
      requested: 'rollback',
      deadlineMs: 600_000,
    });
    const after = run(overtaken, ended, { handled: updating });
    assert.deepEqual([stateOf(after), after.status.applied_spec], ['ROLLBACK_IN_PROGRESS', null]);
  });

  it('keeps what an operation waits for, and what it left behind', () => {
    const deleting = accept(run(cluster(), { ended: { state: 'COMPLETE' } }), 'delete');
    const blocker = {
      kind: 'Service',
      namespace: 'web',
      name: 'front',
      reason: 'its load balancer is still there',
    };
    const blocked = run(deleting, { blockedBy: [blocker], progress: 'waits' });
    assert.deepEqual(blocked.operation?.blocked_by, [blocker]);
    assert.deepEqual(run(blocked, { progress: 'waits' }).operation?.blocked_by, [blocker], 'as before');
    const ended = run(blocked, { blockedBy: [], leftBehind: [blocker], ended: { state: 'COMPLETE' } });
    assert.deepEqual([ended.operation?.blocked_by, ended.operation?.left_behind], [[], [blocker]]);
  });

  it('ends an operation well', () => {
    const made = cluster();
    const ended = run(made, {
      ended: { state: 'COMPLETE' },
      status: { stack_id: 's1' },
      progress: 'ignored',
    });
    assert.deepEqual(
      [stateOf(ended), ended.status.observed_generation, ended.status.stack_id],
      ['CREATE_COMPLETE', 1, 's1'],
    );
    assert.deepEqual(
      [ended.operation?.state, ended.operation?.progress, ended.operation?.error],
      ['COMPLETE', null, null],
    );
    assert.deepEqual(types(ended), ['cetus.cluster.create.end']);
    assert.deepEqual(ended.operation?.finished_at, ended.updated_at);
    assert.deepEqual([ended.lease, ended.abandoned], [null, 0]);
  });

  it('ends an operation with the failure that the reader is told', () => {
    const failed = run(cluster(), { ended: { state: 'FAILED', failure: FAILURE } });
    assert.deepEqual(
      [stateOf(failed), stateReasonOf(failed), failureOf(failed)],
      ['CREATE_FAILED', FAILURE.message, FAILURE],
    );
    assert.equal(failed.status.observed_generation, 0);
    assert.deepEqual(failed.operation?.error, FAILURE);
    assert.deepEqual(types(failed), ['cetus.cluster.create.error']);
    assert.deepEqual(failed.pending_events.at(-1)?.event.data.error, FAILURE);
    // A later success leaves nothing of it.
    const well = run(accept(failed, 'retry'), { ended: { state: 'COMPLETE' } });
    assert.deepEqual([stateReasonOf(well), failureOf(well), well.operation?.error], [null, null, null]);
  });

  it('removes an object when its delete is complete, and not before', () => {
    const deleting = accept(cluster(), 'delete');
    const failed = run(deleting, { ended: { state: 'FAILED', failure: FAILURE } });
    assert.equal(failed.deleted_at, null);
    const gone = run(accept(failed, 'delete'), { ended: { state: 'COMPLETE' } });
    assert.deepEqual(
      [stateOf(gone), gone.deleted_at, gone.next_attempt_at],
      ['DELETE_COMPLETE', gone.updated_at, null],
    );
  });

  it('leaves an operation alone that was accepted while the round ran, and looks again at once', () => {
    const made = cluster();
    const deleting = accept(made, 'delete');
    const now = new Date(deleting.updated_at.getTime() + 1_000);
    const outcome = {
      ended: { state: 'COMPLETE' as const },
      status: { stack_id: 's1' },
      wakeUpAfterMs: 50_000,
      drifted: { state: 'CREATE_FAILED' as const, failure: null },
    };
    const after = run(deleting, outcome, { handled: made, now, attempts: 4 });
    assert.deepEqual(after.operation, deleting.operation);
    assert.equal(stateOf(after), 'DELETE_IN_PROGRESS');
    assert.equal(after.status.stack_id, 's1', 'what was found is found all the same');
    assert.deepEqual(after.next_attempt_at, now);
    assert.equal(after.attempts, 0, 'failed attempts at something else do not count');
    assert.deepEqual(types(after, deleting.pending_events.length), []);
  });

  it('tells of a state that changed by itself, once, and only when nothing goes on', () => {
    const idle = run(cluster(), { ended: { state: 'COMPLETE' } });
    const drifted = { state: 'UPDATE_FAILED' as const, failure: FAILURE };
    const after = run(idle, { drifted });
    assert.deepEqual([stateOf(after), failureOf(after)], ['UPDATE_FAILED', FAILURE]);
    assert.deepEqual(types(after, 2), ['cetus.cluster.state.changed']);
    assert.equal(after.pending_events.at(-1)?.event.data.previous_state, 'CREATE_COMPLETE');
    assert.deepEqual(types(run(after, { drifted }), 3), []);
    assert.deepEqual(types(run(cluster(), { drifted }), 1), []);
  });

  it('begins the time of an operation with its first round', () => {
    const made = cluster({ deadlineMs: 5_000 });
    const later = (ms: number): Date => new Date(made.created_at.getTime() + ms);
    const first = run(made, { progress: 'waits' }, { begun: later(60_000), now: later(61_000) });
    const times = ({ operation }: StoredCluster): unknown[] => [
      operation?.accepted_at,
      operation?.started_at,
      operation?.deadline_at,
    ];
    assert.deepEqual(times(first), [made.created_at, later(60_000), later(65_000)]);
    const second = run(first, { progress: 'goes on' }, { begun: later(62_000), now: later(63_000) });
    assert.deepEqual(times(second), times(first));
    assert.equal(timeOf(second.operation as Operation), 5_000);
    // Another was accepted meanwhile: its time has not begun.
    const deleting = run(first, {}, { handled: { ...first, operation: null }, now: later(63_000) });
    assert.deepEqual(times(deleting), times(first));
    const ended = run(made, { ended: { state: 'COMPLETE' } }, { begun: later(1_000), now: later(2_000) });
    assert.deepEqual(ended.operation?.started_at, later(1_000));
  });

  it('wakes an object never after its deadline, nor before now', () => {
    const made = run(cluster({ deadlineMs: 5_000 }), { progress: 'has begun' });
    const now = made.operation?.started_at as Date;
    const at = (outcome: Outcome<StoredCluster>, from = now): number =>
      (run(made, outcome, { now: from }).next_attempt_at?.getTime() ?? 0) - from.getTime();
    assert.equal(at({ wakeUpAfterMs: 300 }), 300);
    assert.equal(at({ wakeUpAfterMs: 9_000 }), 5_000);
    assert.equal(at({}), 5_000);
    assert.equal(at({}, new Date(now.getTime() + 7_000)), 0);
    assert.equal(at({ ended: { state: 'COMPLETE' } }), 60_000, 'and then after the resync interval');
  });

  it('changes nothing that a reader sees when only the back end was heard of', () => {
    const idle = run(cluster(), { ended: { state: 'COMPLETE' } });
    const after = run(idle, { status: { last_contact: new Date(), driver_state: { poll: 3 } } });
    assert.deepEqual([after.revision, after.updated_at], [idle.revision, idle.updated_at]);
    assert.deepEqual(after.status.driver_state, { poll: 3 });
    assert.equal(run(idle, { status: { actual_node_count: 3 } }).revision, idle.revision + 1);
  });

  it('keeps its rules over any life of an object', () => {
    const anOutcome = fc.record(
      {
        status: fc.record(
          {
            actual_node_count: fc.integer({ min: 0, max: 2 }),
            last_contact: fc.date({ noInvalidDate: true }),
          },
          { requiredKeys: [] },
        ),
        conditions: fc.array(
          fc.record({
            type: fc.constantFrom('Ready', 'Reachable'),
            status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
            reason: fc.constantFrom('A', 'B'),
            message: fc.constant('m'),
          }),
          { maxLength: 3 },
        ),
        ended: fc.constantFrom(
          { state: 'COMPLETE' as const },
          { state: 'FAILED' as const, failure: FAILURE },
        ),
        progress: fc.constantFrom('waits for servers', 'waits for Kubernetes'),
        drifted: fc.record({
          state: fc.constantFrom<ObjectState>('CREATE_COMPLETE', 'UPDATE_FAILED', 'CREATE_FAILED'),
          failure: fc.constantFrom(null, FAILURE),
        }),
        wakeUpAfterMs: fc.integer({ min: 0, max: 100_000 }),
      },
      { requiredKeys: [] },
    );
    const aStep = fc.oneof(
      fc.record({ do: fc.constantFrom('update' as const, 'delete' as const, 'retry' as const) }),
      fc.record({ do: fc.constant('round' as const) }),
      fc.record({ do: fc.constant('settle' as const), outcome: anOutcome, attempts: fc.nat(3) }),
      // Another process, another clock: time may also go back.
      fc.record({ do: fc.constant('clock' as const), ms: fc.integer({ min: -5_000, max: 20_000 }) }),
    );
    const property = fc.property(fc.array(aStep, { minLength: 5, maxLength: 60 }), (steps) => {
      let clock = Date.UTC(2026, 0, 1);
      let object = cluster({ now: new Date(clock) });
      let handled: StoredCluster | undefined;
      for (const step of steps) {
        const before = object;
        if (step.do === 'clock') clock += step.ms;
        else if (step.do === 'round') handled = object.deleted_at === null ? object : undefined;
        else if (step.do === 'settle') {
          if (handled === undefined) continue;
          const outcome = Object.fromEntries(
            Object.entries(step.outcome).filter(([, value]) => value !== undefined),
          ) as Outcome<StoredCluster>;
          object = run(object, outcome, { handled, now: new Date(clock), attempts: step.attempts });
          handled = undefined;
        } else if (LEGAL_REQUESTS[stateOf(object)].includes(step.do))
          object = accept(object, step.do, new Date(clock));
        checkStep(before, object);
      }
      checkLife(object);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

function checkStep(before: StoredCluster, after: StoredCluster): void {
  const news = after.pending_events.slice(before.pending_events.length).map(({ event }) => event);
  if (!isDeepStrictEqual(shown(before), shown(after))) {
    assert.ok(after.revision > before.revision, 'a reader sees a difference, so the entity tag changes');
    assert.ok(after.updated_at > before.updated_at, 'and the time goes on');
  } else assert.deepEqual([news, after.updated_at], [[], before.updated_at]);
  for (const { time } of news) assert.equal(time, after.updated_at.toISOString());
  if (news.length > 0) assert.equal(news.at(-1)?.data.state, stateOf(after));

  const [from, to] = [stateOf(before), stateOf(after)];
  if (from !== to) {
    assert.ok(news.length > 0, `${from} to ${to} is told`);
    assert.equal(news[0]?.data.previous_state, from);
    const [action = ''] = from.split('_');
    const drift = news[0]?.type === 'cetus.cluster.state.changed';
    const legal = from.endsWith('IN_PROGRESS')
      ? [`${action}_COMPLETE`, `${action}_FAILED`, 'DELETE_IN_PROGRESS']
      : LEGAL_REQUESTS[from].map(
          (requested) => `${requested === 'retry' ? action : requested.toUpperCase()}_IN_PROGRESS`,
        );
    assert.ok(drift || legal.includes(to), `${from} to ${to}`);
  }
  if (after.operation?.state === 'IN_PROGRESS' && after.deleted_at === null) {
    assert.ok(after.next_attempt_at !== null, 'somebody will look');
  }
}

function checkLife(object: StoredCluster): void {
  const events: CloudEvent[] = object.pending_events.map(({ event }) => event);
  assert.deepEqual(
    events.map(({ sequence }) => Number(sequence)),
    events.map((_, index) => index + 1),
  );
  assert.equal(object.sequence, events.length);
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  assert.deepEqual(
    events.map(({ time }) => time),
    events.map(({ time }) => time).sort(),
  );
  const phases = new Map<string, string[]>();
  for (const { type, data } of events) {
    if (data.operation === null) continue;
    phases.set(data.operation.uuid, [...(phases.get(data.operation.uuid) ?? []), type.split('.')[3] ?? '']);
  }
  const last = object.operation?.uuid;
  for (const [uuid, [start, ...ends]] of phases) {
    assert.equal(start, 'start');
    if (uuid === last && object.operation?.state === 'IN_PROGRESS') assert.deepEqual(ends, []);
    else {
      assert.equal(ends.length, 1);
      assert.ok(['end', 'error', 'cancelled'].includes(ends[0] as string));
    }
  }
}
