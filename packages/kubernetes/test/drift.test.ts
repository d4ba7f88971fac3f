import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Manifest } from '../src/apply.ts';
import { differences, HIDDEN, type Difference } from '../src/drift.ts';
import { isExactMap, isQuantity, listTrait } from '../src/field-traits.ts';
import type { KubernetesObject } from '../src/objects.ts';

type Fields = Record<string, unknown>;

const compare = (desired: object, live: object, most?: number): Difference[] =>
  differences(desired as Manifest, live as KubernetesObject, { most });
const paths = (found: Difference[]): string[] => found.map(({ path }) => path);

describe('differences between a manifest and an object', () => {
  const deployment = (container: object = {}, pod: object = {}, spec: object = {}): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { 'example.org/tier': 'front' } },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'web:1', ...container }], ...pod },
      },
      ...spec,
    },
  });
  const CONTAINER = 'spec.template.spec.containers[name="web"]';

  it('are told by path, with both values', () => {
    const live = deployment({ image: 'web:2' }, {}, { replicas: 2 });
    Object.assign((live as { metadata: object }).metadata, {
      labels: { 'example.org/tier': 'back', more: 'x' },
    });
    assert.deepEqual(compare(deployment(), live), [
      { path: 'metadata.labels["example.org/tier"]', desired: 'front', live: 'back' },
      { path: `${CONTAINER}.image`, desired: 'web:1', live: 'web:2' },
    ]);
    assert.deepEqual(compare(deployment(), live, 1).length, 1);
    assert.deepEqual(compare(deployment(), live, 0), []);
  });

  it('are found in lists by the keys of their items', () => {
    const desired = deployment({
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
      ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP', name: 'dns' }],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    });
    const live = deployment({
      env: [
        { name: 'injected', value: 'x' },
        { name: 'B', value: '3' },
      ],
      ports: [
        { containerPort: 80, protocol: 'UDP', name: 'other' },
        { containerPort: 80, protocol: 'TCP' },
      ],
      volumeMounts: [{ name: 'other', mountPath: '/data' }],
    });
    assert.deepEqual(compare(desired, live), [
      { path: `${CONTAINER}.env[name="A"]`, desired: { name: 'A', value: '1' }, live: undefined },
      { path: `${CONTAINER}.env[name="B"].value`, desired: '2', live: '3' },
      { path: `${CONTAINER}.ports[containerPort=80,protocol="UDP"].name`, desired: 'dns', live: 'other' },
      { path: `${CONTAINER}.volumeMounts[mountPath="/data"].name`, desired: 'data', live: 'other' },
    ]);
    const service = (...ports: object[]): object => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { ports },
    });
    assert.deepEqual(
      paths(
        compare(
          service({ port: 53, protocol: 'UDP', targetPort: 5353 }),
          service({ port: 53, protocol: 'TCP' }),
        ),
      ),
      ['spec.ports[port=53,protocol="UDP"]'],
    );
  });

  it('are found in lists without keys by place, and in those of another length as a whole', () => {
    const args = (...args: string[]): object => deployment({ args });
    assert.deepEqual(paths(compare(args('a', 'b'), args('a', 'c'))), [`${CONTAINER}.args[1]`]);
    assert.deepEqual(paths(compare(args('a', 'b'), args('a'))), [`${CONTAINER}.args`]);
    assert.deepEqual(paths(compare(args(), args('a'))), [`${CONTAINER}.args`]);
    assert.deepEqual(compare(args(), deployment()), []);
  });

  it("are none in the order of metrics, which is the server's", () => {
    const autoscaler = (...metrics: [string, number][]): object => ({
      apiVersion: 'autoscaling/v2beta2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web' },
      spec: {
        metrics: metrics.map(([name, averageUtilization]) => ({
          type: 'Resource',
          resource: { name, target: { type: 'Utilization', averageUtilization } },
        })),
      },
    });
    const desired = autoscaler(['cpu', 70], ['memory', 80]);
    assert.deepEqual(compare(desired, autoscaler(['memory', 80], ['cpu', 70])), []);
    assert.deepEqual(compare(desired, autoscaler(['memory', 80], ['cpu', 90])), [
      { path: 'spec.metrics[0].resource.target.averageUtilization', desired: 70, live: 90 },
    ]);
    assert.deepEqual(paths(compare(desired, autoscaler(['cpu', 70]))), ['spec.metrics']);
  });

  it('are none between notations of one quantity', () => {
    const limits = (limits: object): object => deployment({ resources: { limits } });
    assert.deepEqual(
      compare(limits({ cpu: '1000m', memory: '1024Mi' }), limits({ cpu: '1', memory: '1Gi' })),
      [],
    );
    assert.deepEqual(compare(limits({ cpu: 0.5 }), limits({ cpu: '500m' })), []);
    assert.deepEqual(paths(compare(limits({ cpu: '1' }), limits({ cpu: '1m' }))), [
      `${CONTAINER}.resources.limits.cpu`,
    ]);
    // Elsewhere they are texts.
    const map = (data: object): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x' },
      data,
    });
    assert.deepEqual(paths(compare(map({ sizeLimit: '1' }), map({ sizeLimit: '1000m' }))), [
      'data.sizeLimit',
    ]);
  });

  it('are none where the server leaves out what says nothing', () => {
    const said = { hostNetwork: false, volumes: [], nodeSelector: {} };
    assert.deepEqual(
      compare(deployment({ env: [{ name: 'A', value: '' }] }, said), deployment({ env: [{ name: 'A' }] })),
      [],
    );
    assert.deepEqual(paths(compare(deployment({}, said), deployment({}, { hostNetwork: true }))), [
      'spec.template.spec.hostNetwork',
    ]);
    // Where not said is not the same as no.
    const token = { automountServiceAccountToken: false };
    assert.deepEqual(paths(compare(deployment({}, token), deployment())), [
      'spec.template.spec.automountServiceAccountToken',
    ]);
    assert.deepEqual(paths(compare(deployment({}, {}, { replicas: 0 }), deployment())), ['spec.replicas']);
    const empty = deployment({}, { volumes: [{ name: 'tmp', emptyDir: {} }] });
    assert.deepEqual(
      paths(compare(empty, deployment({}, { volumes: [{ name: 'tmp', hostPath: { path: '/' } }] }))),
      ['spec.template.spec.volumes[name="tmp"].emptyDir'],
    );
    assert.deepEqual(compare({ ...deployment(), status: { replicas: 1 } }, deployment()), []);
    assert.deepEqual(compare(deployment({}, {}, { minReadySeconds: null }), deployment()), []);
  });

  it('are what others add to a selector, which is one value', () => {
    const service = (selector: object): object => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector },
    });
    assert.deepEqual(compare(service({ app: 'web' }), service({ app: 'web', canary: 'yes' })), [
      { path: 'spec.selector.canary', desired: undefined, live: 'yes' },
    ]);
  });

  it('show nothing of a Secret', () => {
    const secret = (more: object): object => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'x' },
      ...more,
    });
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const desired = secret({ stringData: { password: 'one' }, data: { user: base64('me') } });
    assert.deepEqual(compare(desired, secret({ data: { password: base64('one'), user: base64('me') } })), []);
    const found = compare(desired, secret({ data: { password: base64('two') } }));
    assert.deepEqual(found, [
      { path: 'data.user', desired: HIDDEN, live: undefined },
      { path: 'data.password', desired: HIDDEN, live: HIDDEN },
    ]);
    assert.doesNotMatch(JSON.stringify(compare(desired, secret({}))), /one|bWU/);
  });

  it('are the uid, and the kind where it is said', () => {
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', uid: '1', resourceVersion: '5' },
    };
    assert.deepEqual(compare(map, { metadata: { name: 'x', uid: '1', resourceVersion: '6' } }), []);
    assert.deepEqual(paths(compare(map, { ...map, kind: 'Secret', metadata: { name: 'x', uid: '2' } })), [
      'kind',
      'metadata.uid',
    ]);
  });
});

