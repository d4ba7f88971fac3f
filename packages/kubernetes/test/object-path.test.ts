import assert from 'node:assert/strict';
import { isManagedKind } from '../src/managed-kinds.ts';
import { collectionPath, objectPath } from '../src/object-path.ts';

describe('paths of objects', () => {
  it('lead to objects and their collections', () => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'settings' };
    assert.equal(objectPath(map), '/api/v1/namespaces/shop/configmaps/settings');
    assert.equal(collectionPath(map), '/api/v1/namespaces/shop/configmaps');
    const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
    assert.equal(collectionPath(policy), '/apis/networking.k8s.io/v1/networkpolicies');
    const budget = {
      apiVersion: 'policy/v1beta1',
      kind: 'PodDisruptionBudget',
      namespace: 'shop',
      name: 'web',
    };
    assert.equal(objectPath(budget), '/apis/policy/v1beta1/namespaces/shop/poddisruptionbudgets/web');
    assert.equal(
      objectPath({ apiVersion: 'v1', kind: 'Namespace', name: 'shop' }),
      '/api/v1/namespaces/shop',
    );
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'system:node x' };
    assert.equal(objectPath(role), '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%20x');
  });

  it('are not made for what Cetus does not manage', () => {
    for (const [apiVersion, kind] of [
      ['example.org/v1', 'Thing'],
      ['v1', 'Deployment'],
      ['apps/v1beta1', 'Deployment'],
      ['v1', 'constructor'],
      ['', 'Pod'],
    ] as const) {
      assert.throws(() => objectPath({ apiVersion, kind, namespace: 'a', name: 'b' }), TypeError, kind);
      assert.throws(() => collectionPath({ apiVersion, kind }), TypeError, kind);
    }
    assert.equal(isManagedKind('Pod'), true);
    assert.equal(isManagedKind('toString'), false);
  });

  it('lead nowhere else', () => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a', name: 'b' };
    for (const name of ['', '.', '..', '../secrets/x', 'a/b', 'a%2Fb'])
      for (const other of [{ name }, { namespace: name }])
        assert.throws(() => objectPath({ ...map, ...other }), TypeError, name);
    assert.match(objectPath({ ...map, name: 'a?b#c' }), /a%3Fb%23c$/);
    assert.throws(() => objectPath({ ...map, namespace: undefined }), /is in a namespace/);
    const space = { apiVersion: 'v1', kind: 'Namespace', namespace: 'a', name: 'b' };
    assert.throws(() => objectPath(space), /is in no namespace/);
  });
});
