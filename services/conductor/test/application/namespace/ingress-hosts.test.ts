import assert from 'node:assert/strict';
import { applyObject, readObject, referenceOf, type Manifest } from '@cetus/kubernetes/apply';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { namespaceOf } from '@cetus/shared/applications';
import { requireHostsFree } from '../../../src/application/namespace/ingress-hosts.ts';
import { ApplicationFixture } from '../support.ts';

const NAMESPACE = namespaceOf('p1', 'u1');
const PATH = '/apis/networking.k8s.io/v1/namespaces/theirs/ingresses';

describe('the hosts of Ingresses', () => {
  let fixture: ApplicationFixture;
  let connection: KubernetesConnection;
  let cluster: string;
  before(async () => {
    fixture = await ApplicationFixture.open();
    const made = await fixture.cluster();
    connection = made.connection;
    cluster = made.cluster._id;
    await connection.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'theirs' } } });
  });
  after(() => fixture.close());

  const http = {
    paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 8080 } } } }],
  };
  const ingress = (name: string, host: string): Manifest => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: NAMESPACE },
    spec: { rules: [{ host, http }] },
  });
  const theirs = (name: string, host: string) => {
    const { apiVersion, kind, spec } = ingress(name, host);
    return connection.request('POST', PATH, { body: { apiVersion, kind, metadata: { name }, spec } });
  };
  const asked = (host: string) =>
    requireHostsFree(connection, [ingress('own', host)], new AbortController().signal);
  const exposed = (host: string) => ({
    containers: [{ name: 'web', image: 'i', ports: [{ port: 8080 }] }],
    exposure: { type: 'cluster_ip' as const, ports: [{ port: 8080 }], ingress: { host } },
  });

  it('are theirs who had them first, with all that a wildcard stands for', async () => {
    await theirs('shop', 'shop.example.org');
    await theirs('any', '*.any.example.org');
    // What takes all that is for nobody takes nothing from anybody.
    await connection.request('POST', PATH, {
      body: { metadata: { name: 'rest' }, spec: { rules: [{ http }] } },
    });
    for (const host of [
      'shop.example.org',
      '*.example.org',
      'a.any.example.org',
      'a.b.any.example.org',
      '*.b.any.example.org',
    ])
      await assert.rejects(asked(host), { code: 'conflict' }, host);
    for (const host of ['example.org', 'any.example.org', 'myshop.example.org', 'shop.example.com'])
      await asked(host);
  });

  it('are not taken by an application, and kept by the one that has them', async () => {
    const thief = await fixture.create('thief', [cluster], exposed('shop.example.org'));
    const { status } = await fixture.until(thief._id, 'CREATE_FAILED');
    assert.deepEqual([status.failure?.code, status.failure?.resource?.type], ['conflict', 'Ingress']);
    const path = `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/ingresses`;
    const { items } = await connection.get<{ items: unknown[] }>(path);
    assert.deepEqual(items, []);

    const first = await fixture.create('first', [cluster], exposed('first.example.org'));
    await fixture.until(first._id, 'CREATE_COMPLETE');
    await theirs('late', 'first.example.org');
    await fixture.accept(first._id, 'update', (spec) => ({ ...spec, replicas: 2 }));
    await fixture.until(first._id, 'UPDATE_COMPLETE');
    // To have an Ingress is not to have every host.
    await fixture.accept(first._id, 'update', (spec) => ({ ...spec, ...exposed('shop.example.org') }));
    const refused = await fixture.until(first._id, 'UPDATE_FAILED');
    assert.equal(refused.status.failure?.code, 'conflict');
  });

  it('are left again by who asked at the same moment and came later', async () => {
    const namespace = 'zz-later';
    await connection.request('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
    await theirs('both', 'both.example.org');
    const own = ingress('own', 'both.example.org');
    const late: Manifest = { ...own, metadata: { name: 'own', namespace } };
    await applyObject(connection, late);
    await assert.rejects(requireHostsFree(connection, [late], new AbortController().signal), {
      code: 'conflict',
    });
    assert.equal(await readObject(connection, referenceOf(late)), undefined);
    assert.equal(
      (await connection.get<{ metadata: { name: string } }>(`${PATH}/both`)).metadata.name,
      'both',
    );
  });
});
