import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Manifest } from '@cetus/kubernetes/apply';
import { isManagedKind, MANAGED_KINDS } from '@cetus/kubernetes/managed-kinds';
import { HOST_ACCESS, problemsOf } from '@cetus/shared/applications';
import { CetusError } from '@cetus/shared/errors';
import { APPLICATION_KINDS, type ApplicationSpec } from '@cetus/shared/schemas';
import fc from 'fast-check';
import {
  manifestsOf,
  redactManifest,
  withOverrides,
  type ManifestInput,
} from '../../../src/application/manifests/index.ts';
import { hashOf } from './hash.ts';
import { applicationName, overridesOf, spec as anySpec, valuesOf } from './arbitrary.ts';
import { APPLICATION_ID, fullSpec, inputOf, NEWEST, OLDEST, plainSpec, VALUES } from './inputs.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Anything = any;

/** The object of a kind, read by tests that know it. */
function one(manifests: readonly Manifest[], kind: string): Anything {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0];
}

const made = (spec: ApplicationSpec, more: Partial<ManifestInput> = {}) => manifestsOf(inputOf(spec, more));
const kindsOf = (manifests: readonly Manifest[]) => manifests.map(({ kind }) => kind);
const templateOf = ({ kind, spec }: Anything): Anything =>
  kind === 'CronJob' ? spec.jobTemplate.spec.template : spec.template;
const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];
const workloadOf = (manifests: readonly Manifest[]): Anything =>
  manifests.find(({ kind }) => WORKLOADS.includes(kind));

