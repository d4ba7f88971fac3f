import assert from 'node:assert/strict';
import type { AutoscalerStatus, Observation, StoredApplication } from '@cetus/shared/schemas';
import { healthCondition } from '../../../src/application/follow/health-condition.ts';
import {
  differenceOf,
  observationWrite,
  printOf,
} from '../../../src/application/follow/observation-write.ts';
import { scalingCondition } from '../../../src/application/follow/scaling-condition.ts';
import { wantsLook } from '../../../src/application/follow/wants-look.ts';
import type { Observed } from '../../../src/application/observe/observe.ts';

const BEGUN = new Date('2030-01-01T00:00:00Z');

function observed(changes: Partial<Observed> = {}): Observed {
  return {
    phase: 'Running',
    generation: 1,
    settled: true,
    replicas: { desired: 1, updated: 1, ready: 1, available: 1 },
    cause: null,
    service: null,
    ...changes,
  };
}
const CRASH = observed({
  phase: 'Degraded',
  cause: { reason: 'CrashLoopBackOff', message: 'Container web ended with exit code 1' },
});

const SCALER: AutoscalerStatus = {
  current_replicas: 3,
  desired_replicas: 3,
  cpu_percent: 80,
  memory_percent: null,
  active: true,
  reason: 'ValidMetricFound',
  message: 'the HPA was able to calculate a replica count',
  limited_by: null,
  last_scaled_at: null,
};
const scaled = (changes: Partial<AutoscalerStatus> = {}): Observed =>
  observed({ autoscaler: { ...SCALER, ...changes } });
const BLIND = { active: false, reason: 'FailedGetResourceMetric', message: 'no metrics' } as const;

function application(
  seen: Record<string, Observed | undefined>,
  changes: Partial<StoredApplication> = {},
): StoredApplication {
  const placements = Object.keys(seen).map((cluster_id) => ({
    cluster_id,
    cluster_name: `name of ${cluster_id}`,
    state: 'COMPLETE',
    applied_generation: 1,
    workload_generation: 4,
  }));
  const observations = Object.entries(seen).flatMap(([id, one]) =>
    one === undefined ? [] : [[id, { ...one, since: BEGUN, token: 1 } satisfies Observation] as const],
  );
  return {
    _id: 'a1',
    name: 'web',
    project_id: 'p1',
    user_id: 'u1',
    generation: 1,
    sequence: 7,
    revision: 9,
    updated_at: BEGUN,
    operation: null,
    status: { state: 'CREATE_COMPLETE', placements },
    observed: Object.fromEntries(observations),
    health_conditions: [],
    ...changes,
  } as unknown as StoredApplication;
}