/** Any manifest of a Deployment with what has keys, quantities, and maps of both sorts. */
const name = fc.stringMatching(/^[a-z]{1,6}$/);
const text = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const entries = fc.dictionary(name, text, { minKeys: 1, maxKeys: 3 });
const amount = fc.integer({ min: 1, max: 4000 });
const list = <T>(item: fc.Arbitrary<T>, key: (item: T) => unknown): fc.Arbitrary<T[]> =>
  fc.uniqueArray(item, { selector: key, minLength: 1, maxLength: 3 });
const container = fc.record(
  {
    name,
    image: text,
    args: fc.array(text, { minLength: 1, maxLength: 3 }),
    env: list(fc.record({ name, value: text }), (one) => one.name),
    ports: list(
      fc.record({ containerPort: fc.integer({ min: 1, max: 5 }), protocol: fc.constantFrom('TCP', 'UDP') }),
      (one) => `${String(one.containerPort)}${one.protocol}`,
    ),
    resources: fc.record({
      limits: fc.record({
        cpu: amount.map((one) => `${String(one)}m`),
        memory: amount.map((one) => `${String(one)}Mi`),
      }),
    }),
    readinessProbe: fc.record({ httpGet: fc.record({ path: text, port: fc.integer({ min: 1, max: 9 }) }) }),
    volumeMounts: list(fc.record({ name, mountPath: text }), (one) => one.mountPath),
  },
  { requiredKeys: ['name', 'image'] },
);
const manifest: fc.Arbitrary<Fields> = fc
  .record({
    labels: entries,
    selector: entries,
    replicas: fc.integer({ min: 0, max: 9 }),
    containers: list(container, (one) => one.name),
    nodeSelector: entries,
    tolerations: fc.array(fc.record({ key: name, operator: fc.constant('Exists') }), {
      minLength: 1,
      maxLength: 2,
    }),
  })
  .map(({ labels, selector, replicas, ...pod }) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels },
    spec: {
      replicas,
      selector: { matchLabels: selector },
      template: { metadata: { labels: selector }, spec: pod },
    },
  }));

