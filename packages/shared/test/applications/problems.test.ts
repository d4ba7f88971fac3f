import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HOST_ACCESS, problemsOf } from '../../src/applications/index.ts';
import { APPLICATION_KINDS, type ApplicationForm, type Container } from '../../src/schemas/index.ts';
import { formOf } from './forms.ts';
import { EVERYTHING, NOTHING, fields, problems, refuses, web } from './problems-of.ts';

describe('what in a form does not go together', () => {
  it('is nothing in the least form of each kind', () => {
    for (const kind of APPLICATION_KINDS) assert.deepEqual(problems(kind, {}), [], kind);
  });

  it('is told with the field, its rule and a code', () => {
    assert.deepEqual(problems('daemon', { replicas: 2 }), [
      { code: 'invalid_field', field: 'replicas', detail: 'replicas is not for the kind daemon' },
    ]);
    assert.deepEqual(problems('stateless', { exposure: { type: 'cluster_ip' } }), [
      {
        code: 'missing_field',
        field: 'exposure/ports',
        detail: 'exposure/ports is missing: needed for cluster_ip',
      },
    ]);
  });

  it('of a kind are fields of other kinds', () => {
    const autoscaling = { min_replicas: 1, max_replicas: 2, cpu_percent: 50 };
    const requesting = web({ resources: { limits: { cpu: '1' } } });
    for (const kind of ['daemon', 'job', 'cronjob'] as const) {
      assert.deepEqual(fields(kind, { replicas: 1 }), ['replicas']);
      assert.deepEqual(fields(kind, { autoscaling, ...requesting }), ['autoscaling']);
    }
    for (const kind of ['stateless', 'stateful'] as const)
      assert.deepEqual(fields(kind, { replicas: 1, autoscaling, ...requesting }), []);
    refuses([
      ['job', { update_strategy: { type: 'rolling' } }, ['update_strategy']],
      ['cronjob', { update_strategy: { type: 'rolling' } }, ['update_strategy']],
      ['stateless', { job: {} }, ['job']],
      ['job', { job: {} }, []],
      ['cronjob', { job: {} }, []],
      ['job', { cron: { schedule: '@daily' } }, ['cron']],
      ['cronjob', { cron: undefined as never }, ['cron']],
    ]);
  });

  it('of a strategy are types and fields of other kinds, and numbers that let nothing go on', () => {
    const strategy = (more: object) => ({ update_strategy: { type: 'rolling' as const, ...more } });
    const at = (field: string) => [`update_strategy/${field}`];
    refuses([
      ['stateless', { update_strategy: { type: 'recreate' } }, []],
      ['stateful', { update_strategy: { type: 'recreate' } }, at('type')],
      ['daemon', { update_strategy: { type: 'recreate' } }, at('type')],
      ['stateless', { update_strategy: { type: 'on_delete' } }, at('type')],
      ['stateful', { update_strategy: { type: 'on_delete' } }, []],
      ['daemon', { update_strategy: { type: 'on_delete' } }, []],
      ['stateless', strategy({ partition: 1 }), at('partition')],
      ['stateful', strategy({ partition: 1 }), []],
      ['stateful', strategy({ max_unavailable: 1 }), at('max_unavailable')],
      ['stateful', { update_strategy: { type: 'on_delete', partition: 1 } }, at('partition')],
      ['stateless', { update_strategy: { type: 'recreate', max_surge: 1 } }, at('max_surge')],
      ['stateless', strategy({ max_surge: 0, max_unavailable: '0%' }), at('max_unavailable')],
      ['stateless', strategy({ max_surge: 1, max_unavailable: 0 }), []],
      ['stateless', strategy({ max_unavailable: 0 }), []],
      ['daemon', strategy({ max_unavailable: 0 }), at('max_unavailable')],
      ['daemon', strategy({ max_surge: 1, max_unavailable: 1 }), at('max_surge')],
      ['daemon', strategy({ max_surge: 1, max_unavailable: 0 }), []],
      ['stateless', strategy({ min_ready_seconds: 600 }), at('min_ready_seconds')],
      ['stateless', { ...strategy({ min_ready_seconds: 600 }), progress_deadline_seconds: 601 }, []],
      [
        'stateless',
        { ...strategy({ min_ready_seconds: 20 }), progress_deadline_seconds: 20 },
        at('min_ready_seconds'),
      ],
    ]);
  });

  it('of an autoscaling are limits that are none, no measure, and measures without a request', () => {
    const scaling = (
      more: object,
      container: Partial<Container> = { resources: { requests: { cpu: '1' } } },
    ) => ({
      autoscaling: { min_replicas: 1, max_replicas: 2, ...more },
      ...web(container),
    });
    refuses([
      ['stateless', scaling({ min_replicas: 3, cpu_percent: 1 }), ['autoscaling/min_replicas']],
      ['stateless', scaling({}), ['autoscaling']],
      ['stateless', scaling({ cpu_percent: 1 }), []],
      ['stateless', scaling({ cpu_percent: 1 }, { resources: { limits: { cpu: '1' } } }), []],
      [
        'stateless',
        scaling({ cpu_percent: 1 }, { resources: { requests: { cpu: '0' } } }),
        ['autoscaling/cpu_percent'],
      ],
      ['stateless', scaling({ cpu_percent: 1 }, {}), ['autoscaling/cpu_percent']],
      ['stateless', scaling({ memory_percent: 1 }), ['autoscaling/memory_percent']],
    ]);
  });

  it('of labels are those that others set', () => {
    for (const key of [
      'cetus.io/application',
      'a.cetus.io/b',
      'app.kubernetes.io/name',
      'kubernetes.io/x',
      'a.k8s.io/b',
      'job-name',
      'pod-template-hash',
    ])
      assert.deepEqual(fields('stateless', { labels: { [key]: 'x' } }), [`labels/${key.replace('/', '~1')}`]);
    for (const key of [
      'team',
      'app.kubernetes.io/component',
      'notcetus.io/a',
      'example.org/kubernetes.io'.replace('/', '-'),
    ])
      assert.deepEqual(fields('stateless', { labels: { [key]: 'x' } }), [], key);
  });

  it('of a schedule are values that no time has', () => {
    const schedule = (text: string) => fields('cronjob', { cron: { schedule: text } });
    for (const text of [
      '@daily',
      '* * * * *',
      '*/5 0-6,8 1,15 jan-MAR mon',
      '0 0 31 12 0',
      '? ? ? ? ?',
      '0/15 * * * *',
    ])
      assert.deepEqual(schedule(text), [], text);
    for (const text of [
      '60 * * * *',
      '* 24 * * *',
      '* * 0 * *',
      '* * * 13 *',
      '* * * * 7',
      '* * * foo *',
      '5-1 * * * *',
      '*/0 * * * *',
      '1-2-3 * * * *',
      '1/2/3 * * * *',
      ', * * * *',
    ])
      assert.deepEqual(schedule(text), ['cron/schedule'], text);
  });

  it('of placements are choices that are none, clusters that are there twice, and overrides that do not fit', () => {
    const placed = (...placements: object[]) => ({ placements: placements as ApplicationForm['placements'] });
    const overriding = (overrides: object) => placed({ cluster: 'c', overrides });
    const at = (field: string) => [`placements/0/overrides/${field}`];
    const scaled = {
      autoscaling: { min_replicas: 1, max_replicas: 2, cpu_percent: 1 },
      ...web({ resources: { requests: { cpu: '1' } } }),
    };
    refuses([
      ['stateless', placed({}), ['placements/0']],
      ['stateless', placed({ cluster: 'c', selector: {} }), ['placements/0']],
      [
        'stateless',
        placed({ cluster: 'c' }, { selector: { a: 'b' } }, { cluster: 'c' }),
        ['placements/2/cluster'],
      ],
      ['daemon', overriding({ replicas: 1 }), at('replicas')],
      ['stateless', overriding({ images: { web: 'x', other: 'y' } }), at('images/other')],
      ['stateless', overriding({ resources: { other: {} } }), at('resources/other')],
      [
        'stateless',
        overriding({ resources: { web: { requests: { cpu: '2' }, limits: { cpu: '1' } } } }),
        at('resources/web/requests/cpu'),
      ],
      [
        'stateless',
        overriding({ autoscaling: { min_replicas: 2, max_replicas: 1, cpu_percent: 1 } }),
        [...at('autoscaling/min_replicas'), ...at('autoscaling/cpu_percent')],
      ],
      [
        'stateless',
        { ...scaled, ...overriding({ resources: { web: { requests: { memory: '1Gi' } } } }) },
        at('resources/web'),
      ],
      ['stateless', { ...scaled, ...overriding({ resources: { web: { requests: { cpu: '2' } } } }) }, []],
      ['stateless', overriding({ exposure: { type: 'node_port' } }), at('exposure/ports')],
      [
        'stateless',
        overriding({ scheduling: { tolerations: [{}] } }),
        at('scheduling/tolerations/0/operator'),
      ],
    ]);
  });

  it('is what reaches the nodes, unless the site allows it', () => {
    const form = {
      ...web({ security: { privileged: true } }),
      init_containers: [{ name: 'i', image: 'x', security: { privileged: true } }],
      volumes: [{ name: 'v', host_path: { path: '/srv' } }],
      host_network: true,
    };
    const found = problems('daemon', form);
    assert.deepEqual(
      found.map(({ field, code }) => [field, code]),
      [
        ['containers/0/security/privileged', 'host_access_denied'],
        ['init_containers/0/security/privileged', 'host_access_denied'],
        ['host_network', 'host_access_denied'],
        ['volumes/0/host_path', 'host_access_denied'],
      ],
    );
    assert.deepEqual(problems('daemon', form, EVERYTHING), []);
    for (const one of HOST_ACCESS) assert.notEqual(problems('daemon', form, new Set([one])).length, 0);
    const asked = { host_network: false, ...web({ security: { privileged: false } }) };
    assert.deepEqual(problems('daemon', asked), []);
    const odd = { volumes: [{ name: 'v', host_path: { path: '/srv/../etc' } }] };
    assert.deepEqual(fields('daemon', odd, EVERYTHING), ['volumes/0/host_path/path']);
  });

  it('is told of fields that are there, or of those around what is missing', () => {
    const form = fc.record(
      {
        replicas: fc.nat(3),
        containers: fc.array(
          fc.record({
            name: fc.constantFrom('a', 'b'),
            image: fc.constant('x'),
            ports: fc.array(fc.record({ port: fc.constantFrom(80, 81), name: fc.constantFrom('p', '1') }), {
              maxLength: 2,
            }),
            env: fc.array(fc.record({ name: fc.constantFrom('A', 'B') }), { maxLength: 2 }),
          }),
          { minLength: 1, maxLength: 2 },
        ),
        volumes: fc.array(fc.record({ name: fc.constantFrom('v', 'w') }), { maxLength: 2 }),
        labels: fc.dictionary(fc.constantFrom('a', 'job-name', 'cetus.io/x'), fc.constant('')),
      },
      { requiredKeys: ['containers'] },
    );
    fc.assert(
      fc.property(fc.constantFrom(...APPLICATION_KINDS), form, (kind, more) => {
        const whole = formOf(kind, more);
        for (const { code, field, detail } of problemsOf(kind, whole, NOTHING)) {
          assert.ok(detail.startsWith(`${field} `), detail);
          const path = field.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
          if (code === 'missing_field') path.pop();
          let at: unknown = whole;
          for (const part of path) at = (at as Record<string, unknown>)[part];
          assert.notEqual(at, undefined, field);
        }
      }),
    );
  });
});