describe('The health of an application over its clusters', () => {
  const say = (seen: Record<string, Observed | undefined>, changes: Partial<StoredApplication> = {}) => {
    const told = healthCondition(application(seen, changes));
    return told === null ? null : [told.status, told.reason];
  };
  const before = (status: 'True' | 'False' | 'Unknown') => ({
    health_conditions: [{ type: 'Healthy', status, reason: 'r', message: 'm', since: BEGUN.toISOString() }],
  });

  it('is good when it is as it shall be in all of them', () => {
    const rest = ['Running', 'Succeeded', 'Stopped', 'Suspended', 'Paused'] as const;
    const seen = Object.fromEntries(rest.map((phase) => [phase, observed({ phase })]));
    assert.deepEqual(say(seen), ['True', 'AsAsked']);
  });

  it('is bad for the first cause in any of them, with the name of the cluster', () => {
    assert.deepEqual(say({ c1: observed(), c2: CRASH }), ['False', 'CrashLoopBackOff']);
    const told = healthCondition(application({ c1: observed(), c2: CRASH }));
    assert.equal(told?.message, 'In cluster name of c2: Container web ended with exit code 1');
    assert.deepEqual(say({ c1: observed({ phase: 'Missing' }) }), ['False', 'Missing']);
    assert.deepEqual(say({ c1: observed({ phase: 'Failed' }) }), ['False', 'Failed']);
  });

  it('is neither made nor ended by an ordinary change', () => {
    const going = { c1: observed({ phase: 'Progressing' }), c2: observed() };
    assert.deepEqual(say(going), ['Unknown', 'RollingOut']);
    assert.deepEqual(say(going, before('True')), ['True', 'RollingOut']);
    assert.deepEqual(say(going, before('False')), ['False', 'RollingOut']);
    assert.deepEqual(say({ c1: observed(), c2: undefined }, before('True')), ['True', 'NotYetKnown']);
  });

  it('is not told of what is going, or has not come', () => {
    const operation = { action: 'delete', state: 'IN_PROGRESS' } as StoredApplication['operation'];
    assert.equal(say({ c1: observed({ phase: 'Missing' }) }, { operation }), null);
    const coming = application({ c1: observed({ phase: 'Missing' }) });
    for (const placement of coming.status.placements) placement.applied_generation = null;
    assert.equal(healthCondition(coming)?.status, 'Unknown');
    const leaving = application({ c1: observed(), c2: observed({ phase: 'Missing' }) });
    for (const placement of leaving.status.placements)
      if (placement.cluster_id === 'c2') placement.state = 'REMOVING';
    assert.equal(healthCondition(leaving)?.status, 'True');
  });
});

describe('Whether the autoscalers of an application act', () => {
  const say = (seen: Record<string, Observed>, changes: Partial<StoredApplication> = {}) => {
    const told = scalingCondition(application(seen, changes));
    return told === null ? null : [told.status, told.reason];
  };
  const late = scaled({ ...BLIND, active: null });

  it('is told of what has any, and is not going', () => {
    assert.deepEqual(say({ c1: scaled(), c2: observed() }), ['True', 'FollowsLoad']);
    assert.equal(say({ c1: observed() }), null);
    const operation = { action: 'delete', state: 'IN_PROGRESS' } as StoredApplication['operation'];
    assert.equal(say({ c1: scaled() }, { operation }), null);
  });

  it('is not so when one of them cannot, with what that one says', () => {
    const seen = { c1: scaled(), c2: late, c3: scaled(BLIND) };
    assert.deepEqual(say(seen), ['False', 'FailedGetResourceMetric']);
    assert.equal(scalingCondition(application(seen))?.message, 'In cluster name of c3: no metrics');
  });

  it('stays as it was while it is not known', () => {
    const silent = scaled({ active: null, reason: null, message: null });
    assert.deepEqual(say({ c1: silent }), ['Unknown', 'NotYetKnown']);
    for (const status of ['True', 'False'] as const) {
      const condition = { type: 'ScalingActive', status, reason: 'r', message: 'm', since: '' };
      assert.deepEqual(say({ c1: late }, { health_conditions: [condition] }), [status, BLIND.reason]);
    }
  });
});

