import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { cordon, deleteNode, evictPods, patchNode } from '../../src/nodes.ts';
import type { Pod } from '../../src/objects.ts';
import { evict, evictionVersion } from '../../src/pods.ts';
import { kubernetesContract, refusal } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('eviction', (bench) => {
  const podOf = async (app: string): Promise<Pod> =>
    waitFor(
      async () => {
        const { items } = await bench.connection.get<{ items: Pod[] }>(bench.path('pods'), {
          query: { labelSelector: `app=${app}` },
        });
        return items.find(
          ({ status, metadata }) => status?.phase === 'Running' && metadata.deletionTimestamp === undefined,
        );
      },
      { timeoutMs: 60_000, what: `a running pod of ${app}` },
    );

  it('waits for what disruption budgets allow', async () => {
    const app = uniqueName('evicted');
    const { preferredVersion } = await bench.connection.get<{ preferredVersion: { groupVersion: string } }>(
      '/apis/policy',
    );
    const budgets = bench.path('poddisruptionbudgets', `/apis/${preferredVersion.groupVersion}`);
    await bench.deploy(1, { name: app });
    const pod = await podOf(app);
    await bench.post(budgets, {
      metadata: { name: app },
      spec: { minAvailable: 1, selector: { matchLabels: { app } } },
    });
    await bench.until(
      `${budgets}/${app}`,
      ({ status }) => status?.currentHealthy === 1 && status.disruptionsAllowed === 0,
    );
    const apiVersion = await evictionVersion(bench.connection);
    const body = {
      apiVersion,
      kind: 'Eviction',
      metadata: { name: pod.metadata.name, namespace: bench.namespace },
    };
    const path = `${bench.path('pods')}/${pod.metadata.name}/eviction`;
    const error = await refusal(bench.post(path, body), 429, 'TooManyRequests');
    assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert.deepEqual(
      error.details?.causes?.map(({ reason }) => reason),
      ['DisruptionBudget'],
    );
    const kept = await evict(bench.connection, pod, apiVersion);
    assert.match(kept.gone ? '' : kept.reason, new RegExp(`disruption budget.*${app}`));
    assert.equal((await bench.get(path.replace('/eviction', ''))).metadata.deletionTimestamp, undefined);

    await bench.delete(`${budgets}/${app}`);
    const done = await waitFor(
      async () => {
        const evicted = await evict(bench.connection, pod, apiVersion);
        return evicted.gone || evicted.reason === 'the pod is ending';
      },
      { what: 'the eviction is allowed' },
    );
    assert.equal(done, true);
    await bench.gone(path.replace('/eviction', ''));
    assert.deepEqual(await evict(bench.connection, pod, apiVersion), { gone: true });
    assert.notEqual((await podOf(app)).metadata.uid, pod.metadata.uid);
  });

  it('empties a node, which then can be deleted', async () => {
    // A node without a machine: pods that are put there are not run by anybody, and nobody confirms their end.
    const node = uniqueName('empty');
    let seen = (await bench.post('/api/v1/nodes', { metadata: { name: node } }))['metadata'];
    try {
      const pods = bench.path('pods');
      const spec = { nodeName: node, containers: [{ name: 'c', image: bench.cluster.image }] };
      await bench.post(pods, { metadata: { name: 'there' }, spec });
      assert.equal(await cordon(bench.connection, node), true);
      assert.equal((await bench.get(`/api/v1/nodes/${node}`))['spec'].unschedulable, true);
      await waitFor(
        async () =>
          (await bench.get(`/api/v1/nodes/${node}`))['spec'].taints?.some(
            ({ key }: { key: string }) => key === 'node.kubernetes.io/unschedulable',
          ),
        { what: 'the taint' },
      );
      const first = await evictPods(bench.connection, node);
      assert.deepEqual(first.remaining, [
        { kind: 'Pod', namespace: bench.namespace, name: 'there', reason: 'the pod is ending' },
      ]);
      const second = await evictPods(bench.connection, node);
      assert.deepEqual(
        second.remaining.map(({ reason }) => reason),
        [`the pod is ending; node ${node} has not confirmed it`],
      );
      await bench.delete(`${pods}/there`, { gracePeriodSeconds: 0 });
      await bench.gone(`${pods}/there`);
      assert.deepEqual(await evictPods(bench.connection, node), { remaining: [] });
      await cordon(bench.connection, node, false);
      assert.equal((await bench.get(`/api/v1/nodes/${node}`))['spec'].unschedulable, undefined);
    } finally {
      assert.equal(await deleteNode(bench.connection, node, seen), false, 'it has changed since');
      seen = (await bench.get(`/api/v1/nodes/${node}`))['metadata'];
      assert.equal(await deleteNode(bench.connection, node, seen), true);
    }
    assert.equal(await deleteNode(bench.connection, node, seen), false);
    assert.equal(await patchNode(bench.connection, node, { metadata: { labels: { a: 'b' } } }), false);
    assert.equal(await cordon(bench.connection, node), false);
  });
});
