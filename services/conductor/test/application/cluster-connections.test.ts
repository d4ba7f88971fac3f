import assert from 'node:assert/strict';
import { KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import type { StoredCluster } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { ClusterConnections } from '../../src/application/cluster-connections.ts';
import { ApplicationFixture } from './support.ts';

describe('the connections to clusters', () => {
  let fixture: ApplicationFixture;
  let connections: ClusterConnections;
  before(async () => {
    fixture = await ApplicationFixture.open();
  });
  beforeEach(() => {
    connections = new ClusterConnections({ secrets: fixture.box, requestMs: 500, silentMs: 300 });
  });
  afterEach(() => connections.close());
  after(() => fixture.close());

  const { signal } = new AbortController();
  const names = (cluster: StoredCluster): Promise<number> =>
    connections.use(cluster, signal, async ({ connection }) => {
      const { items } = await connection.get<{ items: unknown[] }>('/api/v1/namespaces');
      return items.length;
    });

  it('are shared, and made anew when the kubeconfig is another', async () => {
    const { cluster } = await fixture.cluster();
    const seen = new Set<unknown>();
    const note = (one: StoredCluster): Promise<void> =>
      connections.use(one, signal, async ({ connection }) => void seen.add(connection));
    await Promise.all([note(cluster), note(cluster), note(cluster)]);
    assert.equal(seen.size, 1);
    const { kubeconfig } = cluster.status;
    assert.ok(kubeconfig);
    const again = { id: cluster._id, field: 'status.kubeconfig' };
    const other = fixture.box.seal(fixture.box.open(kubeconfig, again), again);
    await note({ ...cluster, status: { ...cluster.status, kubeconfig: other } });
    assert.equal(seen.size, 2);
  });

  it('let one at most wait for a cluster that is silent', async () => {
    const { cluster, sim } = await fixture.cluster();
    assert.ok((await names(cluster)) > 0);
    await sim?.setNetwork('hanging');
    await assert.rejects(names(cluster), KubernetesUnreachableError);
    // No request is sent for these: they would hang, too.
    await sim?.setNetwork('up');
    await assert.rejects(names(cluster), KubernetesUnreachableError);
    const back = await waitFor(() => names(cluster).catch(() => false), { what: 'it is asked again' });
    assert.ok(Number(back) > 0);
    assert.ok((await names(cluster)) > 0, 'and heard');
  });

  it('are kept while they are held, whatever becomes of others', async () => {
    const { cluster } = await fixture.cluster();
    const held = await connections.hold(cluster, signal);
    await assert.rejects(
      connections.use(cluster, signal, () =>
        Promise.reject(
          new KubernetesUnreachableError({ method: 'GET', path: '/' }, 'gone', {
            code: 'ECONNRESET',
            maybeSent: true,
            cause: undefined,
          }),
        ),
      ),
      KubernetesUnreachableError,
    );
    await held.connection.get('/api/v1/namespaces');
    held.release();
    held.release();
    await assert.rejects(held.connection.get('/api/v1/namespaces'), 'it was closed');
  });
});