describe('The write of what was seen of an application', () => {
  it('tells that an autoscaler cannot act, and nothing of one that is no more', () => {
    const known = application(
      { c1: scaled() },
      {
        health_conditions: [
          { type: 'Healthy', status: 'True', reason: 'AsAsked', message: '', since: '' },
          { type: 'ScalingActive', status: 'True', reason: 'FollowsLoad', message: '', since: '' },
        ],
      },
    );
    const blind = observationWrite(known, 'c1', scaled(BLIND), 5);
    assert.deepEqual(
      blind?.events.map(({ event }) => (event.data.condition as { reason: string }).reason),
      ['FailedGetResourceMetric'],
    );
    const without = observationWrite(known, 'c1', observed(), 5);
    assert.deepEqual([without?.conditions.map(({ type }) => type), without?.events], [['Healthy'], []]);
  });

  it('tells what is measured, which changes all the time, from what is done about it', () => {
    const differenceTo = (changes: Partial<AutoscalerStatus>) =>
      differenceOf(printOf(scaled()), printOf(scaled(changes)));
    assert.equal(differenceTo({}), null);
    assert.equal(differenceTo({ cpu_percent: 81 }), 'measure');
    assert.equal(differenceTo({ cpu_percent: 181, desired_replicas: 4 }), 'detail');
    assert.equal(differenceTo({ ...BLIND, cpu_percent: null }), 'transition');
    assert.equal(differenceOf(printOf(observed()), printOf(scaled({ active: null }))), 'transition');
  });

  it('has a notification when its health has changed, in its sequence', () => {
    const clock = new Date('2030-01-02T00:00:00Z');
    const written = observationWrite(application({ c1: observed() }), 'c1', CRASH, 5, clock);
    assert.deepEqual(
      written?.events.map(({ event }) => [event.sequence, event.type, event.data.state]),
      [['8', 'cetus.application.condition.changed', 'CREATE_COMPLETE']],
    );
    assert.deepEqual(
      [written?.observation.since, written?.observation.token, written?.updated_at],
      [clock, 5, clock],
    );
  });

  it('tells details from transitions, and keeps since when it is so', () => {
    const more = observed({ replicas: { desired: 3, updated: 3, ready: 3, available: 3 } });
    const known = application(
      { c1: observed() },
      {
        health_conditions: [{ type: 'Healthy', status: 'True', reason: 'AsAsked', message: '', since: '' }],
      },
    );
    const written = observationWrite(known, 'c1', more, 5);
    assert.deepEqual(
      [written?.events, written?.updated_at, written?.observation.since],
      [[], undefined, BEGUN],
    );
    assert.equal(observationWrite(known, 'c1', observed(), 5), null);
    const prints = [observed(), more, CRASH, observed({ generation: 2 }), observed({ settled: false })].map(
      printOf,
    );
    const [first] = prints;
    assert.ok(first !== undefined);
    assert.deepEqual(
      prints.map((print) => differenceOf(first, print)),
      [null, 'detail', 'transition', 'transition', 'transition'],
    );
    assert.equal(differenceOf(null, first), 'transition');
  });

  it('is not another one because a database has its fields in another order', () => {
    const { replicas, ...rest } = observed();
    const turned = { replicas: Object.fromEntries(Object.entries(replicas).reverse()), ...rest } as Observed;
    assert.deepEqual(printOf(turned), printOf(observed()));
  });
});

describe('Whether the reconciler is to look', () => {
  const wants = (changed: StoredApplication, generation: number | null = 4) =>
    wantsLook(changed, 'c1', generation);

  it('depends on whether it waits, and on what is not as it was applied', () => {
    assert.equal(wants(application({ c1: CRASH })), null, 'it cannot mend that');
    const operation = { action: 'update', state: 'IN_PROGRESS' } as StoredApplication['operation'];
    const goingOn = observed({ phase: 'Progressing' });
    assert.equal(wants(application({ c1: CRASH }, { operation })), 'observed', 'it is held up');
    assert.equal(wants(application({ c1: observed() }, { operation })), 'observed', 'it ends');
    assert.equal(wants(application({ c1: goingOn }, { operation })), null, 'it goes on');
    assert.equal(
      wants(application({ c1: observed({ generation: 2 }) }, { operation })),
      null,
      'that was before',
    );
    assert.equal(wants(application({ c1: observed({ phase: 'Missing' }) }, { operation })), 'observed');
    const deleting = { action: 'delete', state: 'IN_PROGRESS' } as StoredApplication['operation'];
    assert.equal(wants(application({ c1: CRASH }, { operation: deleting })), null);
    assert.equal(wants(application({ c1: observed() }), 5), 'drifted');
    assert.equal(wants(application({ c1: observed() }), null), null);
    assert.equal(wants(application({ c1: observed({ phase: 'Missing' }) }), null), 'drifted');
    const leaving = application({ c1: observed({ phase: 'Missing' }) });
    for (const placement of leaving.status.placements) placement.state = 'REMOVING';
    assert.equal(wants(leaving), null);
  });
});
