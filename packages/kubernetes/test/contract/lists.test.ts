import assert from 'node:assert/strict';
import { kubernetesContract, refusal, type Things } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('lists', (bench) => {
  const group = uniqueName('page');
  const path = (): string => bench.path('configmaps');
  const page = (query: Record<string, string | number>): Promise<Things> =>
    bench.list(path(), { fieldSelector: 'metadata.name!=kube-root-ca.crt', ...query });

  before(async () => {
    for (let index = 0; index < 5; index++) {
      await bench.post(path(), { metadata: { name: `${group}-${String(index)}`, labels: { group } } });
    }
  });

  it('are in the order of names, without kinds in the items, with a resource version', async () => {
    const list = await bench.get(path(), { labelSelector: `group=${group}` });
    assert.deepEqual([list.kind, list.apiVersion], ['ConfigMapList', 'v1']);
    assert.match(list.metadata.resourceVersion, /^\d+$/);
    const { items } = list as unknown as Things;
    assert.deepEqual(
      items.map((item) => [item.metadata.name, item.kind]),
      [0, 1, 2, 3, 4].map((index) => [`${group}-${String(index)}`, undefined]),
    );
  });

  it('of all namespaces have the same objects', async () => {
    const { items } = await bench.list('/api/v1/configmaps', { labelSelector: `group=${group}` });
    assert.equal(items.length, 5);
    assert.equal(items[0]?.metadata.namespace, bench.namespace);
  });

  it('come in pages of one state', async () => {
    const all = (await bench.list(path())).items.map((item) => item.metadata.name);
    const first = await bench.list(path(), { limit: 2 });
    assert.equal(first.items.length, 2);
    assert.equal(first.metadata.remainingItemCount, all.length - 2);
    // What is made meanwhile belongs to a later state.
    const late = await bench.post(path(), { metadata: { name: `${group}-9-late` } });
    const names = first.items.map((item) => item.metadata.name);
    for (let next = first.metadata.continue; next !== undefined && next !== '';) {
      const more = await bench.list(path(), { limit: 2, continue: next });
      assert.equal(more.metadata.resourceVersion, first.metadata.resourceVersion);
      names.push(...more.items.map((item) => item.metadata.name));
      next = more.metadata.continue;
    }
    assert.deepEqual(names, all);
    await bench.delete(`${path()}/${late.metadata.name}`);
  });

  it('with a selector do not say how many remain', async () => {
    const first = await bench.list(path(), { limit: 2, labelSelector: `group=${group}` });
    assert.equal(first.items.length, 2);
    assert.ok(first.metadata.continue);
    assert.equal(first.metadata.remainingItemCount, undefined);
  });

  it('refuse a token that is none', async () => {
    await refusal(page({ limit: 2, continue: 'nonsense' }), 400, 'BadRequest');
  });
});
