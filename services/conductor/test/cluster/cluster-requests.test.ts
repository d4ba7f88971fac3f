import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import { createSigningRequest } from '@cetus/shared/pki';
import type { StoredCluster } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import type { ClusterDriver } from '../../src/cluster/cluster-driver.ts';
import { clusterRequests } from '../../src/cluster/cluster-requests.ts';
import { DriverRegistry } from '../../src/cluster/driver-registry.ts';
import { storedCluster } from './stored-cluster.ts';

describe('what the API asks the conductor about clusters', () => {
  const signal = new AbortController().signal;
  const unused = (): never => assert.fail('not to be called');
  const plain: ClusterDriver = {
    description: { name: 'plain', capabilities: [] },
    apply: unused,
    remove: unused,
    inspect: unused,
    check: (request) => Promise.resolve({ problems: [], image: null, request }),
  };
  const able: ClusterDriver = {
    ...plain,
    description: { name: 'able', capabilities: ['show-ca', 'sign-certificates'] },
    authority: (cluster, kind) => Promise.resolve(`${kind} of ${cluster._id}`),
    signCertificate: (cluster, request) => Promise.resolve(`${cluster._id} signed ${request}`),
  };
  const of = (driver: string): StoredCluster => storedCluster({ spec: { driver } });
  const ask = (method: string, params: unknown, cluster = of('able')): Promise<unknown> => {
    const read = (id: string): Promise<StoredCluster> =>
      id === cluster._id ? Promise.resolve(cluster) : Promise.reject(new CetusError('not_found', 'no'));
    return clusterRequests(new DriverRegistry([plain, able]), { read })(method, params, signal);
  };

  it('goes to the driver of the cluster', async () => {
    const cluster = of('able');
    const { request } = createSigningRequest({ commonName: 'ann' });
    assert.deepEqual(await ask('cluster.authority', { id: cluster._id, kind: 'etcd' }, cluster), {
      pem: `etcd of ${cluster._id}`,
    });
    assert.deepEqual(await ask('cluster.sign', { id: cluster._id, csr: request }, cluster), {
      pem: `${cluster._id} signed ${request}`,
    });
  });

  it('is refused where the driver cannot, the cluster is gone, or the request is no request', async () => {
    const { request: csr } = createSigningRequest({ commonName: 'ann' });
    const other = of('plain');
    await assert.rejects(ask('cluster.authority', { id: other._id, kind: 'etcd' }, other), {
      code: 'unsupported',
    });
    await assert.rejects(ask('cluster.sign', { id: other._id, csr }, other), { code: 'unsupported' });
    const cluster = of('able');
    await assert.rejects(ask('cluster.sign', { id: cluster._id, csr: 'x' }, cluster), {
      code: 'invalid_field',
      field: 'csr',
    });
    await assert.rejects(ask('cluster.authority', { id: 'other', kind: 'etcd' }), { code: 'not_found' });
    const deleted = { ...cluster, deleted_at: new Date() };
    await assert.rejects(ask('cluster.sign', { id: cluster._id, csr }, deleted), { code: 'not_found' });
    await assert.rejects(ask('cluster.paint', {}), { code: 'unsupported' });
  });

  it('has room for others, however many slow clusters one project asks about', async () => {
    const answers: (() => void)[] = [];
    const check = () =>
      new Promise((resolve) => answers.push(() => resolve({ problems: [], image: null }))) as never;
    const read = () => Promise.reject(new CetusError('not_found', 'no'));
    const handler = clusterRequests(new DriverRegistry([{ ...plain, check }]), { read });
    const request = (
      project_id: string,
      imported: object | undefined = { cluster_id: 'c', kubeconfig: 'k' },
    ) => handler('cluster.validate', { driver: 'plain', project_id, user_id: 'u', imported }, signal);
    const many = Array.from({ length: 4 }, () => request('p1'));
    await assert.rejects(Promise.resolve(request('p1')), { code: 'too_many_requests', retryable: true });
    const others = [
      request('p2'),
      handler('cluster.validate', { driver: 'plain', project_id: 'p1' }, signal),
    ];
    await waitFor(() => answers.length === many.length + others.length);
    for (const answer of answers.splice(0)) answer();
    await Promise.all([...many, ...others]);
    const again = request('p1');
    await waitFor(() => answers.length === 1);
    answers[0]?.();
    await again;
  });

  it('hands a request to validate to the driver that it names', async () => {
    const imported = { cluster_id: 'c', kubeconfig: 'k', context: 'x' };
    const answer = await ask('cluster.validate', {
      driver: 'plain',
      project_id: 'p',
      user_id: 'u',
      imported,
    });
    assert.deepEqual((answer as { request: unknown }).request, {
      projectId: 'p',
      userId: 'u',
      references: {},
      spec: undefined,
      template: undefined,
      imported: { clusterId: 'c', kubeconfig: 'k', context: 'x', cluster: undefined },
    });
  });

  it('tells the driver of the cluster that is to be reached otherwise', async () => {
    const cluster = of('plain');
    const imported = { cluster_id: cluster._id, kubeconfig: 'k' };
    const params = { driver: 'plain', project_id: 'p', user_id: 'u', imported };
    const { request } = (await ask('cluster.validate', params, cluster)) as {
      request: { imported: { cluster: unknown } };
    };
    assert.equal(request.imported.cluster, cluster);
    const broken = { read: () => Promise.reject(new CetusError('store_unavailable', 'down')) };
    const handler = clusterRequests(new DriverRegistry([plain]), broken);
    await assert.rejects(handler('cluster.validate', params, signal), { code: 'store_unavailable' });
  });
});
