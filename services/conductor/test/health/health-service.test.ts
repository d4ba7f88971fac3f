import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createAuthority } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import { sealKubeconfig } from '../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { ClusterFollower } from '../../src/health/cluster-follower.ts';
import { HASTY, HealthFixture } from './support.ts';

describe('The following of clusters', () => {
  let fixture: HealthFixture;
  before(async () => {
    fixture = await HealthFixture.open();
  });
  afterEach(() => fixture.reset());
  after(() => fixture.close());

  const conditionEvents = (id: string): string[] =>
    fixture.events
      .filter(({ subject, type }) => subject === id && type === 'cetus.cluster.condition.changed')
      .map(({ data }) => {
        const { type, status } = data.condition as { type: string; status: string };
        return `${type}=${status}`;
      });
  const sim = (id: string) => {
    const found = fixture.host.get(id);
    assert.ok(found !== undefined);
    return found;
  };

  it('tells how a cluster is, as soon as it has a kubeconfig', async () => {
    await fixture.conductor('a');
    const { _id } = await fixture.cluster();
    await fixture.until(_id, 'Healthy', 'True');
    const { health, revision, sequence } = await fixture.read(_id);
    assert.equal(health?.status, 'HEALTHY');
    assert.equal(health.version, 'v1.33.2');
    assert.deepEqual(health.nodes, { ready: 2, total: 2 });
    assert.deepEqual(health.reasons, { api: 'ok', 'm1.Ready': 'True', 'w1.Ready': 'True' });
    assert.ok(health.last_contact !== null && health.identity !== undefined);
    assert.equal(sequence, 2);
    await waitFor(() => conditionEvents(_id).length === 2, { what: 'both conditions are told' });
    assert.equal((await fixture.read(_id)).revision, revision, 'and then it is quiet');
    assert.match(await fixture.metric('a', 'cetus_clusters_followed'), /clusters_followed\{service="a"\} 1/);
  });

  it('tells of nodes, components and checks that fail, and of their end', async () => {
    await fixture.conductor('a');
    const { _id } = await fixture.cluster();
    await fixture.until(_id, 'Healthy', 'True');
    sim(_id).setNodeReady('w1', 'False');
    const bad = await fixture.until(_id, 'Healthy', 'False', 'NodesNotReady');
    assert.match(bad.message, /Node w1 is not ready/);
    assert.deepEqual((await fixture.read(_id)).health?.nodes, { ready: 1, total: 2 });
    sim(_id).setNodeReady('w1', 'True');
    await fixture.until(_id, 'Healthy', 'True');
    sim(_id).setComponent('scheduler', 'it is ill');
    const component = await fixture.until(_id, 'Healthy', 'False', 'ComponentsNotReady');
    assert.match(component.message, /kube-system\/kube-scheduler/);
    sim(_id).setComponent('scheduler', null);
    await fixture.until(_id, 'Healthy', 'True');
    sim(_id).setComponent('etcd', 'it is ill');
    const check = await fixture.until(_id, 'Healthy', 'False', 'ApiServerNotReady');
    assert.match(check.message, /etcd/);
    sim(_id).setComponent('etcd', null);
    await fixture.until(_id, 'Healthy', 'True');
    await waitFor(() => conditionEvents(_id).length === 8, { what: 'each change is told once' });
    const sequences = fixture.events.filter(({ subject }) => subject === _id).map(({ sequence }) => sequence);
    assert.deepEqual(sequences, ['1', '2', '3', '4', '5', '6', '7', '8']);
  }).timeout(60_000);

  it('tells a cluster that cannot be reached from one that is ill, and its return at once', async () => {
    await fixture.conductor('a', HASTY);
    const { _id } = await fixture.cluster();
    await fixture.until(_id, 'Healthy', 'True');
    for (const network of ['refused', 'hanging'] as const) {
      await sim(_id).setNetwork(network);
      const reachable = await fixture.until(_id, 'Reachable', 'False', 'NoAnswer');
      assert.match(reachable.message, /did not answer/);
      const { health } = await fixture.read(_id);
      assert.equal(health?.status, 'UNKNOWN');
      const healthy = health.conditions.find(({ type }) => type === 'Healthy');
      assert.equal(healthy?.status, 'Unknown');
      assert.match(healthy.message, /it was healthy/);
      await sim(_id).setNetwork('up');
      await fixture.until(_id, 'Reachable', 'True');
      await fixture.until(_id, 'Healthy', 'True');
    }
  }).timeout(60_000);

  it('tells credentials and certificates that are refused, and another cluster at the address', async () => {
    await fixture.conductor('a', HASTY);
    const { _id } = await fixture.cluster();
    await fixture.until(_id, 'Healthy', 'True');
    const { port, ...rest } = fixture.specOf(_id);
    const at = Number(new URL(sim(_id).url).port);
    assert.equal(port, 0);

    await fixture.host.apply({
      ...rest,
      port: at,
      authority: createAuthority({ commonName: 'other', days: 1 }),
    });
    await sim(_id).setNetwork('refused');
    await sim(_id).setNetwork('up');
    await fixture.until(_id, 'Reachable', 'False', 'CertificateRejected');

    await fixture.host.remove(_id);
    await fixture.host.apply({ ...rest, port: at });
    const stranger = await fixture.until(_id, 'Reachable', 'False', 'DifferentCluster');
    assert.match(stranger.message, /Another cluster answers at https:/);

    // Somebody says that this is it now.
    const kubeconfig = sealKubeconfig(fixture.box, _id, fixture.kubeconfig(_id));
    await fixture.change(_id, { 'status.kubeconfig': kubeconfig });
    await fixture.until(_id, 'Healthy', 'True');

    const text = fixture
      .kubeconfig(_id)
      .replace(/client-(certificate|key)-data: .*/g, (_, part: string) =>
        part === 'key' ? 'token: unknown' : '',
      );
    await fixture.change(_id, { 'status.kubeconfig': sealKubeconfig(fixture.box, _id, text) });
    const refused = await fixture.until(_id, 'Reachable', 'False', 'CredentialsRefused');
    assert.match(refused.message, /refuses the credentials/);

    await fixture.change(_id, { 'status.kubeconfig': sealKubeconfig(fixture.box, _id, 'nonsense') });
    await fixture.until(_id, 'Reachable', 'False', 'KubeconfigInvalid');
  }).timeout(60_000);

  it('ends with the kubeconfig, with a delete, and with the cluster', async () => {
    await fixture.conductor('a');
    const ids = await Promise.all([1, 2, 3].map(async () => (await fixture.cluster())._id));
    await Promise.all(ids.map((id) => fixture.until(id, 'Healthy', 'True')));
    const [first, second, third] = ids as [string, string, string];
    await fixture.change(first, { 'status.kubeconfig': null });
    await fixture.change(second, { operation: { action: 'delete', state: 'IN_PROGRESS' } });
    await fixture.change(third, { deleted_at: new Date() });
    await waitFor(async () => (await fixture.metric('a', 'cetus_clusters_followed')).endsWith(' 0'), {
      what: 'none is followed',
    });
  });

  it('is shared out evenly, also when a conductor comes, goes or dies', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 8; i += 1) ids.push((await fixture.cluster())._id);
    await fixture.conductor('a');
    const shared = (expected: Record<string, number>): Promise<unknown> =>
      waitFor(async () => assert.deepEqual(await fixture.shares(), expected) === undefined, {
        what: JSON.stringify(expected),
      });
    await shared({ a: 8 });
    await fixture.conductor('b');
    await shared({ a: 4, b: 4 });
    await fixture.conductor('c');
    await waitFor(
      async () =>
        Object.values(await fixture.shares())
          .sort()
          .join() === '2,3,3',
      {
        what: 'three have a share',
      },
    );
    await fixture.stop('b');
    await shared({ a: 4, c: 4 });
    await waitFor(() => fixture.events.length === 16, { what: 'each cluster is told of once' });
    for (const id of ids) {
      await fixture.until(id, 'Healthy', 'True');
      assert.equal((await fixture.read(id)).sequence, 2, 'a change of hands is not told');
    }
  }).timeout(40_000);

  it('is taken up by the others when a conductor dies', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 6; i += 1) ids.push((await fixture.cluster())._id);
    await fixture.conductor('a');
    // A process that holds half, and still counts as up when its leases end.
    const follow = { owner: 'dead', until: new Date(Date.now() + 1_500), token: 99 };
    for (const id of ids.slice(0, 3)) await fixture.change(id, { follow });
    await fixture.heartbeat('dead');
    await waitFor(async () => (await fixture.shares())['a'] === 6, { what: 'one has all' });
    for (const id of ids) await fixture.until(id, 'Healthy', 'True');
    assert.ok(((await fixture.read(ids[0] as string)).follow?.token ?? 0) > 99);
  });

  it('ends in a process that lost its leases, and goes on in the next', async () => {
    const { _id } = await fixture.cluster();
    await fixture.conductor('a');
    await fixture.until(_id, 'Healthy', 'True');
    // As if its holder had been taken for dead.
    const { follow } = await fixture.read(_id);
    const until = new Date(Date.now() + 60_000);
    await fixture.change(_id, { follow: { owner: 'thief', until, token: (follow?.token ?? 0) + 1 } });
    await waitFor(async () => (await fixture.metric('a', 'cetus_clusters_followed')).endsWith(' 0'), {
      what: 'the holder stops',
    });
    await fixture.change(_id, { 'follow.until': new Date() });
    await waitFor(async () => (await fixture.read(_id)).follow?.owner === 'a', {
      what: 'it is followed again',
    });
  });

  it('stops when the last of its followers has, also of those that it lost before', async () => {
    const { _id } = await fixture.cluster();
    const service = await fixture.conductor('a');
    await fixture.until(_id, 'Healthy', 'True');
    const order: string[] = [];
    const { prototype } = ClusterFollower;
    const stop = Object.getOwnPropertyDescriptor(prototype, 'stop') as { value: () => Promise<void> };
    const begun = new Promise<void>((resolve) => {
      const slowly = async function (this: ClusterFollower): Promise<void> {
        resolve();
        await stop.value.call(this);
        // Much longer than the service has left to do.
        await delay(300);
        order.push('follower');
      };
      Object.defineProperty(prototype, 'stop', { ...stop, value: slowly });
    });
    try {
      await fixture.change(_id, {
        follow: { owner: 'thief', until: new Date(Date.now() + 60_000), token: 9 },
      });
      await begun;
      await service.stop();
      order.push('service');
      assert.deepEqual(order, ['follower', 'service']);
    } finally {
      Object.defineProperty(prototype, 'stop', stop);
    }
  });
});
