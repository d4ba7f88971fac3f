import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { APPLY_PATCH, MERGE_PATCH } from '../../src/connection.ts';
import type { KubernetesError } from '../../src/errors.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('resource quotas', (bench) => {
  let quota: string;
  const made: string[] = [];

  /** A quota that counts already. */
  const limit = async (hard: Record<string, string>): Promise<Thing> => {
    const name = uniqueName('quota');
    quota = `${bench.path('resourcequotas')}/${name}`;
    await bench.post(bench.path('resourcequotas'), { metadata: { name }, spec: { hard } });
    return bench.until(quota, ({ status }) => status?.used !== undefined);
  };
  const used = async (): Promise<Record<string, string>> => (await bench.get(quota))['status'].used;
  const until = (wanted: Record<string, string>): Promise<Thing> =>
    bench.until(quota, ({ status }) =>
      Object.entries(wanted).every(([name, amount]) => status.used[name] === amount),
    );
  const post = async (resource: string, body: object, query = {}): Promise<Thing> => {
    const thing = await bench.post(bench.path(resource), body, query);
    if (!('dryRun' in query)) made.push(`${bench.path(resource)}/${thing.metadata.name}`);
    return thing;
  };
  const map = (name = uniqueName('map')): object => ({ metadata: { name } });
  const pod = (requests?: object, limits?: object): object => ({
    metadata: { name: uniqueName('pod') },
    spec: {
      // Nowhere to run: only its place is taken.
      nodeSelector: { 'example.org/nowhere': 'true' },
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'web', image: bench.cluster.image, resources: { requests, limits } }],
    },
  });
  const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const exceeded = (error: KubernetesError, requested: string, taken: string, limited: string): void =>
    assert.equal(
      error.message.replace(/^\S+ "[^"]*" /, ''),
      `is forbidden: exceeded quota: ${nameOf(quota)}, requested: ${requested}, used: ${taken}, limited: ${limited}`,
    );

  afterEach(async () => {
    for (const path of made.splice(0)) await bench.delete(path);
    await bench.delete(quota);
  });

  it('count objects, and refuse what is too much', async () => {
    const first = await limit({ 'count/configmaps': '9', configmaps: '9' });
    const before = Number(first['status'].used.configmaps);
    assert.deepEqual(first['status'].hard, { 'count/configmaps': '9', configmaps: '9' });
    const most = String(before + 1);
    await bench.patch(quota, { spec: { hard: { configmaps: most } } }, { type: MERGE_PATCH });
    await bench.until(quota, ({ status }) => status.hard.configmaps === most);
    await post('configmaps', map(), { dryRun: 'All' });
    assert.equal((await used())['configmaps'], String(before));
    const kept = await post('configmaps', map());
    assert.deepEqual(await used(), { 'count/configmaps': most, configmaps: most });
    const name = uniqueName('map');
    const path = `${bench.path('configmaps')}/${name}`;
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
    const apply = (query: object): Promise<Thing> =>
      bench.patch(path, applied, { type: APPLY_PATCH, query: { fieldManager: 'one', ...query } });
    for (const attempt of [
      () => post('configmaps', map(name)),
      () => post('configmaps', map(name), { dryRun: 'All' }),
      () => apply({}),
      () => apply({ dryRun: 'All' }),
      // A quota comes before a name that is taken.
      () => post('configmaps', map(kept.metadata.name)),
    ]) {
      const error = await refusal(attempt(), 403, 'Forbidden');
      exceeded(error, 'configmaps=1', `configmaps=${most}`, `configmaps=${most}`);
      assert.equal(error.details?.kind, 'configmaps');
      assert.equal(error.details.causes, undefined);
    }
    // What is there may change.
    await bench.patch(
      `${bench.path('configmaps')}/${kept.metadata.name}`,
      { data: { a: '1' } },
      { type: MERGE_PATCH },
    );
    await bench.delete(String(made.pop()));
    await until({ configmaps: String(before) });
    await post('configmaps', map(name));
  });

  it('sum up what pods ask for', async () => {
    await limit({ pods: '2', 'requests.cpu': '1', 'limits.memory': '1Gi', cpu: '1500m' });
    const vague = await refusal(post('pods', pod({ cpu: '600m' })), 403, 'Forbidden');
    assert.match(
      vague.message,
      new RegExp(`is forbidden: failed quota: ${nameOf(quota)}: must specify limits\\.memory`),
    );
    await post('pods', pod({ cpu: '600m' }, { memory: '512Mi' }));
    assert.deepEqual(await used(), {
      cpu: '600m',
      'limits.memory': '512Mi',
      pods: '1',
      'requests.cpu': '600m',
    });
    exceeded(
      await refusal(post('pods', pod({ cpu: '0.6' }, { memory: '1Gi' })), 403, 'Forbidden'),
      'limits.memory=1Gi,requests.cpu=600m',
      'limits.memory=512Mi,requests.cpu=600m',
      'limits.memory=1Gi,requests.cpu=1',
    );
    await post('pods', pod({ cpu: '0.4' }, { memory: '0.5Gi' }));
    assert.deepEqual(await used(), { cpu: '1', 'limits.memory': '1Gi', pods: '2', 'requests.cpu': '1' });
    exceeded(
      await refusal(post('pods', pod({ cpu: 0 }, { memory: 0 })), 403, 'Forbidden'),
      'pods=1',
      'pods=2',
      'pods=2',
    );
  });

  it('count services by what they take', async () => {
    await limit({ services: '3', 'services.nodeports': '1', 'services.loadbalancers': '0' });
    const service = (type: string, ports = 1): object => ({
      metadata: { name: uniqueName('svc') },
      spec: {
        type,
        ports: Array.from({ length: ports }, (_, index) => ({ name: `p${String(index)}`, port: 80 + index })),
      },
    });
    await post('services', service('NodePort'));
    const plain = await post('services', service('ClusterIP'));
    assert.deepEqual(await used(), {
      services: '2',
      'services.loadbalancers': '0',
      'services.nodeports': '1',
    });
    const path = `${bench.path('services')}/${plain.metadata.name}`;
    const grown = bench.patch(path, { spec: { type: 'NodePort' } }, { type: MERGE_PATCH });
    exceeded(
      await refusal(grown, 403, 'Forbidden'),
      'services.nodeports=1',
      'services.nodeports=1',
      'services.nodeports=1',
    );
    exceeded(
      await refusal(post('services', service('LoadBalancer', 2)), 403, 'Forbidden'),
      'services.loadbalancers=1,services.nodeports=2',
      'services.loadbalancers=0,services.nodeports=1',
      'services.loadbalancers=0,services.nodeports=1',
    );
  });

  it('count claims and what they store', async () => {
    await limit({ persistentvolumeclaims: '1', 'requests.storage': '2Gi' });
    const claim = (storage: string): object => ({
      metadata: { name: uniqueName('claim') },
      spec: { storageClassName: '', accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
    exceeded(
      await refusal(post('persistentvolumeclaims', claim('3Gi')), 403, 'Forbidden'),
      'requests.storage=3Gi',
      'requests.storage=0',
      'requests.storage=2Gi',
    );
    await post('persistentvolumeclaims', claim('1Gi'));
    assert.deepEqual(await used(), { persistentvolumeclaims: '1', 'requests.storage': '1Gi' });
  });

  it('let a deployment say why it has no pods', async () => {
    await limit({ pods: '0' });
    const path = await bench.deploy(1);
    const failed = await bench.until(path, ({ status }) =>
      status?.conditions?.some((one: { type: string }) => one.type === 'ReplicaFailure'),
    );
    type Condition = { type: string; status: string; reason: string; message: string };
    const failureOf = (thing: Thing): Condition =>
      thing['status'].conditions.find((one: Condition) => one.type === 'ReplicaFailure');
    const { status, reason, message } = failureOf(failed);
    assert.deepEqual([status, reason], ['True', 'FailedCreate']);
    const why = `is forbidden: exceeded quota: ${nameOf(quota)}, requested: pods=1, used: pods=0, limited: pods=0`;
    assert.match(message, /^pods "[a-z0-9-]+" /);
    assert.ok(message.endsWith(why), message);
    const sets = bench.path('replicasets', '/apis/apps/v1');
    const labelSelector = `app=${nameOf(path)}`;
    const [set] = (await bench.list(sets, { labelSelector })).items;
    assert.ok(set !== undefined);
    assert.deepEqual(
      [failureOf(set).status, failureOf(set).reason, failureOf(set).message],
      [status, reason, message],
    );
    assert.equal(set['status'].replicas, 0);
    const event = await waitFor(
      async () => {
        const fieldSelector = `involvedObject.uid=${set.metadata.uid},reason=FailedCreate`;
        return (await bench.list(bench.path('events'), { fieldSelector })).items[0];
      },
      { timeoutMs: 20_000, what: 'the event' },
    );
    assert.deepEqual([event['type'], event['involvedObject'].kind], ['Warning', 'ReplicaSet']);
    assert.match(event['message'], /Error creating: pods "[a-z0-9-]+" is forbidden: exceeded quota/);
    await bench.delete(path, { propagationPolicy: 'Background' });
    await bench.gone(`${sets}/${set.metadata.name}`);
  });

  it('must be of something that can be counted', async () => {
    await limit({ pods: '1' });
    const error = await refusal(
      bench.post(bench.path('resourcequotas'), {
        metadata: { name: 'bad' },
        spec: { hard: { foo: '1', pods: '-1', services: '1.5' } },
      }),
      422,
      'Invalid',
    );
    const fields = new Set(error.details?.causes?.map(({ field }) => field));
    assert.deepEqual(fields, new Set(['spec.hard[foo]', 'spec.hard[pods]', 'spec.hard[services]']));
  });
});
