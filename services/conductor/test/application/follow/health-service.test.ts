import assert from 'node:assert/strict';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { newObject } from '@cetus/shared/operations';
import type { ApplicationSpec, ApplicationStatus, StoredApplication } from '@cetus/shared/schemas';
import { APPLICATION, collectionOf } from '@cetus/shared/store';
import { waitFor } from '@cetus/test-kit';
import { HASTY, HealthFixture } from '../../health/support.ts';

const TIMES = { gatherMs: 50, detailMs: 300, measureMs: 600, retryMs: 200, resyncMs: 300 };

describe('Whoever follows a cluster', () => {
  let fixture: HealthFixture;
  before(async () => {
    fixture = await HealthFixture.open();
  });
  afterEach(async () => {
    await fixture.reset();
    await collectionOf(fixture.store.db, APPLICATION).deleteMany({});
  });
  after(() => fixture.close());

  async function application(clusterId: string): Promise<StoredApplication> {
    const placement = {
      cluster_id: clusterId,
      cluster_name: 'c',
      namespace: 'default',
      state: 'COMPLETE',
      applied_generation: 1,
    };
    const made: StoredApplication = {
      ...newObject<ApplicationSpec, ApplicationStatus>({
        kind: APPLICATION,
        caller: { userId: 'u1', projectId: 'p1', requestId: 'r1' },
        name: 'web',
        spec: {
          kind: 'stateless',
          stopped: false,
          paused: false,
          placements: [],
        } as unknown as ApplicationSpec,
        status: { placements: [placement as never], applied_spec: null },
        deadlineMs: null,
      }),
      observed: {},
      health_conditions: [],
      revisions: [],
      pending_events: [],
      sequence: 0,
    };
    await collectionOf(fixture.store.db, APPLICATION).insertOne(made);
    return made;
  }

  const seen = async (id: string, clusterId: string) =>
    (await collectionOf(fixture.store.db, APPLICATION).findOne({ _id: id }))?.observed[clusterId];

  it('follows the applications in it, under the same lease, from one conductor to the next', async () => {
    const cluster = await fixture.cluster();
    const { _id, name } = await application(cluster._id);
    const connection = KubernetesConnection.fromKubeconfig(fixture.kubeconfig(cluster._id));
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const labels = { 'app.kubernetes.io/managed-by': 'cetus', 'cetus.io/application': _id };
    const phase = async () => (await seen(_id, cluster._id))?.phase;
    try {
      await connection.request('POST', deployments, {
        body: {
          metadata: { name, labels, annotations: { 'cetus.io/generation': '1' } },
          spec: {
            selector: { matchLabels: labels },
            template: {
              metadata: { labels },
              spec: { containers: [{ name: 'web', image: 'registry.local/web:1' }] },
            },
          },
        },
      });
      await fixture.conductor('a', { applicationTimes: TIMES });
      await waitFor(async () => (await phase()) === 'Running', { what: 'it is seen' });
      const token = (await fixture.read(cluster._id)).follow?.token;
      assert.equal((await seen(_id, cluster._id))?.token, token);

      await fixture.stop('a');
      await fixture.conductor('b', { ...HASTY, applicationTimes: TIMES });
      await waitFor(async () => (await seen(_id, cluster._id))?.token === (token ?? 0) + 1, {
        what: 'the other has it',
      });

      await fixture.host.get(cluster._id)?.setNetwork('refused');
      await fixture.until(cluster._id, 'Reachable', 'False');
      assert.equal(await phase(), 'Running', 'what was seen stays');
      await fixture.host.get(cluster._id)?.setNetwork('up');
      await connection.request('DELETE', `${deployments}/${name}`);
      await waitFor(async () => (await phase()) === 'Missing', { what: 'it is seen to be gone' });
    } finally {
      await connection.close();
    }
  });
}).timeout(60_000);
