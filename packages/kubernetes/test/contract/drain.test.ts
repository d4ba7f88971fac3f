import assert from 'node:assert/strict';
import type { Blocker } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { MERGE_PATCH, type KubernetesConnection } from '../../src/connection.ts';
import { drainCluster, type DrainOptions } from '../../src/drain.ts';
import { kubernetesContract } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('draining', (bench) => {
  let connection: KubernetesConnection;

  // As a user who sees the whole cluster but may delete in one namespace only: the cluster may belong to others too.
  before(async () => {
    const user = uniqueName('drainer');
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }];
    const role = (name: string): object => ({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name,
    });
    connection = await bench.connectAs(user);
    await bench.post(`${rbac}/clusterroles`, {
      metadata: { name: user },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
    });
    await bench.post(`${rbac}/clusterrolebindings`, {
      metadata: { name: user },
      roleRef: role(user),
      subjects,
    });
    await bench.post(bench.path('rolebindings', rbac), {
      metadata: { name: user },
      roleRef: role('cluster-admin'),
      subjects,
    });
    await waitFor(() => connection.get('/api/v1/persistentvolumes').then(() => true), {
      what: 'the binding',
    });
  });
  after(async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await bench.delete(`${rbac}/clusterrolebindings/${connection.user}`);
    await bench.delete(`${rbac}/clusterroles/${connection.user}`);
  });

  /** What remains of the namespace and of one volume. */
  const drain = async (options: DrainOptions = {}, volume?: string): Promise<Blocker[]> => {
    const { remaining } = await drainCluster(connection, options);
    return remaining.filter(({ namespace, name }) => namespace === bench.namespace || name === volume);
  };
  const drained = (options: DrainOptions = {}): Promise<boolean> =>
    waitFor(async () => (await drain(options)).length === 0, { timeoutMs: 60_000, what: 'nothing remains' });

  /** A volume as a provisioner makes it for a claim. */
  const provision = async (claim: string, policy: 'Delete' | 'Retain' = 'Delete'): Promise<string> => {
    const name = uniqueName('volume');
    const size = { storage: '1Mi' };
    await bench.post('/api/v1/persistentvolumes', {
      metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': 'example.org' } },
      spec: {
        capacity: size,
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: policy,
        claimRef: { namespace: bench.namespace, name: claim },
        hostPath: { path: '/tmp' },
      },
    });
    await bench.post(bench.path('persistentvolumeclaims'), {
      metadata: { name: claim },
      spec: { storageClassName: '', accessModes: ['ReadWriteOnce'], resources: { requests: size } },
    });
    await bench.until(
      `${bench.path('persistentvolumeclaims')}/${claim}`,
      ({ status }) => status.phase === 'Bound',
    );
    return name;
  };

  it('deletes load balancers, and says what holds them', async () => {
    const services = bench.path('services');
    const ports = [{ port: 80 }];
    await bench.post(services, { metadata: { name: 'inner' }, spec: { ports } });
    const outer = await bench.post(services, {
      metadata: { name: 'outer', finalizers: ['service.kubernetes.io/load-balancer-cleanup'] },
      spec: { type: 'LoadBalancer', ports },
    });
    assert.deepEqual(outer['status'], { loadBalancer: {} });
    const it = { kind: 'Service', namespace: bench.namespace, name: 'outer' };
    assert.deepEqual(await drain(), [{ ...it, reason: 'is being deleted' }]);
    const held = 'is being deleted, held by service.kubernetes.io/load-balancer-cleanup';
    assert.deepEqual(await drain(), [{ ...it, reason: held }]);
    const now = new Date().toISOString().replace(/\.\d+Z/, 'Z');
    await bench.post(bench.path('events'), {
      metadata: { generateName: 'outer-' },
      involvedObject: { kind: 'Service', namespace: bench.namespace, name: 'outer', uid: outer.metadata.uid },
      type: 'Warning',
      reason: 'SyncLoadBalancerFailed',
      message: 'the load balancer is immutable',
      firstTimestamp: now,
      lastTimestamp: now,
    });
    const reason = `${held}: SyncLoadBalancerFailed: the load balancer is immutable`;
    assert.deepEqual(await drain(), [{ ...it, reason }]);
    await bench.patch(`${services}/outer`, { metadata: { finalizers: null } }, { type: MERGE_PATCH });
    assert.deepEqual(await drain(), []);
    await bench.get(`${services}/inner`);
  });

  it('deletes ingresses that have a load balancer', async () => {
    const ingresses = bench.path('ingresses', '/apis/networking.k8s.io/v1');
    const spec = { defaultBackend: { service: { name: 'inner', port: { number: 80 } } } };
    for (const name of ['with', 'without']) await bench.post(ingresses, { metadata: { name }, spec });
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    await bench.patch(`${ingresses}/with/status`, { status }, { type: MERGE_PATCH });
    assert.deepEqual(
      (await drain()).map(({ kind, name }) => [kind, name]),
      [['Ingress', 'with']],
    );
    await drained();
    await bench.get(`${ingresses}/without`);
  });

  it('deletes volumes that were made for a claim, with the pods that use it and whoever makes the pods', async () => {
    const claim = uniqueName('claim');
    const volume = await provision(claim);
    const path = await bench.deploy(1, {
      pod: {
        containers: [
          { name: 'web', image: bench.cluster.image, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        ],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
      },
    });
    await bench.until(path, ({ status }) => status.readyReplicas === 1);
    const [first] = await drain({}, volume);
    assert.deepEqual([first?.kind, first?.name], ['PersistentVolumeClaim', claim]);
    assert.match(first?.reason ?? '', /^used by pod .*: the pod is ending/);
    await bench.gone(path);
    await drained();
    // The claim is gone; now it is the provisioner's turn, which is not there.
    await bench.until(`/api/v1/persistentvolumes/${volume}`, ({ status }) => status.phase === 'Released');
    const [last] = await drain({}, volume);
    assert.deepEqual([last?.kind, last?.name, last?.namespace], ['PersistentVolume', volume, undefined]);
    assert.match(last?.reason ?? '', /^Released; its provisioner has not deleted it yet/);
    await bench.delete(`/api/v1/persistentvolumes/${volume}`);
    await bench.gone(`/api/v1/persistentvolumes/${volume}`);
    assert.deepEqual(await drain({}, volume), []);
  });

  it('leaves alone what is to be retained, what nobody provisioned, and all volumes when told so', async () => {
    const retained = await provision('retained', 'Retain');
    const kept = await provision('kept');
    try {
      assert.deepEqual(await drain({ volumes: false }), []);
      await bench.get(`${bench.path('persistentvolumeclaims')}/kept`);
      await drained();
      const { metadata } = await bench.get(`${bench.path('persistentvolumeclaims')}/retained`);
      assert.equal(metadata.deletionTimestamp, undefined);
    } finally {
      await bench.delete(`${bench.path('persistentvolumeclaims')}/retained`);
      for (const name of [retained, kept]) await bench.delete(`/api/v1/persistentvolumes/${name}`);
    }
  });

  it('a claim that no provisioner takes on waits, and is left alone', async () => {
    const claims = bench.path('persistentvolumeclaims');
    await bench.post(claims, {
      metadata: { name: 'waiting' },
      spec: {
        storageClassName: '',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      },
    });
    await bench.until(`${claims}/waiting`, ({ status }) => status.phase === 'Pending');
    assert.deepEqual(await drain(), []);
    await bench.get(`${claims}/waiting`);
  });
});
