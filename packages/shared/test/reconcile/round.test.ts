import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CetusError } from '@cetus/shared/errors';
import { backoff, mergeConditions, runRound, type Outcome, type RoundResult } from '@cetus/shared/reconcile';
import type { StoredCluster } from '@cetus/shared/schemas';
import { cluster, idleCluster } from '../store/builders.ts';

const BACKOFF = { initialMs: 100, maxMs: 1_000 };

function round(
  object: StoredCluster,
  reconcile: (deadlineExceeded: boolean, signal: AbortSignal) => Outcome<StoredCluster>,
  options: { now?: Date; signal?: AbortSignal } = {},
): Promise<RoundResult<StoredCluster>> {
  const reconciler = {
    reconcile: async (
      _object: StoredCluster,
      { deadlineExceeded, signal }: { deadlineExceeded: boolean; signal: AbortSignal },
    ) => reconcile(deadlineExceeded, signal),
  };
  const { now = new Date(), signal = new AbortController().signal } = options;
  return runRound(reconciler, object, signal, { now, backoff: BACKOFF });
}

const fails = (error: unknown) => (): never => {
  throw error;
};
const busy = new CetusError('back_end_unavailable', 'Heat does not answer');
const refused = new CetusError('back_end_refused', 'Heat says no', {
  resource: { type: 'OS::Nova::Server', name: 'm-0' },
});
/** As after its first round. */
const begun = (object: StoredCluster): StoredCluster => {
  assert.ok(object.operation);
  const started_at = object.operation.accepted_at;
  return { ...object, operation: { ...object.operation, started_at } };
};
const afterDeadline = (object: StoredCluster): Date => object.operation?.deadline_at as Date;

describe('One round', () => {
  it('answers what the reconciler found, and forgets failed attempts', async () => {
    const outcome = { progress: 'waits', wakeUpAfterMs: 5 };
    assert.deepEqual(await round({ ...cluster(), attempts: 3 }, () => outcome), { outcome, attempts: 0 });
  });

  it('tries a retryable error again, later each time, and says meanwhile why', async () => {
    const { outcome, attempts, error } = await round({ ...cluster(), attempts: 2 }, fails(busy));
    assert.deepEqual([attempts, error, outcome.progress, outcome.ended], [3, busy, busy.message, undefined]);
    assert.ok((outcome.wakeUpAfterMs ?? 0) >= 200 && (outcome.wakeUpAfterMs ?? 0) <= 400);
    for (const many of [30, 1_000]) {
      assert.equal(
        (await round({ ...cluster(), attempts: many }, fails(busy))).outcome.ended,
        undefined,
        'until the deadline',
      );
    }
  });

  it('waits at least as long as the error says', async () => {
    const later = new CetusError('too_many_requests', 'Slow down', { retryAfterMs: 9_000 });
    assert.equal((await round(cluster(), fails(later))).outcome.wakeUpAfterMs, 9_000);
  });

  it('fails the operation on any other error, with all that it says', async () => {
    const { outcome, attempts, error } = await round({ ...cluster(), attempts: 2 }, fails(refused));
    const failure = {
      code: 'back_end_refused',
      message: 'Heat says no',
      resource: { type: 'OS::Nova::Server', name: 'm-0' },
    };
    assert.deepEqual(outcome.ended, { state: 'FAILED', failure });
    assert.deepEqual([attempts, error], [0, refused]);
  });

  it('tries a mistake of ours five times, and never shows its words', async () => {
    const mistake = new TypeError('token abc123 is not a function');
    for (const attempts of [0, 1, 2, 3]) {
      const result = await round({ ...cluster(), attempts }, fails(mistake));
      assert.deepEqual([result.outcome.ended, result.attempts], [undefined, attempts + 1]);
      assert.doesNotMatch(JSON.stringify(result.outcome), /abc123/);
    }
    const last = await round({ ...cluster(), attempts: 4 }, fails(mistake));
    assert.equal(last.outcome.ended?.state, 'FAILED');
    assert.match(JSON.stringify(last.outcome), /internal_error/);
    assert.doesNotMatch(JSON.stringify(last.outcome), /abc123/);
  });

  it('fails nothing when nothing goes on', async () => {
    assert.equal((await round(idleCluster(), fails(refused))).outcome.ended, undefined);
    assert.equal(
      (await round({ ...idleCluster(), attempts: 50 }, fails(new Error('x')))).outcome.ended,
      undefined,
    );
  });

  it('lets an operation end well in the round after its deadline, and fails it if it does not', async () => {
    const object = begun(cluster({ deadlineMs: 90_000 }));
    const now = afterDeadline(object);
    const well = await round(object, (exceeded) => (exceeded ? { ended: { state: 'COMPLETE' } } : {}), {
      now,
    });
    assert.deepEqual(well.outcome, { ended: { state: 'COMPLETE' } });
    for (const reconcile of [
      (): Outcome<StoredCluster> => ({ progress: 'waits for servers' }),
      fails(busy),
      fails(new Error('x')),
    ]) {
      const { ended } = (await round(object, reconcile, { now })).outcome;
      assert.ok(ended?.state === 'FAILED');
      assert.equal(ended.failure.code, 'operation_deadline_exceeded');
      assert.match(ended.failure.message, /create did not end within 1.5 minutes; at the end: /);
    }
    const final = (await round(object, fails(refused), { now })).outcome.ended;
    assert.ok(
      final?.state === 'FAILED' && final.failure.code === 'back_end_refused',
      'the better reason of the two',
    );
    assert.equal(
      (await round(object, () => ({}), { now: new Date(now.getTime() - 1) })).outcome.ended,
      undefined,
    );
  });

  it('does not count the time in which an operation waited for its first round', async () => {
    const object = cluster({ deadlineMs: 90_000 });
    const exceeded: boolean[] = [];
    const look = (one: boolean): Outcome<StoredCluster> => {
      exceeded.push(one);
      return { progress: 'waits' };
    };
    const now = new Date(afterDeadline(object).getTime() + 3_600_000);
    const { outcome } = await round(object, look, { now });
    assert.deepEqual([exceeded, outcome], [[false], { progress: 'waits' }]);
    // Of an earlier version, which did not note when it began.
    assert.ok(object.operation);
    await round({ ...object, operation: { ...object.operation, progress: 'waits' } }, look, { now });
    assert.deepEqual(exceeded, [false, true]);
  });

  it('keeps the conditions and facts of the round that came too late', async () => {
    const object = begun(cluster());
    const condition = { type: 'Ready', status: 'False' as const, reason: 'Waits', message: 'm' };
    const { outcome } = await round(object, () => ({ conditions: [condition], status: { stack_id: 's1' } }), {
      now: afterDeadline(object),
    });
    assert.deepEqual([outcome.conditions, outcome.status], [[condition], { stack_id: 's1' }]);
  });

  it('gives an object up over which five processes died, without another try', async () => {
    const object = { ...cluster(), abandoned: 5 };
    const { outcome } = await round(object, () => assert.fail('is not tried'));
    assert.ok(outcome.ended?.state === 'FAILED' && outcome.ended.failure.code === 'internal_error');
    assert.equal((await round({ ...object, abandoned: 4 }, () => ({}))).outcome.ended, undefined);
  });

  it('writes nothing when it was aborted', async () => {
    const abort = new AbortController();
    const reason = new Error('lost');
    const run = round(
      cluster(),
      (_exceeded, signal) => {
        abort.abort(reason);
        throw signal.reason;
      },
      { signal: abort.signal },
    );
    await assert.rejects(run, reason);
  });
});

