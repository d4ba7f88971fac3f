import assert from 'node:assert/strict';
import type { KubernetesError } from '../../src/errors.ts';
import { MANAGED_KINDS, type ManagedKindName } from '../../src/managed-kinds.ts';
import { collectionPath } from '../../src/object-path.ts';
import { ServedApis } from '../../src/served-apis.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';

kubernetesContract('admission', (bench) => {
  const dry = { dryRun: 'All' };
  const create = async (kind: ManagedKindName, body: object, query = dry): Promise<Thing> => {
    const apiVersion = (await new ServedApis(bench.connection).apiVersionOf(kind)) ?? '';
    const namespace = MANAGED_KINDS[kind].namespaced ? bench.namespace : undefined;
    return bench.post(collectionPath({ apiVersion, kind, namespace }), body, query);
  };
  const fieldsOf = ({ details }: KubernetesError): (string | undefined)[] =>
    [...new Set(details?.causes?.map(({ field }) => field))].sort();
  const invalid = async (kind: ManagedKindName, body: object): Promise<(string | undefined)[]> =>
    fieldsOf(await refusal(create(kind, { metadata: { name: 'bad' }, ...body }), 422, 'Invalid'));

  it('takes a dry run through all checks, and stores nothing', async () => {
    const path = bench.path('configmaps');
    const kept = await bench.post(path, { metadata: { name: 'kept' } });
    // Beside a body, a parameter counts for nothing.
    await bench.delete(`${path}/kept`, { dryRun: ['All'] });
    assert.equal((await bench.get(`${path}/kept`)).metadata.resourceVersion, kept.metadata.resourceVersion);
    await bench.delete(`${path}/kept`, undefined, dry);
    assert.equal((await bench.get(`${path}/kept`)).metadata.deletionTimestamp, undefined);
    await bench.delete(`${path}/kept`, {}, dry);
    await refusal(bench.get(`${path}/kept`), 404, 'NotFound');
    await refusal(create('Pod', { metadata: { name: 'x' }, spec: { containers: [] } }), 422, 'Invalid');
    const spec = { serviceAccountName: 'nobody', containers: [{ name: 'c', image: 'x' }] };
    await refusal(create('Pod', { metadata: { name: 'x' }, spec }), 403, 'Forbidden');
    await refusal(
      create('Pod', {
        metadata: { name: 'x' },
        spec: { ...spec, serviceAccountName: 'default', priorityClassName: 'none' },
      }),
      403,
      'Forbidden',
    );
  });

  it('says what is wrong with a network policy', async () => {
    const fields = await invalid('NetworkPolicy', {
      spec: {
        podSelector: { matchLabels: { 'a b': 'c' } },
        policyTypes: ['Foo'],
        ingress: [{ from: [{}], ports: [{ port: 70_000 }, { protocol: 'X', port: 'Abc!' }] }],
        egress: [{ to: [{ ipBlock: { cidr: 'x' }, podSelector: {} }] }],
      },
    });
    assert.deepEqual(fields, [
      'spec.egress[0].to[0]',
      'spec.egress[0].to[0].ipBlock.cidr',
      'spec.ingress[0].from[0]',
      'spec.ingress[0].ports[0].port',
      'spec.ingress[0].ports[1].port',
      'spec.ingress[0].ports[1].protocol',
      'spec.podSelector.matchLabels',
      'spec.policyTypes[0]',
    ]);
    const made = await create('NetworkPolicy', {
      metadata: { name: 'good' },
      spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] },
    });
    assert.deepEqual(made['spec'], {
      podSelector: {},
      ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }],
      policyTypes: ['Ingress'],
    });
  });

  it('says what is wrong with roles and their bindings', async () => {
    const rules = [{}, { verbs: ['get'], apiGroups: [''], nonResourceURLs: ['/x'] }];
    assert.deepEqual(await invalid('Role', { rules }), [
      'rules[0].apiGroups',
      'rules[0].resources',
      'rules[0].verbs',
      'rules[1].nonResourceURLs',
    ]);
    const subjects = [
      { kind: 'ServiceAccount', name: 'x' },
      { kind: 'User', name: '' },
    ];
    assert.deepEqual(await invalid('RoleBinding', { roleRef: { kind: 'Role' }, subjects }), [
      'roleRef.name',
      'subjects[1].name',
    ]);
    const foreign = [{ kind: 'User', name: 'a', apiGroup: 'b' }];
    const roleRef = { kind: 'Role', name: 'x', apiGroup: 'foo' };
    assert.deepEqual(await invalid('RoleBinding', { roleRef, subjects: foreign }), [
      'roleRef.apiGroup',
      'subjects[0].apiGroup',
    ]);
  });

  it('says what is wrong with a budget, a priority, an autoscaler', async () => {
    const budget = (spec: object): Promise<(string | undefined)[]> =>
      invalid('PodDisruptionBudget', { spec });
    assert.deepEqual(await budget({ minAvailable: 1, maxUnavailable: 1 }), ['spec']);
    assert.deepEqual(await budget({ minAvailable: -1 }), ['spec.minAvailable']);
    assert.deepEqual(await budget({ maxUnavailable: '120%' }), ['spec.maxUnavailable']);
    assert.deepEqual(await budget({ minAvailable: 'x' }), ['spec.minAvailable']);
    assert.deepEqual(await invalid('PriorityClass', { value: 2_000_000_000, preemptionPolicy: 'x' }), [
      'preemptionPolicy',
      'value',
    ]);
    const scaler = { minReplicas: 1, maxReplicas: 0, scaleTargetRef: {}, metrics: [{ type: 'Resource' }] };
    assert.deepEqual(await invalid('HorizontalPodAutoscaler', { spec: scaler }), [
      'spec.maxReplicas',
      'spec.metrics[0].resource',
      'spec.scaleTargetRef.kind',
      'spec.scaleTargetRef.name',
    ]);
  });

  it('says what is wrong with an ingress', async () => {
    const paths = [
      { path: 'x', pathType: 'Prefix', backend: { service: { name: 'a' } } },
      { pathType: 'Foo', backend: {} },
      { path: '/a', backend: { service: { name: 'a', port: { number: 80 } } } },
    ];
    const spec = { rules: [{ host: 'Foo_bar', http: { paths } }], tls: [{ hosts: ['*.x..y'] }] };
    assert.deepEqual(await invalid('Ingress', { spec }), [
      'spec.rules[0].host',
      'spec.rules[0].http.paths[0].backend',
      'spec.rules[0].http.paths[0].path',
      'spec.rules[0].http.paths[1].backend',
      'spec.rules[0].http.paths[1].pathType',
      'spec.rules[0].http.paths[2].pathType',
      'spec.tls[0].hosts[0]',
    ]);
    const numbered = { rules: [{ host: '1.2.3.4', http: { paths: [] } }] };
    assert.deepEqual(await invalid('Ingress', { spec: numbered }), [
      'spec.rules[0].host',
      'spec.rules[0].http.paths',
    ]);
    assert.deepEqual(await invalid('Ingress', { spec: {} }), ['spec']);
  });
});
