import assert from 'node:assert/strict';
import { MERGE_PATCH } from '../../src/connection.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('subresources', (bench) => {
  const make = async (): Promise<string> => {
    const name = uniqueName('sub');
    const labels = { app: name };
    const path = bench.path('deployments', '/apis/apps/v1');
    await bench.post(path, {
      metadata: { name },
      spec: {
        replicas: 0,
        // Its controller leaves a paused deployment's replica sets alone.
        paused: true,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: bench.cluster.image }] } },
      },
    });
    return `${path}/${name}`;
  };

  it('scale is another view of the same object', async () => {
    const path = await make();
    const scale = await bench.get(`${path}/scale`);
    assert.deepEqual([scale.kind, scale.apiVersion, scale['spec']], ['Scale', 'autoscaling/v1', {}]);
    const deployment = await bench.get(path);
    assert.equal(scale.metadata.uid, deployment.metadata.uid);
    const patched = await bench.patch(`${path}/scale`, { spec: { replicas: 2 } }, { type: MERGE_PATCH });
    assert.deepEqual(patched['spec'], { replicas: 2 });
    assert.equal((await bench.get(path))['spec'].replicas, 2);
    const put = await bench.put(`${path}/scale`, {
      ...patched,
      metadata: { name: scale.metadata.name, namespace: bench.namespace },
      spec: { replicas: 1 },
    });
    assert.deepEqual(put['spec'], { replicas: 1 });
    await refusal(
      bench.patch(`${path}/scale`, { spec: { replicas: -1 } }, { type: MERGE_PATCH }),
      422,
      'Invalid',
    );
  });

  it('status does not change what is asked for, nor the other way round', async () => {
    const { metadata } = await bench.post(bench.path('pods'), {
      metadata: { name: uniqueName('sub') },
      // Nobody schedules or runs it.
      spec: { schedulerName: 'nobody', containers: [{ name: 'c', image: bench.cluster.image }] },
    });
    const path = `${bench.path('pods')}/${metadata.name}`;
    const both = (pod: Thing): Thing => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { by: 'test' } },
      status: { ...pod['status'], message: 'said' },
    });
    const onStatus = await bench.put(`${path}/status`, both(await bench.get(path)));
    assert.equal(onStatus['status'].message, 'said');
    const merge = { type: MERGE_PATCH };
    const onSpec = await bench.patch(path, { status: { message: 'other' } }, merge);
    assert.equal(onSpec['status'].message, 'said');
    const patched = await bench.patch(`${path}/status`, { status: { message: 'new' } }, merge);
    assert.equal(patched['status'].message, 'new');
    await bench.delete(path, { gracePeriodSeconds: 0 });
  });

  it('that are not there are not found', async () => {
    await refusal(bench.get(`${bench.path('configmaps')}/kube-root-ca.crt/scale`), 404, 'NotFound');
  });
});
