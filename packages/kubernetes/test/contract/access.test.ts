import assert from 'node:assert/strict';
import { createSigningRequest } from '@cetus/shared/pki';
import type { KubernetesConnection } from '../../src/connection.ts';
import { missingPermissions } from '../../src/permissions.ts';
import { kubernetesContract, refusal, SIGNING_REQUESTS } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('access', (bench) => {
  const user = uniqueName('user');
  let guest: KubernetesConnection;

  before(async () => {
    guest = await bench.connectAs(user);
  });

  it('is given by the certificate that the cluster signed, and to nothing at first', async () => {
    const error = await refusal(guest.get('/api/v1/nodes'), 403, 'Forbidden');
    assert.equal(
      error.message,
      `nodes is forbidden: User "${user}" cannot list resource "nodes" in API group "" at the cluster scope`,
    );
    assert.deepEqual(error.details, { kind: 'nodes' });
    const named = await refusal(guest.get(`${bench.path('secrets')}/one`), 403, 'Forbidden');
    assert.equal(
      named.message,
      `secrets "one" is forbidden: User "${user}" cannot get resource "secrets" in API group "" in the namespace "${bench.namespace}"`,
    );
    await refusal(guest.get(bench.path('deployments', '/apis/apps/v1')), 403, 'Forbidden');
    await guest.get('/version');
  });

  it('is not given by a request that was denied', async () => {
    const { request } = createSigningRequest({ commonName: user });
    const made = await bench.requestCertificate(request);
    await bench.decide(made, 'Denied');
    const denied = await bench.get(`${SIGNING_REQUESTS}/${made.metadata.name}`);
    assert.deepEqual(
      [denied['status'].conditions[0].type, denied['status'].certificate],
      ['Denied', undefined],
    );
    await bench.delete(`${SIGNING_REQUESTS}/${made.metadata.name}`);
  });

  it('is not given by a request that is none', async () => {
    await refusal(bench.requestCertificate('nonsense'), 422, 'Invalid');
    const { request } = createSigningRequest({ commonName: user, organizations: ['system:masters'] });
    await refusal(bench.requestCertificate(request), 403, 'Forbidden');
  });

  it('is what roles and bindings say', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const wanted = [
      { verb: 'list', resource: 'configmaps', namespace: bench.namespace },
      { verb: 'list', resource: 'configmaps', namespace: 'default' },
      {
        verb: 'patch',
        group: 'apps',
        resource: 'deployments',
        subresource: 'scale',
        namespace: bench.namespace,
      },
      { verb: 'list', resource: 'nodes' },
    ];
    assert.deepEqual(
      (await missingPermissions(guest, wanted)).map(({ verb, resource }) => [verb, resource]),
      wanted.map(({ verb, resource }) => [verb, resource]),
    );
    await bench.post(bench.path('roles', rbac), {
      metadata: { name: 'reader' },
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['*'] },
      ],
    });
    await bench.post(bench.path('rolebindings', rbac), {
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
    const probe = bench.path('configmaps');
    await bench.until(probe, () =>
      guest.get(probe).then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual(await missingPermissions(guest, wanted), [wanted[1], wanted[3]]);
    await refusal(guest.request('POST', probe, { body: { metadata: { name: 'x' } } }), 403, 'Forbidden');
    await refusal(guest.get(bench.path('deployments', '/apis/apps/v1')), 403, 'Forbidden');
  });

  it('of an administrator is to everything', async () => {
    assert.deepEqual(
      await missingPermissions(bench.connection, [{ verb: '*', group: '*', resource: '*' }]),
      [],
    );
  });
});