describe('manifests of applications', () => {
  for (const kind of APPLICATION_KINDS) {
    it(`${kind}: as they were looked at; CETUS_UPDATE_GOLDEN=1 writes them anew, to be formatted`, () => {
      const file = new URL(`./golden/${kind}.json`, import.meta.url);
      const manifests = made(fullSpec(kind));
      if (process.env['CETUS_UPDATE_GOLDEN'] === '1')
        writeFileSync(file, `${JSON.stringify(manifests, null, 2)}\n`);
      assert.deepEqual(manifests, JSON.parse(readFileSync(file, 'utf8')));
    });
  }

  it('are the same for the same input, in whatever order its fields are', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const input = inputOf(spec, { values: valuesOf(spec) });
        const turned = { ...input, spec: reversed(spec) };
        assert.deepEqual(manifestsOf(input), manifestsOf(structuredClone(input)));
        assert.deepEqual(manifestsOf(turned), manifestsOf(input));
        assert.equal(hashOf(manifestsOf(turned)), hashOf(manifestsOf(input)));
      }),
    );
  });

  it('of anything that may be asked have names that Kubernetes takes, each kind its own, and the labels of the application', () => {
    const allowed = new Set(HOST_ACCESS);
    fc.assert(
      fc.property(anySpec, applicationName, fc.constantFrom(NEWEST, OLDEST), (spec, name, apis) => {
        const { secrets: _, image_pull_secret: __, placements: ___, sealed: ____, ...form } = spec;
        assert.deepEqual(problemsOf(spec.kind, { ...form, placements: [] }, allowed), []);
        const base = inputOf(spec, { values: valuesOf(spec), apis });
        const application = { ...base.application, name };
        const manifests = manifestsOf({ ...base, application });
        const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
        assert.equal(new Set(names).size, names.length, names.join());
        for (const manifest of manifests) {
          const { apiVersion, kind, metadata } = manifest;
          assert.ok(isManagedKind(kind));
          assert.ok((MANAGED_KINDS[kind].apiVersions as readonly string[]).includes(apiVersion), apiVersion);
          const isLabel = kind !== 'PersistentVolumeClaim';
          assert.match(metadata.name, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
          assert.ok(metadata.name.length <= (kind === 'CronJob' ? 52 : isLabel ? 63 : 253), metadata.name);
          assert.equal(metadata.namespace, 'cetus-test');
          hasLabels(metadata.labels, spec, name);
        }
        const { metadata, spec: pod } = templateOf(workloadOf(manifests));
        hasLabels(metadata.labels, spec, name);
        namesFit(pod, workloadOf(manifests).spec.volumeClaimTemplates ?? []);
        meetsBaseline(pod);
      }),
      { numRuns: 300 },
    );
  });

  it('select by what never changes', () => {
    const selector = { 'cetus.io/application': APPLICATION_ID };
    for (const kind of ['stateless', 'stateful', 'daemon'] as const) {
      const manifests = made(fullSpec(kind));
      assert.deepEqual(workloadOf(manifests).spec.selector, { matchLabels: selector });
      for (const service of manifests.filter((manifest) => manifest.kind === 'Service'))
        assert.deepEqual((service as Anything).spec.selector, selector);
      assert.deepEqual(one(manifests, 'NetworkPolicy').spec.podSelector, { matchLabels: selector });
    }
    for (const kind of ['job', 'cronjob'] as const)
      assert.equal(workloadOf(made(fullSpec(kind))).spec.selector, undefined);
  });

  it('a generation alone changes the mark of the workload and nothing else', () => {
    for (const kind of APPLICATION_KINDS) {
      const input = inputOf(fullSpec(kind));
      const later = { ...input, application: { ...input.application, generation: 4 } };
      const [before, after] = [manifestsOf(input), manifestsOf(later)];
      assert.notDeepEqual(after, before);
      assert.equal(hashOf(after), hashOf(before));
      assert.equal(workloadOf(after).metadata.annotations['cetus.io/generation'], '4');
      assert.deepEqual(templateOf(workloadOf(after)), templateOf(workloadOf(before)));
      assert.equal(workloadOf(after).metadata.name, workloadOf(before).metadata.name);
    }
  });

  it('a hash is another one for whatever else is different', () => {
    const hash = (spec: ApplicationSpec, more?: Partial<ManifestInput>) => hashOf(made(spec, more));
    const all = [
      hash(plainSpec('stateless')),
      hash(plainSpec('stateless', { replicas: 2 })),
      hash(plainSpec('stateful')),
      hash(fullSpec('stateless')),
      hash(fullSpec('stateless'), { values: { ...VALUES, pull_password: 'other' } as never }),
      hash(fullSpec('stateless'), { namespace: 'other' }),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it('what is put into a place takes the place of what is there, and nothing else', () => {
    fc.assert(
      fc.property(
        anySpec.chain((spec) =>
          fc.tuple(fc.constant(spec), overridesOf([...spec.containers, ...(spec.init_containers ?? [])])),
        ),
        ([spec, overrides]) => {
          const changed = withOverrides(spec, overrides);
          assert.deepEqual(withOverrides(spec, {}), spec);
          assert.deepEqual(withOverrides(changed, overrides), changed);
          assert.equal(changed.replicas, overrides.replicas ?? spec.replicas);
          assert.deepEqual(changed.scheduling, overrides.scheduling ?? spec.scheduling);
          const all = [...spec.containers, ...(spec.init_containers ?? [])];
          const now = [...changed.containers, ...(changed.init_containers ?? [])];
          for (const [index, before] of all.entries()) {
            const after = now[index];
            assert.ok(after);
            assert.equal(after.image, overrides.images?.[before.name] ?? before.image);
            assert.deepEqual(after.resources, overrides.resources?.[before.name] ?? before.resources);
            const values = Object.fromEntries((after.env ?? []).map((variable) => [variable.name, variable]));
            assert.equal(Object.keys(values).length, after.env?.length);
            for (const [name, value] of Object.entries(overrides.env ?? {}))
              assert.deepEqual(values[name], { name, value });
            for (const variable of before.env ?? [])
              if (!Object.hasOwn(overrides.env ?? {}, variable.name))
                assert.deepEqual(values[variable.name], variable);
            assert.deepEqual(
              { ...after, image: 0, resources: 0, env: 0 },
              { ...before, image: 0, resources: 0, env: 0 },
            );
          }
        },
      ),
    );
  });

  it('stopped: no instance runs, whatever the kind, and nothing scales', () => {
    const stopped = (kind: ApplicationSpec['kind'], apis = NEWEST) =>
      made(fullSpec(kind, { stopped: true }), { apis });
    for (const kind of ['stateless', 'stateful'] as const) {
      const manifests = stopped(kind);
      assert.equal(workloadOf(manifests).spec.replicas, 0);
      assert.ok(!kindsOf(manifests).includes('HorizontalPodAutoscaler'));
      assert.ok(!kindsOf(manifests).includes('PodDisruptionBudget'));
    }
    const { nodeSelector } = templateOf(workloadOf(stopped('daemon'))).spec;
    assert.deepEqual(nodeSelector, { 'kubernetes.io/os': 'linux', 'cetus.io/stopped': 'true' });
    assert.equal(workloadOf(stopped('cronjob')).spec.suspend, true);
    assert.equal(workloadOf(stopped('job')).spec.suspend, true);
    assert.equal(workloadOf(stopped('job')).spec.parallelism, 2);
    const old = workloadOf(stopped('job', OLDEST)).spec;
    assert.deepEqual([old.suspend, old.parallelism], [undefined, 0]);
    // It goes on where it was, not anew.
    assert.equal(workloadOf(stopped('job')).metadata.name, workloadOf(made(fullSpec('job'))).metadata.name);
  });

  it('paused: no instance is replaced', () => {
    const paused = (kind: ApplicationSpec['kind'], more = {}) =>
      workloadOf(made(plainSpec(kind, { paused: true, ...more }))).spec;
    assert.equal(paused('stateless').paused, true);
    assert.equal(paused('stateful', { replicas: 4 }).updateStrategy.rollingUpdate.partition, 4);
    const autoscaling = { min_replicas: 1, max_replicas: 7, cpu_percent: 1 };
    assert.equal(paused('stateful', { autoscaling }).updateStrategy.rollingUpdate.partition, 7);
    assert.deepEqual(paused('daemon').updateStrategy, { type: 'OnDelete' });
  });

  it('the number of instances is said when nothing is asked, and left to an autoscaler', () => {
    const replicas = (more: Partial<ApplicationSpec>) =>
      workloadOf(made(plainSpec('stateless', more))).spec.replicas;
    const autoscaling = { min_replicas: 1, max_replicas: 3, cpu_percent: 50 };
    assert.deepEqual(
      [replicas({}), replicas({ replicas: 0 }), replicas({ replicas: 5, autoscaling })],
      [1, 0, undefined],
    );
  });

  it('instances are replaced when what they read changes, and only then', () => {
    const template = (spec: ApplicationSpec, values = VALUES) =>
      JSON.stringify(templateOf(workloadOf(made(spec, { values }))));
    const spec = fullSpec('stateless');
    const before = template(spec);
    const files = (text: string, name = 'settings') =>
      fullSpec('stateless', {
        config_files: [
          { name: 'settings', files: { 'web.conf': name === 'settings' ? text : 'a = 1\n', empty: '' } },
          ...(name === 'settings' ? [] : [{ name, files: { f: text } }]),
        ],
      });
    assert.equal(template(files('a = 1\n')), before);
    assert.notEqual(template(files('a = 2\n')), before);
    // Nobody reads it.
    assert.equal(template(files('x', 'other')), before);
    const values = (password: string, pull_password: string) => ({
      secrets: { database: { password, empty: '' } },
      pull_password,
      salt: 'salt',
    });
    assert.equal(template(spec, values('correct horse', 'another')), before);
    assert.notEqual(template(spec, values('wrong horse', 'battery staple')), before);
    const unread = { ...fullSpec('stateless'), containers: plainSpec('stateless').containers };
    assert.equal(template(unread, values('a', 'b')), template(unread, values('c', 'd')));
    assert.notEqual(template(fullSpec('stateless', { restarted_at: '2026-03-02T00:00:00Z' })), before);
  });

  it('of a secret nothing can be seen but what its Secret holds', () => {
    for (const kind of APPLICATION_KINDS) {
      const shown = JSON.stringify(made(fullSpec(kind)).map(redactManifest));
      for (const value of ['correct horse', 'battery staple', 'puller:']) {
        assert.ok(!shown.includes(value), value);
        assert.ok(!shown.includes(Buffer.from(value).toString('base64').slice(0, 12)), value);
      }
    }
    const [secret] = made(fullSpec('stateless'));
    assert.ok(secret);
    assert.deepEqual(redactManifest(secret)['data'], { empty: '***', password: '***' });
    const others = made(fullSpec('stateless')).filter(({ kind }) => kind !== 'Secret');
    assert.deepEqual(others.map(redactManifest), others);
  });

  it('equal values of two applications do not show as such, nor can they be tried out', () => {
    const sum = (salt: string) => {
      const input = inputOf(fullSpec('stateless'));
      assert.ok(input.values);
      const manifests = manifestsOf({ ...input, values: { ...input.values, salt } });
      return templateOf(workloadOf(manifests)).metadata.annotations['cetus.io/secret-checksum'];
    };
    assert.notEqual(sum('a'), sum('b'));
  });

  it('a secret without its values is a mistake of ours, which does not tell them', () => {
    for (const values of [
      null,
      { secrets: { database: { password: 'p' } }, pull_password: 'p', salt: 'salt' },
    ])
      assert.throws(
        () => made(fullSpec('stateless'), { values }),
        (error) =>
          error instanceof CetusError && error.code === 'internal_error' && !error.message.includes('"p"'),
      );
  });

  it('an autoscaler is of the newest version that the cluster serves, and asks for what that cannot say are refused', () => {
    const scaler = (apiVersion: string | undefined, more: object = {}) => {
      const autoscaling = { min_replicas: 1, max_replicas: 3, cpu_percent: 50, ...more };
      const apis = { ...NEWEST, versions: { HorizontalPodAutoscaler: apiVersion } as never };
      return one(made(plainSpec('stateless', { autoscaling }), { apis }), 'HorizontalPodAutoscaler').spec;
    };
    assert.equal(scaler('autoscaling/v1').targetCPUUtilizationPercentage, 50);
    assert.equal(scaler('autoscaling/v1').metrics, undefined);
    for (const version of ['autoscaling/v2beta2', 'autoscaling/v2'])
      assert.deepEqual(
        scaler(version, { memory_percent: 60 }).metrics.map((metric: Anything) => [
          metric.resource.name,
          metric.resource.target.averageUtilization,
        ]),
        [
          ['memory', 60],
          ['cpu', 50],
        ],
      );
    refuses(() => scaler('autoscaling/v1', { memory_percent: 60 }), 'autoscaling/memory_percent');
    refuses(() => scaler(undefined), 'autoscaling');
  });

  it('what a cluster is too old for is refused, by the name of the field', () => {
    const old = (spec: ApplicationSpec) => () => made(spec, { apis: OLDEST });
    const strategy = (kind: ApplicationSpec['kind'], more: object) =>
      plainSpec(kind, { update_strategy: { type: 'rolling', ...more } });
    refuses(old(strategy('stateful', { min_ready_seconds: 5 })), 'update_strategy/min_ready_seconds');
    refuses(old(strategy('daemon', { max_surge: 1 })), 'update_strategy/max_surge');
    const { spec } = workloadOf(made(strategy('daemon', { max_surge: 1 })));
    assert.deepEqual(spec.updateStrategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
    assert.equal(workloadOf(made(strategy('stateful', { min_ready_seconds: 5 }))).spec.minReadySeconds, 5);
    const none = { versions: {}, minor: 33 };
    refuses(() => made(plainSpec('cronjob'), { apis: none }), 'kind');
    refuses(() => made({ ...fullSpec('daemon') }, { apis: none }), 'exposure/ingress');
    // Nobody asked for it.
    assert.ok(
      !kindsOf(made(plainSpec('stateless', { replicas: 3 }), { apis: none })).includes('PodDisruptionBudget'),
    );
  });

  it('an ingress has the form of its version', () => {
    const backend = (version: string) => {
      const apis = { ...NEWEST, versions: { ...NEWEST.versions, Ingress: version } };
      return one(made(fullSpec('stateless'), { apis }), 'Ingress').spec.rules[0].http.paths[0].backend;
    };
    assert.deepEqual(backend('networking.k8s.io/v1'), { service: { name: 'shop', port: { number: 80 } } });
    assert.deepEqual(backend('networking.k8s.io/v1beta1'), { serviceName: 'shop', servicePort: 80 });
  });

  it('one of several instances may be taken away at a time; broken ones hold no node where that can be said', () => {
    const budget = (spec: ApplicationSpec, apis = NEWEST) =>
      made(spec, { apis }).find(({ kind }) => kind === 'PodDisruptionBudget')?.['spec'];
    const selector = { matchLabels: { 'cetus.io/application': APPLICATION_ID } };
    const several = plainSpec('stateful', { replicas: 2 });
    assert.deepEqual(budget(several), {
      maxUnavailable: 1,
      selector,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
    assert.deepEqual(budget(several, OLDEST), { maxUnavailable: 1, selector });
    for (const spec of [plainSpec('stateless'), plainSpec('daemon'), plainSpec('job')])
      assert.equal(budget(spec), undefined);
  });

  it('lets traffic in from outside only where it is to come from outside', () => {
    const ports = [
      { name: 'a', port: 80, target_port: 'http' },
      { name: 'b', port: 53, protocol: 'UDP' as const },
    ];
    const policy = (type: 'none' | 'cluster_ip' | 'node_port' | 'load_balancer', ingress?: object) =>
      (
        made(
          plainSpec('stateless', {
            exposure: {
              type,
              ports,
              ...(ingress === undefined ? {} : { ingress: { host: 'h', ...ingress } }),
            },
          }),
        ).find(({ kind }) => kind === 'NetworkPolicy') as Anything
      )?.spec.ingress;
    const all = [
      {
        ports: [
          { port: 'http', protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
      },
    ];
    assert.deepEqual(
      [policy('none'), policy('cluster_ip'), policy('node_port'), policy('load_balancer')],
      [undefined, undefined, all, all],
    );
    assert.deepEqual(policy('cluster_ip', {}), [{ ports: [{ port: 'http', protocol: 'TCP' }] }]);
    assert.deepEqual(policy('load_balancer', {}), all);
  });

  it('a job is another one when anything of what it runs is, or when it is asked for again', () => {
    const name = (more: Partial<ApplicationSpec>, values = VALUES) =>
      workloadOf(made(fullSpec('job', more), { values })).metadata.name as string;
    const before = name({});
    assert.match(before, /^shop-[0-9a-f]{10}$/);
    const names = [
      before,
      name({ runs: 1 }),
      name({ containers: plainSpec('job').containers }),
      name({ job: { completions: 3 } }),
      name({ restarted_at: null }),
    ];
    assert.equal(new Set(names).size, names.length);
    assert.equal(
      name({ job: { completions: 2, backoff_limit: 9, parallelism: 1, restart: 'on_failure' } }),
      before,
    );
  });

  it('what reaches the node is carried out as asked', () => {
    const { spec } = templateOf(
      workloadOf(
        made(
          plainSpec('daemon', {
            host_network: true,
            volumes: [{ name: 'logs', host_path: { path: '/var/log' } }],
            containers: [
              {
                name: 'agent',
                image: 'agent:1',
                ports: [{ port: 9100 }],
                mounts: [{ volume: 'logs', path: '/logs', read_only: true }],
                security: { privileged: true },
              },
            ],
          }),
        ),
      ),
    );
    assert.deepEqual([spec.hostNetwork, spec.dnsPolicy], [true, 'ClusterFirstWithHostNet']);
    assert.deepEqual(spec.volumes, [{ name: 'host-logs', hostPath: { path: '/var/log' } }]);
    assert.deepEqual(spec.containers[0].securityContext, { privileged: true });
    assert.deepEqual(spec.containers[0].ports, [{ containerPort: 9100, hostPort: 9100, protocol: 'TCP' }]);
    assert.deepEqual(spec.containers[0].volumeMounts, [
      { name: 'host-logs', mountPath: '/logs', readOnly: true },
    ]);
  });
});

function refuses(action: () => unknown, field: string): void {
  assert.throws(
    action,
    (error) => error instanceof CetusError && error.code === 'api_not_served' && error.field === field,
  );
}

function hasLabels(labels: Record<string, string> | undefined, spec: ApplicationSpec, name: string): void {
  assert.deepEqual(labels, {
    ...spec.labels,
    'app.kubernetes.io/managed-by': 'cetus',
    'app.kubernetes.io/name': name,
    'cetus.io/application': APPLICATION_ID,
  });
}

/** Every mount has its volume, and volumes have names of their own that Kubernetes takes. */
function namesFit(pod: Anything, templates: Anything[]): void {
  const volumes: string[] = [...(pod.volumes ?? []), ...templates.map(({ metadata }) => metadata)].map(
    ({ name }) => name,
  );
  assert.equal(new Set(volumes).size, volumes.length, volumes.join());
  for (const name of volumes) assert.match(name, /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  for (const { volumeMounts = [] } of [...pod.containers, ...(pod.initContainers ?? [])])
    for (const { name } of volumeMounts) assert.ok(volumes.includes(name), name);
}

/** Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline; folders of the node were asked for. */
function meetsBaseline(pod: Anything): void {
  assert.deepEqual(
    [pod.automountServiceAccountToken, pod.enableServiceLinks, pod.hostNetwork, pod.hostPID, pod.hostIPC],
    [false, false, undefined, undefined, undefined],
  );
  assert.deepEqual(pod.securityContext, { seccompProfile: { type: 'RuntimeDefault' } });
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    assert.equal(container.securityContext.allowPrivilegeEscalation, false);
    assert.equal(container.securityContext.privileged, undefined);
    assert.equal(container.securityContext.capabilities?.add, undefined);
    for (const port of container.ports ?? []) assert.equal(port.hostPort, undefined);
  }
}

/** The same with the fields of all objects the other way round, but for those of maps whose order is asked for. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reversed(inner)]),
  ) as T;
}
