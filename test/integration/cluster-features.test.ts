import { strict as assert } from 'node:assert';
import { waitFor } from '@cetus/test-kit';
import { AllInOne } from './support/all-in-one.ts';
import type { CetusClient, Cluster } from './support/cetus-client.ts';
import { inCluster, kubeconfigOf, nodesOf } from './support/cluster-access.ts';

interface NodeGroup {
  uuid: string;
  name: string;
  status: string;
  node_count: number;
  actual_node_count: number | null;
  version: string | null;
}

function condition(cluster: Cluster, type: string): string | undefined {
  return cluster.conditions.find((one) => one.type === type)?.status;
}

describe('integration: what users do with clusters', function () {
  this.timeout(300_000);
  let cetus: AllInOne;
  let client: CetusClient;

  before(async () => {
    cetus = await AllInOne.start();
    client = await cetus.signIn();
  });
  after(() => cetus?.close());
  afterEach(() => cetus.cloud.calm());

  const groupsOf = async (uuid: string): Promise<NodeGroup[]> =>
    (await client.ok<{ nodegroups: NodeGroup[] }>(`/v1/clusters/${uuid}/nodegroups`)).nodegroups;
  const healthy = (uuid: string): Promise<Cluster> =>
    waitFor(
      async () => {
        const cluster = await client.cluster(uuid);
        return condition(cluster, 'Healthy') === 'True' && cluster;
      },
      { timeoutMs: 40_000, what: `${uuid} is healthy` },
    );

  /** A pod that runs on a node. */
  const run = (kubeconfig: string, name: string, nodeName: string): Promise<unknown> =>
    inCluster(kubeconfig, async (connection) => {
      const path = '/api/v1/namespaces/default/pods';
      const spec = { nodeName, containers: [{ name: 'c', image: 'c' }] };
      await connection.request('POST', path, { body: { metadata: { name }, spec } });
      return waitFor(async () => {
        const pod = await connection.get<{ status?: { phase?: string } }>(`${path}/${name}`);
        return pod.status?.phase === 'Running';
      });
    });

  for (const driver of ['heat', 'magnum']) {
    it(`${driver}: gives a cluster node groups and a kubeconfig that works, upgrades it, and takes the groups away`, async () => {
      const template = await client.template({
        name: driver,
        driver,
        image_id: 'fedora-coreos-37',
        keypair_id: 'mine',
        labels: { kube_tag: 'v1.33.1' },
      });
      const uuid = await client.create(template, { name: `${driver}-groups`, node_count: 1 });
      await client.until(uuid, 'CREATE_COMPLETE', 40_000);
      const made = await healthy(uuid);
      assert.equal(condition(made, 'Reachable'), 'True');
      assert.equal(condition(made, 'CertificatesValid'), 'True');
      assert.equal(made.health_status, 'HEALTHY');
      assert.equal((await nodesOf(await kubeconfigOf(client, made.uuid))).length, 2);

      await client.ok(`/v1/clusters/${uuid}/nodegroups`, {
        method: 'POST',
        body: { name: 'pool', node_count: 2, role: 'batch', flavor_id: 'm1.medium' },
      });
      const pool = (): Promise<NodeGroup> => client.ok<NodeGroup>(`/v1/clusters/${uuid}/nodegroups/pool`);
      assert.equal((await pool()).status, 'CREATE_IN_PROGRESS');
      await client.until(uuid, 'UPDATE_COMPLETE', 40_000);
      const { status, actual_node_count } = await pool();
      assert.deepEqual([status, actual_node_count], ['CREATE_COMPLETE', 2]);
      await waitFor(async () => (await nodesOf(await kubeconfigOf(client, made.uuid))).length === 4, {
        what: 'the nodes of the group have joined',
      });

      const kubeconfig = await kubeconfigOf(client, uuid);
      const last = `cetus-${uuid}-${(await pool()).uuid.slice(-12)}-1`;
      if (driver === 'heat') await run(kubeconfig, 'moves', last);
      await client.ok(`/v1/clusters/${uuid}/actions/resize`, {
        method: 'POST',
        body: { node_count: 1, nodegroup: 'pool' },
      });
      // Heat just takes machines away: so nodes are emptied before, and taken out of the cluster afterwards.
      if (driver === 'heat') {
        const { operation_id } = await client.cluster(uuid);
        await waitFor(
          async () => {
            const operation = await client.ok<{ blocked_by: { name: string }[] }>(
              `/v1/operations/${String(operation_id)}`,
            );
            return operation.blocked_by.some(({ name }) => name === 'moves');
          },
          { timeoutMs: 20_000, what: 'the pod is moved' },
        );
        assert.ok((await nodesOf(kubeconfig)).includes(last));
      }
      await client.until(uuid, 'UPDATE_COMPLETE', 40_000);
      assert.equal((await pool()).actual_node_count, 1);
      const left = await nodesOf(kubeconfig);
      assert.deepEqual([left.length, left.includes(last)], [3, false]);
      assert.equal((await healthy(uuid)).health_status, 'HEALTHY');

      const newer = await client.template({
        name: `${driver}-newer`,
        driver,
        image_id: 'fedora-coreos-37',
        keypair_id: 'mine',
        labels: { kube_tag: 'v1.33.2' },
      });
      await client.ok(`/v1/clusters/${uuid}/actions/upgrade`, {
        method: 'POST',
        body: { cluster_template: newer, max_batch_size: 1 },
      });
      await client.until(uuid, 'UPDATE_COMPLETE', 60_000);
      const versions = await Promise.all(
        ['default-master', 'default-worker'].map(
          async (name) => (await client.ok<NodeGroup>(`/v1/clusters/${uuid}/nodegroups/${name}`)).version,
        ),
      );
      assert.deepEqual(versions, ['v1.33.2', 'v1.33.2']);

      await client.ok(`/v1/clusters/${uuid}/nodegroups/pool`, { method: 'DELETE' });
      await client.until(uuid, 'UPDATE_COMPLETE', 40_000);
      assert.deepEqual((await groupsOf(uuid)).map(({ name }) => name).sort(), [
        'default-master',
        'default-worker',
      ]);
      const told = (await client.events(uuid))
        .map(({ type }) => type)
        .filter((type) => type.startsWith('cetus.nodegroup.'));
      assert.deepEqual(told.slice(-10), [
        'cetus.nodegroup.create.start',
        'cetus.nodegroup.create.end',
        'cetus.nodegroup.update.start',
        'cetus.nodegroup.update.end',
        // The default groups.
        'cetus.nodegroup.update.start',
        'cetus.nodegroup.update.start',
        'cetus.nodegroup.update.end',
        'cetus.nodegroup.update.end',
        'cetus.nodegroup.delete.start',
        'cetus.nodegroup.delete.end',
      ]);
      await client.delete(uuid);
      await client.untilGone(uuid, 60_000);
    });
  }

  it('goes back to what was there when an update fails, by itself or when asked', async () => {
    const template = await client.template({ name: 'rollback' });
    const uuid = await client.create(template, { name: 'rollback', node_count: 1 });
    await client.until(uuid, 'CREATE_COMPLETE', 40_000);
    await cetus.cloud.faults({ 'OS::Nova::Server': { create: { fail: 'No valid host was found.' } } });
    await client.ok(`/v1/clusters/${uuid}?rollback=true`, {
      method: 'PATCH',
      body: [{ op: 'replace', path: '/node_count', value: 3 }],
    });
    const back = await client.until(uuid, 'ROLLBACK_COMPLETE', 40_000);
    assert.deepEqual([back.node_count, back.actual_node_count], [1, 1]);
    await client.ok(`/v1/clusters/${uuid}/actions/resize`, { method: 'POST', body: { node_count: 2 } });
    const failed = await waitFor(async () => {
      const cluster = await client.cluster(uuid);
      return cluster.status === 'UPDATE_FAILED' && cluster;
    });
    assert.equal(failed.node_count, 2);
    await client.ok(`/v1/clusters/${uuid}/actions/rollback`, { method: 'POST', body: {} });
    assert.equal((await client.until(uuid, 'ROLLBACK_COMPLETE', 40_000)).node_count, 1);
    await client.delete(uuid);
    await client.untilGone(uuid, 60_000);
  });

  it('takes a cluster in by its kubeconfig, and leaves it as it is when it is removed', async () => {
    const template = await client.template({ name: 'theirs' });
    const theirs = await client.create(template, { name: 'theirs', node_count: 2 });
    await client.until(theirs, 'CREATE_COMPLETE', 40_000);
    await healthy(theirs);
    const kubeconfig = await kubeconfigOf(client, theirs);
    const { uuid } = await client.ok<{ uuid: string }>('/v1/clusters/import', {
      method: 'POST',
      body: { name: 'adopted', kubeconfig },
    });
    const adopted = await client.until(uuid, 'CREATE_COMPLETE', 40_000);
    assert.deepEqual([adopted.actual_node_count, adopted.actual_master_count], [2, 1]);
    assert.equal((await healthy(uuid)).health_status, 'HEALTHY');
    const refused = await client.request(`/v1/clusters/${uuid}/actions/resize`, {
      method: 'POST',
      body: { node_count: 3 },
    });
    assert.equal(refused.status, 400);
    await client.delete(uuid);
    await client.untilGone(uuid);
    assert.equal((await nodesOf(kubeconfig)).length, 3);
    await client.delete(theirs);
    await client.untilGone(theirs, 60_000);
  });

  it('removes load balancers and volumes of the cluster before it is deleted', async () => {
    const template = await client.template({ name: 'drained' });
    const uuid = await client.create(template, { name: 'drained', node_count: 1 });
    await client.until(uuid, 'CREATE_COMPLETE', 40_000);
    await healthy(uuid);
    await inCluster(await kubeconfigOf(client, uuid), async (connection) => {
      const spec = { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'web' } };
      await connection.request('POST', '/api/v1/namespaces/default/services', {
        body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'front' }, spec },
      });
      await waitFor(async () => {
        const service = await connection.get<{
          metadata: { finalizers?: string[] };
          status: { loadBalancer: { ingress?: unknown[] } };
        }>('/api/v1/namespaces/default/services/front');
        return service.status.loadBalancer.ingress !== undefined && service.metadata.finalizers !== undefined;
      });
    });
    await client.delete(uuid);
    const { operation_id } = await client.cluster(uuid);
    const seen = new Set<string>();
    await waitFor(
      async () => {
        const operation = await client.ok<{ state: string; blocked_by?: { kind: string; name: string }[] }>(
          `/v1/operations/${String(operation_id)}`,
        );
        for (const { kind, name } of operation.blocked_by ?? []) seen.add(`${kind} ${name}`);
        return operation.state !== 'IN_PROGRESS';
      },
      { timeoutMs: 60_000, what: 'the delete has ended' },
    );
    assert.ok(seen.has('Service front'), [...seen].join());
    await client.untilGone(uuid);
  });
});
