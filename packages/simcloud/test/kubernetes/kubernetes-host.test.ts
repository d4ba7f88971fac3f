import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import { ask, authority, client, ClusterBench, deployment, specOf, VERSION } from './support.ts';

const NODES = '/api/v1/nodes';

describe('KubernetesHost', () => {
  const bench = new ClusterBench();
  const folders: string[] = [];
  const names = (list: { items: { metadata: { name: string } }[] }): string[] =>
    list.items.map((one) => one.metadata.name);

  afterEach(async () => {
    await bench.close();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  it('serves a cluster whose nodes are ready, with the pods of its control plane', async () => {
    await bench.open();
    const nodes = await bench.get(NODES);
    assert.deepEqual(names(nodes), ['master-0', 'worker-0', 'worker-1']);
    for (const node of nodes.items) {
      assert.equal(node.status.nodeInfo.kubeletVersion, VERSION);
      assert.equal(node.status.conditions.at(-1).status, 'True');
    }
    assert.deepEqual(nodes.items[0].spec.taints, [
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ]);
    const pods = await bench.until(
      '/api/v1/namespaces/kube-system/pods',
      ({ items }) =>
        items.length === 9 &&
        items.every((pod: { status: { phase: string } }) => pod.status.phase === 'Running'),
    );
    assert.ok(names(pods).includes('etcd-master-0'));
    assert.equal((await ask(bench.cluster, '/version')).body.gitVersion, VERSION);
  });

  it('changes a cluster to its spec: nodes come, go and get another version, objects stay', async () => {
    await bench.open({ cloudControllers: true });
    await bench.send('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'kept' } });
    await bench.send('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('web', 4));
    await bench.until(
      '/apis/apps/v1/namespaces/default/deployments/web',
      ({ status }) => status?.readyReplicas === 4,
    );
    const [master, , worker] = specOf().nodes;
    assert.ok(master && worker);
    const added = {
      name: 'worker-9',
      role: 'worker' as const,
      address: '10.0.0.9',
      version: 'v1.34.1',
      labels: { a: 'b' },
    };
    await bench.host.apply(
      specOf({
        version: 'v1.34.1',
        nodes: [{ ...master, version: 'v1.34.1' }, worker, added],
        cloudControllers: true,
      }),
    );
    const nodes = await bench.get(NODES);
    assert.deepEqual(
      nodes.items.map(
        (node: { metadata: { name: string }; status: { nodeInfo: { kubeletVersion: string } } }) => [
          node.metadata.name,
          node.status.nodeInfo.kubeletVersion,
        ],
      ),
      [
        ['master-0', 'v1.34.1'],
        ['worker-1', VERSION],
        ['worker-9', 'v1.34.1'],
      ],
    );
    assert.equal(nodes.items[2].metadata.labels.a, 'b');
    assert.equal((await bench.get('/version')).minor, '34');
    assert.equal((await bench.get('/api/v1/namespaces/default/configmaps/kept')).metadata.name, 'kept');
    // The pods of the node that has gone are made again on others.
    const pods = await bench.until(
      '/api/v1/namespaces/default/pods',
      ({ items }) =>
        items.length === 4 &&
        items.every((pod: { status: { phase: string } }) => pod.status.phase === 'Running'),
    );
    const places = pods.items.map((pod: { spec: { nodeName: string } }) => pod.spec.nodeName);
    assert.ok(!places.includes('worker-0'), String(places));
  });

  it('keeps the Node of a machine that has gone, not ready, until somebody deletes it', async () => {
    await bench.open({}, { seconds: { podStart: 0.02, podStop: 0.02, nodeSilence: 0.05 } });
    await bench.send('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'there' },
      spec: { nodeName: 'worker-0', containers: [{ name: 'c', image: 'c' }] },
    });
    const pod = '/api/v1/namespaces/default/pods/there';
    await bench.until(pod, ({ status }) => status?.phase === 'Running');
    const [master, gone, other] = specOf().nodes;
    assert.ok(master && gone && other);
    await bench.host.apply(specOf({ nodes: [master, other] }));
    const ready = (node: { status: { conditions: { status: string }[] } }): string | undefined =>
      node.status.conditions.at(-1)?.status;
    assert.equal(ready(await bench.get(`${NODES}/worker-0`)), 'True', 'nobody has noticed it yet');
    await bench.until(`${NODES}/worker-0`, (node) => ready(node) === 'Unknown');
    await bench.send('DELETE', pod);
    assert.ok((await bench.get(pod)).metadata.deletionTimestamp, 'nobody confirms its end');
    await bench.send('DELETE', `${NODES}/worker-0`);
    await bench.until(pod, ({ code }) => code === 404);
    assert.deepEqual(names(await bench.get(NODES)), ['master-0', 'worker-1']);
    await bench.host.apply(specOf());
    await bench.until(`${NODES}/worker-0`, (node) => ready(node) === 'True');
  });

  it('keeps objects, and nothing of a removed cluster, in its folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kubernetes-'));
    folders.push(folder);
    await bench.open({}, { folder });
    const made = await bench.send('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 'kept' },
      stringData: { a: 'b' },
    });
    await bench.host.close();
    await bench.open({}, { folder });
    const kept = await bench.get('/api/v1/namespaces/default/secrets/kept');
    assert.equal(kept.metadata.uid, made.metadata.uid);
    assert.equal(kept.data.a, Buffer.from('b').toString('base64'));
    const next = await bench.send('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 'next' },
    });
    assert.ok(Number(next.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
    await bench.host.remove('one');
    assert.equal(bench.host.get('one'), undefined);
    assert.deepEqual(await readdir(folder), []);
    await bench.host.apply(specOf());
    assert.equal((await bench.get('/api/v1/namespaces/default/secrets/kept')).code, 404);
  });

  it('knows users by certificate, by token and by service account, and nobody else', async () => {
    await bench.open({ tokens: { 'a-token': { user: 'ann', groups: ['system:masters'] } } });
    const stranger = createAuthority({ commonName: 'kubernetes', days: 1 });
    const status = async (options: Parameters<typeof ask>[2]): Promise<number> =>
      (await ask(bench.cluster, NODES, options)).status;
    assert.equal(await status({}), 200);
    assert.equal(await status({ certificate: null }), 403);
    assert.equal(await status({ certificate: client('admin', ['system:masters'], stranger) }), 401);
    assert.equal(await status({ certificate: client('bob') }), 403);
    assert.equal(await status({ certificate: null, token: 'a-token' }), 200);
    assert.equal(await status({ certificate: null, token: 'another' }), 401);
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    const { token } = (await bench.send('POST', `${account}/token`, { spec: {} })).status;
    const refused = await ask(bench.cluster, NODES, { certificate: null, token });
    assert.match(
      refused.body.message,
      /User "system:serviceaccount:default:default" cannot list resource "nodes"/,
    );
    await bench.send('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'all' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
    });
    assert.equal(await status({ certificate: null, token }), 200);
    await bench.send('DELETE', account);
    assert.equal(await status({ certificate: null, token }), 401);
  });

  it('serves with a certificate of another authority after a change', async () => {
    await bench.open();
    const other = createAuthority({ commonName: 'kubernetes', days: 1 });
    await bench.host.apply(specOf({ authority: other }));
    assert.equal((await ask(bench.cluster, NODES)).status, 401);
    const certificate = client('admin', ['system:masters'], other);
    assert.equal((await ask(bench.cluster, NODES, { certificate })).status, 200);
  });

  describe('switches', () => {
    beforeEach(() => bench.open());

    it('cut the network: connections are refused, or swallowed', async () => {
      await bench.cluster.setNetwork('refused');
      await assert.rejects(ask(bench.cluster, NODES), { code: 'ECONNREFUSED' });
      await bench.cluster.setNetwork('hanging');
      await assert.rejects(ask(bench.cluster, NODES, { timeoutMs: 200 }), /no answer in time/);
      await bench.cluster.setNetwork('up');
      assert.equal((await ask(bench.cluster, NODES)).status, 200);
    });

    it('make nodes not ready, and their pods with them', async () => {
      await bench.send('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('web', 2));
      const path = '/apis/apps/v1/namespaces/default/deployments/web';
      await bench.until(path, ({ status }) => status?.readyReplicas === 2);
      bench.cluster.setNodeReady('worker-0', 'Unknown');
      const node = await bench.until(`${NODES}/worker-0`, ({ spec }) => spec.taints?.length === 2);
      assert.equal(node.spec.taints[0].key, 'node.kubernetes.io/unreachable');
      assert.equal(node.status.conditions.at(-1).reason, 'NodeStatusUnknown');
      await bench.until(path, ({ status }) => status.readyReplicas === 1);
      bench.cluster.setNodeReady('worker-0', 'True');
      await bench.until(path, ({ status }) => status.readyReplicas === 2);
      assert.equal((await bench.get(`${NODES}/worker-0`)).spec.taints, undefined);
    });

    it('make components ill', async () => {
      bench.cluster.setComponent('etcd', 'no leader');
      const ready = await ask(bench.cluster, '/readyz?verbose');
      assert.equal(ready.status, 500);
      assert.match(ready.body, /\[-\]etcd failed/);
      bench.cluster.setComponent('scheduler', 'connection refused');
      const { items } = await bench.get('/api/v1/componentstatuses');
      const ill = items.filter(
        (one: { conditions: { status: string }[] }) => one.conditions[0]?.status === 'False',
      );
      assert.deepEqual(
        ill.map((one: { metadata: { name: string } }) => one.metadata.name),
        ['etcd-0', 'scheduler'],
      );
      const pod = '/api/v1/namespaces/kube-system/pods/kube-scheduler-master-0';
      await bench.until(pod, ({ status }) => status.containerStatuses?.[0].ready === false);
      bench.cluster.setComponent('etcd', null);
      bench.cluster.setComponent('scheduler', null);
      await bench.until(pod, ({ status }) => status.containerStatuses[0].ready);
      assert.equal((await ask(bench.cluster, '/readyz')).body, 'ok');
    });

    it('expire watches', async () => {
      const { resourceVersion } = (await bench.get(NODES)).metadata;
      const watch = ask(bench.cluster, `${NODES}?watch=1&resourceVersion=${String(resourceVersion)}`, {
        headers: { accept: 'application/json' },
      }).catch((error: unknown) => String(error));
      await waitFor(() => bench.cluster.watches.size === 1);
      await bench.send('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'one' } });
      bench.cluster.expireWatches();
      const ended = await watch;
      assert.ok(typeof ended === 'object');
      assert.equal(ended.body.object.code, 410);
      const again = await ask(bench.cluster, `${NODES}?watch=1&resourceVersion=${String(resourceVersion)}`);
      assert.deepEqual([again.status, again.body.type, again.body.object.reason], [200, 'ERROR', 'Expired']);
    });

    it('fail pods', async () => {
      bench.cluster.failPods(({ name }) => (name === 'bad' ? 'CreateContainerError' : undefined));
      const pods = '/api/v1/namespaces/default/pods';
      for (const name of ['good', 'bad'])
        await bench.send('POST', pods, {
          metadata: { name },
          spec: { containers: [{ name: 'c', image: 'web:1' }] },
        });
      await bench.until(`${pods}/good`, ({ status }) => status.phase === 'Running');
      await bench.until(
        `${pods}/bad`,
        ({ status }) => status.containerStatuses?.[0].state.waiting?.reason === 'CreateContainerError',
      );
      bench.cluster.failPods(undefined);
      await bench.until(`${pods}/bad`, ({ status }) => status.phase === 'Running');
    });
  });

  it('says once that an address cannot be listened on, and goes on without', async () => {
    const said: string[] = [];
    await bench.open({ address: '192.0.2.1' }, { log: (message) => said.push(message) });
    await bench.host.apply(specOf({ id: 'two', address: '192.0.2.2' }));
    assert.equal(said.length, 1);
    assert.equal(bench.cluster.store.count('nodes'), 3);
    assert.equal(authority, bench.cluster.spec.authority);
  });
});
