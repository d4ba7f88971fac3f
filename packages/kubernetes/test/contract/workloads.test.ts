import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { MERGE_PATCH } from '../../src/connection.ts';
import { kubernetesContract, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('workloads', (bench) => {
  const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const of = async (resource: string, app: string, api?: string): Promise<Thing[]> =>
    (await bench.list(bench.path(resource, api), { labelSelector: `app=${app}` })).items;
  const condition = (
    thing: Thing,
    type: string,
  ): { status: string; reason: string; message: string } | undefined =>
    thing['status']?.conditions?.find((one: { type: string }) => one.type === type);
  const ready = (replicas: number) => (thing: Thing) =>
    thing['status']?.observedGeneration === thing.metadata.generation &&
    thing['status'].readyReplicas === replicas &&
    thing['status'].updatedReplicas === replicas &&
    thing['status'].replicas === replicas;

  it('a deployment makes a replica set, which makes pods, which run', async () => {
    const path = await bench.deploy(2);
    const app = nameOf(path);
    const deployment = await bench.until(path, ready(2));
    assert.deepEqual(
      ['Available', 'Progressing'].map((type) => [type, condition(deployment, type)?.status]),
      [
        ['Available', 'True'],
        ['Progressing', 'True'],
      ],
    );
    assert.equal(deployment['status'].availableReplicas, 2);
    const [set, ...others] = await of('replicasets', app, '/apis/apps/v1');
    assert.ok(set !== undefined && others.length === 0);
    assert.deepEqual(
      set.metadata.ownerReferences?.map(({ kind, uid, controller }) => [kind, uid, controller]),
      [['Deployment', deployment.metadata.uid, true]],
    );
    const pods = await of('pods', app);
    assert.equal(pods.length, 2);
    for (const pod of pods) {
      assert.equal(pod['status'].phase, 'Running');
      assert.equal(pod.metadata.ownerReferences?.[0]?.uid, set.metadata.uid);
      assert.equal(pod.metadata.labels?.['pod-template-hash'], set.metadata.labels?.['pod-template-hash']);
      assert.match(pod['status'].podIP, /^\d+\.\d+\.\d+\.\d+$/);
      assert.ok(pod['spec'].nodeName && pod['status'].startTime);
      const [container] = pod['status'].containerStatuses;
      assert.deepEqual(
        [container.ready, container.restartCount, typeof container.state.running.startedAt],
        [true, 0, 'string'],
      );
      assert.equal(condition(pod, 'Ready')?.status, 'True');
    }
  });

  it('a service finds the pods that are ready', async () => {
    const path = await bench.deploy(2);
    const app = nameOf(path);
    const services = bench.path('services');
    const made = await bench.post(services, {
      metadata: { name: app },
      spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    });
    assert.deepEqual([made['spec'].type, made['spec'].ports[0].protocol], ['ClusterIP', 'TCP']);
    assert.match(made['spec'].clusterIP, /^\d+\.\d+\.\d+\.\d+$/);
    await bench.until(path, ready(2));
    const endpoints = await waitFor(
      async () => {
        const found = await bench.get(`${bench.path('endpoints')}/${app}`);
        return found['subsets']?.[0]?.addresses?.length === 2 ? found : undefined;
      },
      { timeoutMs: 30_000, what: 'two addresses' },
    );
    const pods = await of('pods', app);
    assert.deepEqual(
      new Set(endpoints['subsets'][0].addresses.map(({ ip }: { ip: string }) => ip)),
      new Set(pods.map((pod) => pod['status'].podIP)),
    );
    assert.deepEqual(endpoints['subsets'][0].ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  });

  it('scales, and replaces pods when their template changes', async () => {
    const path = await bench.deploy(1);
    const app = nameOf(path);
    await bench.until(path, ready(1));
    const merge = { type: MERGE_PATCH };
    await bench.patch(`${path}/scale`, { spec: { replicas: 3 } }, merge);
    await bench.until(path, ready(3));
    await bench.patch(`${path}/scale`, { spec: { replicas: 1 } }, merge);
    await bench.until(path, ready(1));
    const before = new Set((await of('pods', app)).map(({ metadata }) => metadata.uid));
    const annotations = { 'example.org/restarted': 'now' };
    await bench.patch(path, { spec: { template: { metadata: { annotations } } } }, merge);
    await bench.until(path, ready(1));
    await waitFor(async () => (await of('pods', app)).every(({ metadata }) => !before.has(metadata.uid)), {
      timeoutMs: 60_000,
      what: 'the old pods are gone',
    });
    const sets = await of('replicasets', app, '/apis/apps/v1');
    assert.deepEqual(sets.map(({ spec }) => spec.replicas).sort(), [0, 1]);
    const revision = (await bench.get(path)).metadata.annotations?.['deployment.kubernetes.io/revision'];
    assert.equal(revision, '2');
  });

  it('go with their owner', async () => {
    const path = await bench.deploy(1);
    const app = nameOf(path);
    await bench.until(path, ready(1));
    await bench.delete(path, { propagationPolicy: 'Background' });
    await waitFor(
      async () =>
        (await of('replicasets', app, '/apis/apps/v1')).length === 0 && (await of('pods', app)).length === 0,
      { timeoutMs: 60_000, what: 'replica sets and pods are gone' },
    );
  });

  it('a pod that is deleted is replaced', async () => {
    const path = await bench.deploy(1);
    const app = nameOf(path);
    await bench.until(path, ready(1));
    const [old] = await of('pods', app);
    assert.ok(old);
    const said = await bench.delete(`${bench.path('pods')}/${old.metadata.name}`);
    // The pod itself: its node has to end it.
    assert.equal(said.kind, 'Pod');
    assert.equal(said.metadata.deletionGracePeriodSeconds, 1);
    await bench.gone(`${bench.path('pods')}/${old.metadata.name}`);
    await bench.until(path, ready(1));
  });

  it('a pod that fits nowhere says so', async () => {
    const path = await bench.deploy(1, { pod: { nodeSelector: { nowhere: 'true' } } });
    const pod = await waitFor(async () => (await of('pods', nameOf(path)))[0], { what: 'a pod' });
    const pending = await bench.until(
      `${bench.path('pods')}/${pod.metadata.name}`,
      (pod) => condition(pod, 'PodScheduled')?.status === 'False',
    );
    assert.equal(pending['status'].phase, 'Pending');
    assert.equal(condition(pending, 'PodScheduled')?.reason, 'Unschedulable');
    assert.match(condition(pending, 'PodScheduled')?.message ?? '', /^0\/\d+ nodes are available/);
    const query = { fieldSelector: `involvedObject.uid=${pod.metadata.uid},type=Warning` };
    const events = await waitFor(
      async () => {
        const { items } = await bench.list(bench.path('events'), query);
        return items.length > 0 ? items : undefined;
      },
      { what: 'an event' },
    );
    assert.deepEqual(
      [events[0]?.['reason'], events[0]?.['involvedObject'].kind],
      ['FailedScheduling', 'Pod'],
    );
  });

  it('a pod whose image cannot be had says so', async () => {
    const name = uniqueName('image');
    const spec = { containers: [{ name: 'c', image: 'registry.invalid/none:1' }] };
    await bench.post(bench.path('pods'), { metadata: { name }, spec });
    const path = `${bench.path('pods')}/${name}`;
    const failing = await bench.until(path, (pod) =>
      ['ErrImagePull', 'ImagePullBackOff'].includes(
        pod['status'].containerStatuses?.[0].state.waiting?.reason,
      ),
    );
    assert.equal(failing['status'].phase, 'Pending');
    await bench.delete(path, { gracePeriodSeconds: 0 });
  });

  it('a pod that ends badly is started again', async () => {
    const name = uniqueName('crash');
    const spec = { containers: [{ name: 'c', image: bench.cluster.image, command: ['false'] }] };
    await bench.post(bench.path('pods'), { metadata: { name }, spec });
    const path = `${bench.path('pods')}/${name}`;
    const crashing = await bench.until(path, (pod) => {
      const [container] = pod['status'].containerStatuses ?? [];
      return container?.restartCount > 0 && container.state.waiting?.reason === 'CrashLoopBackOff';
    });
    const [container] = crashing['status'].containerStatuses;
    assert.deepEqual([container.lastState.terminated.exitCode, container.ready], [1, false]);
    await bench.delete(path, { gracePeriodSeconds: 0 });
  });

  describe('a job', () => {
    const run = async (command: string[]): Promise<string> => {
      const name = uniqueName('job');
      const path = bench.path('jobs', '/apis/batch/v1');
      await bench.post(path, {
        metadata: { name },
        spec: {
          backoffLimit: 0,
          template: {
            spec: {
              restartPolicy: 'Never',
              containers: [{ name: 'c', image: bench.cluster.image, command }],
            },
          },
        },
      });
      return `${path}/${name}`;
    };

    it('completes', async () => {
      const path = await run(['true']);
      const job = await bench.until(path, (job) => condition(job, 'Complete')?.status === 'True');
      assert.equal(job['status'].succeeded, 1);
      assert.ok(job['status'].completionTime);
      const { items } = await bench.list(bench.path('pods'), { labelSelector: `job-name=${nameOf(path)}` });
      assert.deepEqual(
        items.map(({ status }) => status.phase),
        ['Succeeded'],
      );
    });

    it('fails when its pod does', async () => {
      const job = await bench.until(
        await run(['false']),
        (job) => condition(job, 'Failed')?.status === 'True',
      );
      assert.equal(condition(job, 'Failed')?.reason, 'BackoffLimitExceeded');
      assert.equal(job['status'].failed, 1);
    });
  });

  it('a daemon set has a pod on each node that it selects, a stateful set pods with names and an order', async () => {
    const name = uniqueName('set');
    const labels = { app: name };
    const template = {
      metadata: { labels },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: bench.cluster.image }] },
    };
    const spec = { selector: { matchLabels: labels }, template };
    await bench.post(bench.path('statefulsets', '/apis/apps/v1'), {
      metadata: { name },
      spec: { ...spec, replicas: 2, serviceName: name },
    });
    await bench.until(
      `${bench.path('statefulsets', '/apis/apps/v1')}/${name}`,
      (s) => s['status'].readyReplicas === 2,
    );
    const pods = await of('pods', name);
    assert.deepEqual(pods.map(({ metadata }) => metadata.name).sort(), [`${name}-0`, `${name}-1`]);
    const daemons = `${name}-d`;
    const other = { app: daemons };
    await bench.post(bench.path('daemonsets', '/apis/apps/v1'), {
      metadata: { name: daemons },
      spec: { selector: { matchLabels: other }, template: { ...template, metadata: { labels: other } } },
    });
    const set = await bench.until(
      `${bench.path('daemonsets', '/apis/apps/v1')}/${daemons}`,
      ({ status }) =>
        status.desiredNumberScheduled > 0 && status.numberReady === status.desiredNumberScheduled,
    );
    const onNodes = (await of('pods', daemons)).map(({ spec }) => spec.nodeName);
    assert.equal(new Set(onNodes).size, set['status'].desiredNumberScheduled);
  });
});
