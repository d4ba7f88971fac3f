import assert from 'node:assert/strict';
import fc from 'fast-check';
import { qosOf } from '../../src/applications/index.ts';
import type { Resources } from '../../src/schemas/index.ts';
import { formOf } from './forms.ts';

const GI = 2 ** 30;

const of = (...resources: (Resources | undefined)[]) =>
  formOf('stateless', {
    containers: resources.map((one, index) => ({
      name: `c${String(index)}`,
      image: 'x',
      ...(one === undefined ? {} : { resources: one }),
    })),
  });

const both = (cpu: string, memory: string) => ({ cpu, memory });

describe('quality of service', () => {
  it('is what Kubernetes calls it', () => {
    const cases: [string, (Resources | undefined)[]][] = [
      ['BestEffort', [undefined]],
      ['BestEffort', [{}, { requests: {}, limits: {} }]],
      ['BestEffort', [{ requests: { ephemeral_storage: '1Gi' } }]],
      ['BestEffort', [{ requests: both('0', '0') }]],
      ['Guaranteed', [{ limits: both('1', '1Gi') }]],
      ['Guaranteed', [{ requests: both('1000m', '1024Mi'), limits: both('1', '1Gi') }]],
      ['Guaranteed', [{ limits: both('1', '1Gi') }, { limits: both('2', '2Gi') }]],
      ['Burstable', [{ limits: both('1', '1Gi') }, undefined]],
      ['Burstable', [{ limits: { cpu: '1' } }]],
      ['Burstable', [{ requests: { cpu: '1' }, limits: both('1', '1Gi') }, { limits: { memory: '1Gi' } }]],
      ['Burstable', [{ requests: both('500m', '1Gi'), limits: both('1', '1Gi') }]],
      ['Burstable', [{ requests: both('0', '0'), limits: both('1', '1Gi') }]],
    ];
    for (const [expected, resources] of cases)
      assert.equal(qosOf(of(...resources)).class, expected, JSON.stringify(resources));
  });

  it('counts the containers that run before the others', () => {
    const form = of({ limits: both('1', '1Gi') });
    assert.equal(qosOf({ ...form, init_containers: [{ name: 'i', image: 'x' }] }).class, 'Burstable');
    const init = { name: 'i', image: 'x', resources: { limits: both('1', '1Gi') } };
    const qos = qosOf({ ...form, init_containers: [init] });
    assert.deepEqual(
      [qos.class, qos.containers.map(({ name, init }) => [name, init])],
      [
        'Guaranteed',
        [
          ['c0', false],
          ['i', true],
        ],
      ],
    );
  });

  it('tells who goes first', () => {
    const ranks = [of(undefined), of({ limits: { cpu: '1' } }), of({ limits: both('1', '1Gi') })].map(
      (form) => qosOf(form).eviction_rank,
    );
    assert.deepEqual(ranks, [1, 2, 3]);
  });

  it('tells what a node makes of it', () => {
    const [one] = qosOf(of({ requests: both('250m', '512Mi'), limits: both('1.5', '1Gi') }), {
      memoryCapacity: 4 * GI,
    }).containers;
    assert.deepEqual(one, {
      name: 'c0',
      init: false,
      cpu_request: 250,
      cpu_limit: 1500,
      memory_request: 512 * 2 ** 20,
      memory_limit: GI,
      cpu_shares: 256,
      cpu_weight: 10,
      cpu_quota: 150_000,
      cpu_period: 100_000,
      oom_score_adj: 875,
    });
    const [none] = qosOf(of(undefined)).containers;
    assert.deepEqual(
      [none?.cpu_shares, none?.cpu_weight, none?.cpu_quota, none?.memory_limit, none?.oom_score_adj],
      [2, 1, null, null, 1000],
    );
  });

  it('keeps to the bounds of the kernel', () => {
    const cpu = (amount: string) => qosOf(of({ limits: { cpu: amount } })).containers[0];
    assert.deepEqual([cpu('1m')?.cpu_shares, cpu('1m')?.cpu_quota], [2, 1000]);
    assert.deepEqual([cpu('1000')?.cpu_shares, cpu('1000')?.cpu_weight], [262_144, 10_000]);
    assert.deepEqual([cpu('1')?.cpu_shares, cpu('1')?.cpu_weight], [1024, 39]);
  });

  it('ends first what uses most beyond its request, between what is guaranteed and what is promised nothing', () => {
    const score = (memory: string | undefined, memoryCapacity?: number) =>
      qosOf(of({ requests: { cpu: '1', ...(memory === undefined ? {} : { memory }) } }), { memoryCapacity })
        .containers[0]?.oom_score_adj;
    assert.deepEqual(
      [score('1Gi', 4 * GI), score('4Gi', 4 * GI), score('1Mi', 4 * GI), score('1Gi'), score(undefined)],
      [750, 3, 999, null, 999],
    );
    assert.equal(qosOf(of({ limits: both('1', '1Gi') })).containers[0]?.oom_score_adj, -997);
    const critical = { ...of(undefined), scheduling: { priority_class: 'system-node-critical' } };
    assert.equal(qosOf(critical).containers[0]?.oom_score_adj, -997);
  });

  it('never is better with less asked for', () => {
    const amounts = fc.record(
      { cpu: fc.constantFrom('0', '1', '2'), memory: fc.constantFrom('0', '1Gi') },
      { requiredKeys: [] },
    );
    const resources = fc.record({ requests: amounts, limits: amounts }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(resources, { minLength: 1, maxLength: 3 }), (all) => {
        const { eviction_rank, containers } = qosOf(of(...all));
        assert.ok(qosOf(of(...all, undefined)).eviction_rank <= Math.max(eviction_rank, 2));
        for (const container of containers) {
          assert.ok(container.cpu_shares >= 2 && container.cpu_shares <= 262_144);
          assert.ok(container.cpu_weight >= 1 && container.cpu_weight <= 10_000);
        }
      }),
    );
  });
});
