import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  assessAutoscaler,
  autoscalerFacts,
  type AutoscalerFacts,
  type AutoscalerObject,
} from '../../../src/application/observe/autoscaler-facts.ts';
import { assess } from '../../../src/application/observe/observe.ts';

/** What a real Kubernetes 1.20.2 said, with a metrics API, and of `blind` without one. */
const REAL = JSON.parse(
  readFileSync(new URL('./fixtures/autoscalers-1.20.json', import.meta.url), 'utf8'),
) as Record<string, AutoscalerObject>;

function factsOf(
  name: string,
  change: (object: AutoscalerObject) => void = () => undefined,
): AutoscalerFacts {
  const object = structuredClone(REAL[name] ?? assert.fail(name));
  change(object);
  return autoscalerFacts(object) ?? assert.fail('it is nobody’s');
}

describe('What an autoscaler says', () => {
  it('is what it measures, wants, and is kept from', () => {
    const { says, failingSince } = factsOf('limited');
    assert.equal(failingSince, null);
    const { current_replicas, desired_replicas, cpu_percent, memory_percent } = says;
    assert.deepEqual([current_replicas, desired_replicas, cpu_percent, memory_percent], [3, 3, 202, null]);
    assert.deepEqual([says.active, says.reason, says.limited_by], [true, 'ValidMetricFound', 'max_replicas']);
    assert.equal(typeof says.last_scaled_at, 'string');
    const both = factsOf('memory').says;
    assert.deepEqual([both.cpu_percent, both.memory_percent], [0, 154]);
    const less = factsOf('scaling_in').says;
    assert.deepEqual([less.current_replicas, less.desired_replicas, less.limited_by], [2, 1, null]);
  });

  it('is nothing before it has looked', () => {
    assert.deepEqual(factsOf('new').says, {
      current_replicas: 0,
      desired_replicas: null,
      cpu_percent: null,
      memory_percent: null,
      active: null,
      reason: null,
      message: null,
      limited_by: null,
      last_scaled_at: null,
    });
    assert.equal(autoscalerFacts({ ...REAL['new'], status: {} } as AutoscalerObject)?.says.active, null);
  });

  it('is that it cannot act, once that is not only for a moment', () => {
    for (const name of ['late', 'blind']) {
      const facts = factsOf(name);
      const since = facts.failingSince ?? assert.fail();
      const at = (ms: number) => assessAutoscaler(facts, since + ms);
      const early = at(1_000);
      assert.deepEqual([early.status.active, early.status.reason], [null, 'FailedGetResourceMetric']);
      assert.equal(early.lookAgainAt, since + 60_000);
      const later = at(60_000);
      assert.deepEqual([later.status, later.lookAgainAt], [facts.says, null]);
      assert.equal(later.status.active, false);
      assert.match(later.status.message ?? '', /^the HPA was unable to compute the replica count: /);
    }
  });

  it('is that it does not find what it shall scale, before what it measured once', () => {
    const facts = factsOf('limited', ({ status }) => {
      const able = status?.conditions?.find(({ type }) => type === 'AbleToScale') ?? assert.fail();
      Object.assign(able, { status: 'False', reason: 'FailedGetScale', message: 'not found' });
    });
    assert.deepEqual([facts.says.active, facts.says.reason], [false, 'FailedGetScale']);
  });

  it('is nobody’s without the label of an application', () => {
    const object = structuredClone(REAL['limited'] ?? assert.fail());
    delete object.metadata.labels;
    assert.equal(autoscalerFacts(object), undefined);
  });

  it('is a part of how an application is, and of when to look again', () => {
    const autoscaler = factsOf('blind');
    const now = (autoscaler.failingSince ?? 0) + 1;
    const facts = { workload: null, pods: [], services: [], ingresses: [], runs: [] };
    const asked = { kind: 'stateless', stopped: false, paused: false } as const;
    const seen = assess({ ...facts, autoscaler, asked, now });
    assert.equal(seen.observation.autoscaler?.reason, 'FailedGetResourceMetric');
    assert.equal(seen.lookAgainAt, now - 1 + 60_000);
    const without = assess({ ...facts, asked, now });
    assert.deepEqual(['autoscaler' in without.observation, without.lookAgainAt], [false, null]);
  });
});
