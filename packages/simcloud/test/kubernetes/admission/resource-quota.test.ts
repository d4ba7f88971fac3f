import assert from 'node:assert/strict';
import { ask, ClusterBench } from '../support.ts';

const SPACE = '/api/v1/namespaces/default';
const QUOTA = `${SPACE}/resourcequotas/q`;

describe('resource quotas of a simulated cluster', () => {
  const bench = new ClusterBench();
  beforeEach(() => bench.open());
  afterEach(() => bench.close());

  const limit = async (hard: object, more: object = {}): Promise<void> => {
    await bench.send('POST', `${SPACE}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard, ...more } });
    await bench.until(QUOTA, ({ status }) => status?.used);
  };
  const pod = (name: string, resources: object = {}, more: object = {}): object => ({
    metadata: { name },
    spec: { nodeSelector: { nowhere: 'x' }, containers: [{ name: 'c', image: 'c', resources }], ...more },
  });
  const post = async (body: object): Promise<number> =>
    (await ask(bench.cluster, `${SPACE}/pods`, { method: 'POST', body })).status;
  const used = async (): Promise<unknown> => (await bench.get(QUOTA)).status.used;

  it('are charged with the object, before any controller looks', async () => {
    await limit({ 'count/configmaps': '2' });
    assert.deepEqual(await used(), { 'count/configmaps': '1' });
    bench.cluster.setComponent('controller-manager', 'ill');
    const make = async (name: string): Promise<number> =>
      (await ask(bench.cluster, `${SPACE}/configmaps`, { method: 'POST', body: { metadata: { name } } }))
        .status;
    assert.equal(await make('a'), 201);
    assert.deepEqual(await used(), { 'count/configmaps': '2' });
    assert.equal(await make('b'), 403);
  });

  it('do not count pods that have ended', async () => {
    await limit({ pods: '1', 'count/pods': '2' });
    assert.equal(await post(pod('a')), 201);
    const ended = { ...(await bench.get(`${SPACE}/pods/a`)), status: { phase: 'Succeeded' } };
    await bench.send('PUT', `${SPACE}/pods/a/status`, ended);
    await bench.until(QUOTA, ({ status }) => status.used.pods === '0');
    assert.equal(await post(pod('b')), 201);
    assert.deepEqual(await used(), { 'count/pods': '2', pods: '1' });
  });

  it('ask for the most of what runs before and what runs together', async () => {
    await limit({ 'requests.cpu': '1' });
    const cpu = (amount: string): object => ({ requests: { cpu: amount } });
    const before = { initContainers: [{ name: 'i', image: 'i', resources: cpu('800m') }] };
    assert.equal(await post(pod('a', cpu('100m'), before)), 201);
    assert.deepEqual(await used(), { 'requests.cpu': '800m' });
    assert.equal(await post(pod('b', cpu('300m'))), 403);
  });

  it('count only what is in their scope', async () => {
    await limit({ pods: '1' }, { scopes: ['BestEffort'] });
    assert.equal(await post(pod('a', { requests: { cpu: '1m' } })), 201);
    assert.deepEqual(await used(), { pods: '0' });
    assert.equal(await post(pod('b')), 201);
    assert.equal(await post(pod('c')), 403);
    assert.equal(await post(pod('d', { limits: { memory: '1Mi' } })), 201);
  });
});