/** What a server makes of it: more fields, more items, another order, another notation. */
function completed(value: unknown, place: string[] = []): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => completed(item, place));
    const trait = listTrait(place, 'Deployment');
    return typeof trait === 'string'
      ? items
      : [...items.reverse(), { name: 'injected', mountPath: '/injected' }];
  }
  if (typeof value !== 'object' || value === null) {
    if (!isQuantity(place, 'Deployment')) return value;
    const [, digits = '', unit = ''] = /^(\d+)(m|Mi)$/.exec(String(value)) ?? [];
    return unit === 'm' ? String(Number(digits) / 1000) : `${String(Number(digits) * 1024)}Ki`;
  }
  const fields = Object.entries(value).map(([key, one]) => [key, completed(one, [...place, key])]);
  const isOne = isExactMap(place);
  return { ...Object.fromEntries(fields), ...(isOne ? {} : { serverDefault: { deep: [1] } }) };
}

/** Every leaf: a copy of the whole in which it is another, or gone. */
function* changes(
  value: unknown,
  place: string[],
  isItem = false,
): Generator<{ changed: unknown; what: string }> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const { changed, what } of changes(item, place, true))
        yield { changed: value.with(index, changed), what: `${what}, item ${String(index)}` };
    if (value.length > 0)
      yield { changed: value.slice(1), what: `${place.join('.')} without its first item` };
    return;
  }
  if (typeof value === 'object' && value !== null) {
    for (const [key, one] of Object.entries(value)) {
      const { [key]: _gone, ...rest } = value as Fields;
      const inner = [...place, key];
      // The protocol has a default, under which an item without it is found all the same.
      if (key !== 'protocol') yield { changed: rest, what: `${inner.join('.')} gone` };
      for (const { changed, what } of changes(one, inner))
        yield { changed: { ...value, [key]: changed }, what };
    }
    return;
  }
  const quantity = isQuantity(place, 'Deployment');
  const other = typeof value === 'number' ? value + 100 : quantity ? '7777' : `${String(value)}x`;
  yield { changed: other, what: `${place.join('.')}${isItem ? ' (an item)' : ''} changed` };
}

describe('differences, for any manifest', () => {
  it('are none after the server has completed it', () => {
    fc.assert(
      fc.property(manifest, (desired) => {
        assert.deepEqual(compare(desired, desired), []);
        assert.deepEqual(compare(desired, completed(desired) as object), []);
      }),
    );
  });

  it('are found wherever a leaf is changed or gone, and nowhere else', () => {
    fc.assert(
      fc.property(manifest, (desired) => {
        for (const { changed, what } of changes(desired, [])) {
          if (/^(apiVersion|kind) gone/.test(what)) continue;
          const found = compare(desired, completed(changed) as object, 100);
          // In place of one value of a list as a whole: all of its items.
          assert.ok(found.length >= 1, what);
          assert.ok(
            found.length === 1 || /selector|atchLabels|nodeSelector/.test(what),
            `${what}: ${paths(found).join()}`,
          );
        }
      }),
      { numRuns: 50 },
    );
  });
});
