import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('limit ranges', (bench) => {
  const dry = { dryRun: 'All' };
  const pod = (...resources: object[]): object => ({
    metadata: { name: 'limited' },
    spec: {
      containers: resources.map((one, index) => ({
        name: `c${String(index)}`,
        image: bench.cluster.image,
        resources: one,
      })),
    },
  });
  const tryPod = (...resources: object[]): Promise<Thing> =>
    bench.post(bench.path('pods'), pod(...resources), dry);
  const said = async (promise: Promise<unknown>): Promise<string> =>
    (await refusal(promise, 403, 'Forbidden')).message.replace(/^.* is forbidden: /, '');

  before(async () => {
    const limits = [
      {
        type: 'Container',
        default: { cpu: '500m' },
        max: { cpu: '1', memory: '1Gi' },
        min: { cpu: '100m' },
        maxLimitRequestRatio: { cpu: '4' },
      },
      { type: 'Pod', max: { memory: '1.5Gi' } },
      { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } },
    ];
    const made = await bench.post(bench.path('limitranges'), {
      metadata: { name: 'limits' },
      spec: { limits },
    });
    assert.deepEqual(made['spec'].limits[0].default, { cpu: '500m', memory: '1Gi' });
    assert.deepEqual(made['spec'].limits[0].defaultRequest, { cpu: '500m', memory: '1Gi' });
    // The API looks at ranges through a cache.
    const isApplied = async (): Promise<boolean> =>
      (await tryPod({}))['spec'].containers[0].resources.limits !== undefined;
    await waitFor(isApplied, { what: 'the defaults' });
  });

  it('give containers what they do not say', async () => {
    const bare = await tryPod({});
    assert.deepEqual(bare['spec'].containers[0].resources, {
      limits: { cpu: '500m', memory: '1Gi' },
      requests: { cpu: '500m', memory: '1Gi' },
    });
    const annotation = 'kubernetes.io/limit-ranger';
    assert.equal(
      bare.metadata.annotations?.[annotation],
      'LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0',
    );
    const some = await tryPod({ requests: { cpu: '200m' } });
    assert.deepEqual(some['spec'].containers[0].resources, {
      limits: { cpu: '500m', memory: '1Gi' },
      requests: { cpu: '200m', memory: '1Gi' },
    });
    const all = { requests: { cpu: '200m', memory: '1Mi' }, limits: { cpu: '200m', memory: '1Mi' } };
    assert.equal((await tryPod(all)).metadata.annotations?.[annotation], undefined);
  });

  it('refuse what is too little, too much, or too far apart', async () => {
    const ratio = 'cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000';
    assert.equal(await said(tryPod({ requests: { cpu: '100m' }, limits: { cpu: '1' } })), ratio);
    assert.equal(
      await said(tryPod({ limits: { cpu: '50m' } })),
      'minimum cpu usage per Container is 100m, but request is 50m',
    );
    assert.equal(
      await said(tryPod({ limits: { cpu: '2' } })),
      'maximum cpu usage per Container is 1, but limit is 2',
    );
    const both = await said(tryPod({ limits: { memory: '1Gi' } }, { limits: { memory: '2Gi' } }));
    assert.match(
      both,
      /^\[maximum memory usage per Container is 1Gi, but limit is 2Gi, maximum memory usage per Pod is 1536Mi, but limit is \S+\]$/,
    );
  });

  it('refuse claims outside of the range', async () => {
    const claim = (storage: string): Promise<Thing> =>
      bench.post(
        bench.path('persistentvolumeclaims'),
        {
          metadata: { name: 'c' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
        },
        dry,
      );
    assert.equal(
      await said(claim('500Mi')),
      'minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi',
    );
    assert.equal(
      await said(claim('3Gi')),
      'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
    );
    await claim('2Gi');
  });

  it('must make sense', async () => {
    const limits = [
      { type: 'Container', min: { cpu: '2' }, max: { cpu: '1' }, maxLimitRequestRatio: { cpu: '0.5' } },
      { type: 'Pod', default: { cpu: '1' } },
      { type: 'Container' },
      { type: 'foo' },
      { type: 'PersistentVolumeClaim' },
    ];
    const name = uniqueName('limits');
    const error = await refusal(
      bench.post(bench.path('limitranges'), { metadata: { name }, spec: { limits } }),
      422,
      'Invalid',
    );
    const fields = new Set(error.details?.causes?.map(({ field }) => field));
    for (const field of [
      'spec.limits[0].min[cpu]',
      'spec.limits[0].maxLimitRequestRatio[cpu]',
      'spec.limits[1].default',
      'spec.limits[2].type',
      'spec.limits[3].type',
      'spec.limits[4].limits',
    ])
      assert.ok(fields.has(field), `${field}: ${error.message}`);
  });
});
