import assert from 'node:assert/strict';
import { ask, ClusterBench, deployment, specOf, type Answer } from '../support.ts';

const SPACE = '/api/v1/namespaces/space';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/space/deployments';

describe('admission, by the version of the cluster', () => {
  const bench = new ClusterBench();
  afterEach(() => bench.close());

  const open = async (version: string, labels: Record<string, string> = {}): Promise<void> => {
    const [master] = specOf().nodes;
    assert.ok(master !== undefined);
    await bench.open({ version, nodes: [{ ...master, version }] });
    await bench.send('POST', '/api/v1/namespaces', { metadata: { name: 'space', labels } });
    await bench.until(`${SPACE}/serviceaccounts`, ({ items }) => items.length > 0);
  };
  const post = (path: string, body: unknown): Promise<Answer> =>
    ask(bench.cluster, path, { method: 'POST', body });
  const pod = (more: object = {}): object => ({
    metadata: { name: 'x' },
    spec: {
      ...more,
      containers: [
        { name: 'b', image: 'b' },
        { name: 'a', image: 'a' },
      ],
    },
  });
  const enforce = (level: string): Record<string, string> => ({
    'pod-security.kubernetes.io/enforce': level,
  });

  it('looks at the security of pods from 1.23 on', async () => {
    await open('v1.22.17', enforce('baseline'));
    assert.equal((await post(`${SPACE}/pods`, pod({ hostNetwork: true }))).status, 201);
    const level = { metadata: { name: 'other', labels: enforce('strict') } };
    assert.equal((await post('/api/v1/namespaces', level)).status, 201);
    await bench.close();
    await open('v1.23.17', enforce('baseline'));
    assert.equal((await post(`${SPACE}/pods`, pod({ hostNetwork: true }))).status, 403);
    assert.equal((await post('/api/v1/namespaces', level)).status, 422);
  });

  it('warns of what it will refuse by itself from 1.26 on', async () => {
    const risky = deployment('web', 0, 'web:1', {});
    Object.assign((risky as { spec: { template: { spec: object } } }).spec.template.spec, { hostPID: true });
    await open('v1.25.16', enforce('baseline'));
    const silent = await post(DEPLOYMENTS, risky);
    assert.deepEqual([silent.status, silent.headers['warning']], [201, undefined]);
    await bench.close();
    await open('v1.26.15', enforce('baseline'));
    const warned = await post(DEPLOYMENTS, risky);
    assert.equal(warned.status, 201);
    assert.match(
      String(warned.headers['warning']),
      /^299 - "would violate PodSecurity \\"baseline:latest\\": host/,
    );
  });

  it('names the containers that a quota wants a request of from 1.24 on', async () => {
    const quota = {
      metadata: { name: 'q' },
      spec: { hard: { 'requests.cpu': '1', 'limits.memory': '1Gi' } },
    };
    const refused = async (version: string): Promise<string> => {
      await open(version);
      await bench.send('POST', `${SPACE}/resourcequotas`, quota);
      await bench.until(`${SPACE}/resourcequotas/q`, ({ status }) => status?.used);
      const { status, body } = await post(`${SPACE}/pods`, pod());
      assert.equal(status, 403);
      return String(body.message);
    };
    const says = 'pods "x" is forbidden: failed quota: q: must specify';
    assert.equal(await refused('v1.23.17'), `${says} limits.memory,requests.cpu`);
    await bench.close();
    assert.equal(await refused('v1.24.17'), `${says} limits.memory for: a,b; requests.cpu for: a,b`);
  });

  it('serves autoscalers, budgets and cron jobs in the versions of their time', async () => {
    const served = async (version: string): Promise<string[]> => {
      await open(version);
      const found: string[] = [];
      for (const [groupVersion, resource] of [
        ['autoscaling/v1', 'horizontalpodautoscalers'],
        ['autoscaling/v2beta2', 'horizontalpodautoscalers'],
        ['autoscaling/v2', 'horizontalpodautoscalers'],
        ['batch/v1beta1', 'cronjobs'],
        ['batch/v1', 'cronjobs'],
        ['policy/v1beta1', 'poddisruptionbudgets'],
        ['policy/v1', 'poddisruptionbudgets'],
      ] as const) {
        const { status } = await ask(bench.cluster, `/apis/${groupVersion}/namespaces/space/${resource}`);
        if (status === 200) found.push(groupVersion);
      }
      await bench.close();
      return found;
    };
    assert.deepEqual(await served('v1.20.2'), [
      'autoscaling/v1',
      'autoscaling/v2beta2',
      'batch/v1beta1',
      'policy/v1beta1',
    ]);
    assert.deepEqual(await served('v1.24.0'), [
      ...['autoscaling/v1', 'autoscaling/v2beta2', 'autoscaling/v2', 'batch/v1beta1', 'batch/v1'],
      ...['policy/v1beta1', 'policy/v1'],
    ]);
    assert.deepEqual(await served('v1.33.2'), ['autoscaling/v1', 'autoscaling/v2', 'batch/v1', 'policy/v1']);
  });
});