describe('backoff', () => {
  it('is between half and all of a delay that doubles up to its maximum', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempts, random) => {
        const delay = backoff(attempts, BACKOFF, random);
        const ceiling = Math.min(BACKOFF.maxMs, BACKOFF.initialMs * 2 ** (attempts - 1));
        assert.ok(
          Number.isInteger(delay) && delay >= Math.floor(ceiling / 2) && delay <= ceiling,
          `${String(delay)} of ${String(ceiling)}`,
        );
      },
    );
    fc.assert(property);
  });
});

describe('mergeConditions', () => {
  const condition = fc.record(
    {
      type: fc.constantFrom('Ready', 'Reachable', 'Progressing'),
      status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
      reason: fc.constantFrom('A', 'B'),
      message: fc.constantFrom('m', 'n'),
    },
    { noNullPrototype: true },
  );
  const [early, late] = [new Date(0), new Date(1_000)];

  it('replaces what is named, keeps the rest, and moves `since` only with the status', () => {
    const property = fc.property(fc.array(condition), fc.array(condition), (first, second) => {
      const before = mergeConditions([], first, early).conditions;
      const { conditions, changed } = mergeConditions(before, second, late);
      const types = conditions.map(({ type }) => type);
      assert.deepEqual(types, [...new Set([...first, ...second].map(({ type }) => type))].sort());
      for (const now of conditions) {
        const said = second.filter(({ type }) => type === now.type);
        const known = before.find(({ type }) => type === now.type);
        const { since, ...rest } = now;
        if (said.length === 0) assert.deepEqual(now, known);
        else assert.deepEqual(rest, said.at(-1));
        if (said.length === 1) {
          const same = known?.status === said[0]?.status;
          assert.equal(since, same ? known?.since : late.toISOString());
          assert.equal(
            changed.some(({ type }) => type === now.type),
            !same,
          );
        }
      }
    });
    fc.assert(property);
  });

  it('changes nothing the second time', () => {
    const property = fc.property(
      fc.uniqueArray(condition, { selector: ({ type }) => type }),
      (conditions) => {
        const once = mergeConditions([], conditions, early);
        assert.deepEqual(mergeConditions(once.conditions, conditions, late), {
          conditions: once.conditions,
          changed: [],
        });
      },
    );
    fc.assert(property);
  });
});
