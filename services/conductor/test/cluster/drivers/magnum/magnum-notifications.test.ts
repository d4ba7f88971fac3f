import assert from 'node:assert/strict';
import { clusterOfMagnumNotification } from '../../../../src/cluster/drivers/magnum/magnum-notifications.ts';

const ID = '0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9';

describe("Magnum's notifications", () => {
  const of = (event_type: string, outcome: string, name: string) =>
    clusterOfMagnumNotification({
      event_type,
      payload: { outcome, target: { name, attachments: [{ content: { project_id: 'p1' } }] } },
    });

  it('are about clusters of ours that ended something', () => {
    const found = { id: ID, projectId: 'p1' };
    assert.deepEqual(of('magnum.cluster.delete', 'failure', `cetus-${ID}`), found);
    const written = { ...found, wakeUpsMs: [0, 1_000] };
    assert.deepEqual(of('magnum.cluster.update', 'failure', `cetus-${ID}`), written);
    assert.deepEqual(of('magnum.cluster.create', 'success', `cetus-${ID}`), written);
  });

  it('are left alone when they are of others, of what is known, or of something else', () => {
    assert.equal(of('magnum.cluster.create', 'success', 'somebody-else'), null);
    assert.equal(of('magnum.cluster.create', 'pending', `cetus-${ID}`), null);
    assert.equal(of('magnum.federation.create', 'success', `cetus-${ID}`), null);
    assert.equal(clusterOfMagnumNotification({ event_type: 'magnum.cluster.create', payload: {} }), null);
  });
});
