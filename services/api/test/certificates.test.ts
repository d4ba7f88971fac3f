import { strict as assert } from 'node:assert';
import { createSigningRequest } from '@cetus/shared/pki';
import { CetusError } from '@cetus/shared/errors';
import type { StoredCluster } from '@cetus/shared/schemas';
import { ensureUuid, expectError } from './support/answers.ts';
import { startApi, type TestApi } from './support/api.ts';

describe('api: certificates', () => {
  let api: TestApi;
  let uuid: string;
  before(async () => {
    api = await startApi();
    uuid = await api.cluster({ name: 'certified' });
    await api.finish(uuid);
  });
  after(() => api.close());

  const { request: csr } = createSigningRequest({ commonName: 'admin', organizations: ['system:masters'] });
  const sign = (payload: object = {}, token = 'member') =>
    api.request({
      method: 'POST',
      url: '/v1/certificates',
      payload: { cluster_uuid: uuid, csr, ...payload },
      token,
    });
  const links = (id: string) => [
    { href: `http://localhost:80/v1/certificates/${id}`, rel: 'self' },
    { href: `http://localhost:80/certificates/${id}`, rel: 'bookmark' },
  ];

  it('of authorities are read, in the form of Magnum', async () => {
    const asked: unknown[] = [];
    api.answers['cluster.authority'] = (question) => {
      asked.push(question);
      return { pem: 'PEM OF THE AUTHORITY' };
    };
    for (const [ref, query, kind] of [
      [uuid, '', 'kubernetes'],
      ['certified', '?ca_cert_type=etcd', 'etcd'],
    ]) {
      const answer = await api.request({ url: `/v1/certificates/${ref}${query}`, token: 'reader' });
      assert.equal(answer.statusCode, 200, answer.body);
      assert.deepEqual(answer.json(), {
        bay_uuid: uuid,
        cluster_uuid: uuid,
        links: links(uuid),
        pem: 'PEM OF THE AUTHORITY',
      });
      assert.deepEqual(asked.pop(), { id: uuid, kind });
    }
    expectError(
      await api.request({ url: `/v1/certificates/${uuid}?ca_cert_type=x` }),
      400,
      'invalid_field',
      'ca_cert_type',
    );
  });

  it('are signed, for members of the project', async () => {
    const asked: unknown[] = [];
    api.answers['cluster.sign'] = (question) => {
      asked.push(question);
      return { pem: 'PEM OF THE CLIENT' };
    };
    const answer = await sign({ cluster_uuid: 'certified' });
    assert.equal(answer.statusCode, 201, answer.body);
    assert.deepEqual(answer.json(), {
      bay_uuid: uuid,
      cluster_uuid: uuid,
      links: links(uuid),
      csr,
      pem: 'PEM OF THE CLIENT',
    });
    assert.deepEqual(asked, [{ id: uuid, csr }]);
    expectError(await sign({}, 'reader'), 403, 'forbidden');
    expectError(await sign({}, 'other'), 400, 'cluster_not_found', 'cluster_uuid');
    expectError(await sign({ cluster_uuid: 'nope' }), 400, 'cluster_not_found', 'cluster_uuid');
    expectError(await sign({ ca_cert_type: 'etcd' }), 400, 'unsupported', 'ca_cert_type');
    expectError(await sign({ csr: csr.replace(/[A-Za-z]{4}/, 'AAAA') }), 400, 'invalid_field', 'csr');
    assert.equal(asked.length, 1);
  });

  it('of a cluster that another user imported are for nobody else', async () => {
    api.answers['cluster.sign'] = () => ({ pem: 'PEM OF THE CLIENT' });
    const imported = await api.cluster({ name: 'imported' });
    await api.finish(imported);
    const clusters = api.store.db.collection<StoredCluster>('clusters');
    await clusters.updateOne(
      { _id: imported },
      { $set: { 'spec.imported': { server: 'https://192.0.2.1' } } },
    );
    const ask = (commonName: string, organizations: string[], token: string) => {
      const { request } = createSigningRequest({ commonName, organizations });
      return sign({ cluster_uuid: imported, csr: request }, token);
    };
    assert.equal((await ask('admin-user', [], 'admin')).statusCode, 201);
    for (const [name, groups] of [
      ['member-user', []],
      ['system:kube-controller-manager', []],
      ['admin-user', ['system:masters']],
      ['admin-user', ['developers']],
    ] as const)
      expectError(await ask(name, [...groups], 'admin'), 403, 'forbidden', 'csr');
    // Who imported it has its administrator's kubeconfig anyway.
    assert.equal((await ask('whoever', ['developers'], 'member')).statusCode, 201);
  });

  it('wait for the conductor no longer than a client does', async () => {
    for (const [status, code] of [
      [504, 'request_deadline_exceeded'],
      [503, 'bus_unavailable'],
      [409, 'conflict'],
    ] as const) {
      api.answers['cluster.sign'] = api.answers['cluster.authority'] = () => {
        throw new CetusError(code, 'not now');
      };
      expectError(await sign(), status, code);
      expectError(await api.request({ url: `/v1/certificates/${uuid}` }), status, code);
    }
  });

  it('are void after a rotation', async () => {
    // As python-magnumclient sends it: no body, and a type for it.
    const rotate = () =>
      api.request({
        method: 'PATCH',
        url: `/v1/certificates/${uuid}`,
        headers: { 'content-type': 'application/octet-stream' },
      });
    const answer = await rotate();
    assert.equal(ensureUuid(answer), uuid);
    const operation = (
      await api.request({ url: `/v1/operations/${String(answer.headers['cetus-operation-id'])}` })
    ).json();
    assert.deepEqual([operation.action, operation.requested], ['update', 'rotate-ca']);
    const rotations = async () => (await api.clusters.get({ kind: 'all' }, uuid)).spec.ca_rotations;
    assert.equal(await rotations(), 1);
    expectError(await rotate(), 409, 'operation_in_progress');
    await api.finish(uuid, null, { ca_rotations: 1 });
    await rotate();
    assert.equal(await rotations(), 2);
  });
});
