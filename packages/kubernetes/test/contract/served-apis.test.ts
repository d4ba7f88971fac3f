import assert from 'node:assert/strict';
import { MANAGED_KINDS, type ManagedKind, type ManagedKindName } from '../../src/managed-kinds.ts';
import { collectionPath } from '../../src/object-path.ts';
import { ServedApis } from '../../src/served-apis.ts';
import { kubernetesContract } from './bench.ts';

kubernetesContract('served APIs', (bench) => {
  const kinds = Object.entries<ManagedKind>(MANAGED_KINDS) as [ManagedKindName, ManagedKind][];

  it('every kind is served in one of its versions, at the path of the table', async () => {
    const apis = new ServedApis(bench.connection);
    for (const [kind, { namespaced }] of kinds) {
      const apiVersion = await apis.apiVersionOf(kind);
      assert.ok(apiVersion !== undefined, kind);
      const namespace = namespaced ? bench.namespace : undefined;
      const list = await bench.list(collectionPath({ apiVersion, kind, namespace }), { limit: 1 });
      assert.deepEqual(
        [(list as unknown as { kind: string }).kind, (list as unknown as { apiVersion: string }).apiVersion],
        [`${kind}List`, apiVersion],
      );
    }
  });

  it('the version is the newest that the server has', async () => {
    const apis = new ServedApis(bench.connection);
    const minor = await apis.minor();
    assert.ok(minor !== undefined && minor >= 20, String(minor));
    const chosen = async (kind: ManagedKindName): Promise<string | undefined> => apis.apiVersionOf(kind);
    assert.equal(
      await chosen('HorizontalPodAutoscaler'),
      minor < 23 ? 'autoscaling/v2beta2' : 'autoscaling/v2',
    );
    assert.equal(await chosen('CronJob'), minor < 21 ? 'batch/v1beta1' : 'batch/v1');
    assert.equal(await chosen('PodDisruptionBudget'), minor < 21 ? 'policy/v1beta1' : 'policy/v1');
    assert.equal(await chosen('Ingress'), 'networking.k8s.io/v1');
    assert.equal(await chosen('Job'), 'batch/v1');
  });

  it('knows what is not served', async () => {
    const apis = new ServedApis(bench.connection);
    assert.equal(await apis.serves({ apiVersion: 'example.org/v1', kind: 'Thing' }), false);
    assert.equal(await apis.serves({ apiVersion: 'v1', kind: 'Deployment' }), false);
    assert.equal(await apis.serves({ apiVersion: 'v9', kind: 'Pod' }), false);
    // A part of a pod, no object of its own.
    assert.equal(await apis.serves({ apiVersion: 'v1', kind: 'Eviction' }), false);
  });
});
