import assert from 'node:assert/strict';
import { ClusterBench, deployment } from './support.ts';

const PODS = '/api/v1/namespaces/default/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName: string; containers: { image: string }[] };
  status: { phase: string };
}

describe('simulated workloads', () => {
  const bench = new ClusterBench();
  beforeEach(() => bench.open());
  afterEach(() => bench.close());

  const pods = async (selector = ''): Promise<Pod[]> =>
    ((await bench.get(`${PODS}?labelSelector=${encodeURIComponent(selector)}`)) as { items: Pod[] }).items;

  it('a Deployment rolls over without ever having too few pods', async () => {
    await bench.send('POST', DEPLOYMENTS, deployment('web', 4));
    await bench.until(`${DEPLOYMENTS}/web`, ({ status }) => status?.availableReplicas === 4);
    const counts: number[] = [];
    const stop = bench.cluster.store.listen(({ resource }) => {
      if (resource !== 'pods') return;
      const all = [...bench.cluster.store.values('pods')].filter(
        (pod) => pod.metadata.namespace === 'default',
      );
      counts.push(
        all.filter(
          (pod) =>
            (pod.status?.['conditions'] as { type: string; status: string }[] | undefined)?.some(
              (one) => one.type === 'Ready' && one.status === 'True',
            ) === true && pod.metadata.deletionTimestamp === undefined,
        ).length,
      );
    });
    const patch = { spec: { template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } } } };
    await bench.send('PATCH', `${DEPLOYMENTS}/web`, patch, 'application/strategic-merge-patch+json');
    const done = await bench.until(
      `${DEPLOYMENTS}/web`,
      ({ status, metadata }) =>
        status.observedGeneration === metadata.generation &&
        status.updatedReplicas === 4 &&
        status.replicas === 4 &&
        status.availableReplicas === 4,
    );
    stop();
    assert.ok(Math.min(...counts) >= 3, String(counts));
    assert.equal(done.metadata.annotations['deployment.kubernetes.io/revision'], '2');
    for (const pod of await pods('app=web'))
      if (pod.metadata.deletionTimestamp === undefined) assert.equal(pod.spec.containers[0]?.image, 'web:2');
  });

  it('a Deployment whose image is missing never becomes available, and says why', async () => {
    await bench.send('POST', DEPLOYMENTS, deployment('web', 1, 'missing:1', { progressDeadlineSeconds: 1 }));
    const { items } = await bench.until(
      PODS,
      (list) => list.items[0]?.status.containerStatuses?.[0].state.waiting?.reason === 'ImagePullBackOff',
    );
    assert.equal(items[0].status.phase, 'Pending');
    await bench.until(`${DEPLOYMENTS}/web`, ({ status }) =>
      status.conditions.some((one: { reason: string }) => one.reason === 'ProgressDeadlineExceeded'),
    );
  });

  it('a StatefulSet makes pods in order, each with its volume, which outlives it', async () => {
    const sets = '/apis/apps/v1/namespaces/default/statefulsets';
    const labels = { app: 'db' };
    await bench.send('POST', sets, {
      metadata: { name: 'db' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [{ name: 'db', image: 'db:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    });
    await bench.until(`${sets}/db`, ({ status }) => status?.readyReplicas === 2);
    const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
    const claim = await bench.get(`${claims}/data-db-1`);
    assert.equal(claim.status.phase, 'Bound');
    const volume = `/api/v1/persistentvolumes/${String(claim.spec.volumeName)}`;
    assert.equal((await bench.get(volume)).spec.claimRef.name, 'data-db-1');
    // A claim in use is only marked.
    await bench.send('DELETE', `${claims}/data-db-1`);
    assert.equal((await bench.get(`${claims}/data-db-1`)).status.phase, 'Bound');
    await bench.send('PATCH', `${sets}/db/scale`, { spec: { replicas: 1 } }, 'application/merge-patch+json');
    await bench.until(PODS, ({ items }) => items.length === 1);
    await bench.until(`${claims}/data-db-1`, ({ code }) => code === 404);
    await bench.until(volume, ({ code }) => code === 404);
    assert.equal((await bench.get(`${claims}/data-db-0`)).status.phase, 'Bound');
  });

  it('a Job ends, a failing one fails, and one goes when its time is over', async () => {
    const jobs = '/apis/batch/v1/namespaces/default/jobs';
    const job = (name: string, image: string, more: object = {}): object => ({
      metadata: { name },
      spec: { ...more, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image }] } } },
    });
    await bench.send('POST', jobs, job('good', 'job:1', { completions: 3, parallelism: 2 }));
    await bench.send('POST', jobs, job('bad', 'crash:1', { backoffLimit: 1 }));
    await bench.send('POST', jobs, job('gone', 'job:1', { ttlSecondsAfterFinished: 0 }));
    const good = await bench.until(
      `${jobs}/good`,
      ({ status }) => status?.conditions?.[0].type === 'Complete',
    );
    assert.equal(good.status.succeeded, 3);
    const bad = await bench.until(`${jobs}/bad`, ({ status }) => status?.conditions?.[0].type === 'Failed');
    assert.equal(bad.status.conditions[0].reason, 'BackoffLimitExceeded');
    await bench.until(`${jobs}/gone`, ({ code }) => code === 404);
  });

  it('a Service has the ready pods behind it, and a balancer that takes its time to come and go', async () => {
    await bench.send('POST', DEPLOYMENTS, deployment('web', 2));
    const services = '/api/v1/namespaces/default/services';
    const spec = { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] };
    const made = await bench.send('POST', services, { metadata: { name: 'web' }, spec });
    assert.deepEqual(made.status, { loadBalancer: {} });
    await bench.until(`${services}/web`, ({ status }) => status.loadBalancer.ingress?.[0].ip);
    const { subsets } = await bench.until(
      '/api/v1/namespaces/default/endpoints/web',
      (one) => one.subsets?.[0].addresses?.length === 2,
    );
    assert.equal(subsets[0].ports[0].port, 8080);
    const leaving = await bench.send('DELETE', `${services}/web`);
    assert.deepEqual(leaving.metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
    await bench.until(`${services}/web`, ({ code }) => code === 404);
    assert.equal((await bench.get('/api/v1/namespaces/default/endpoints/web')).code, 404);
  });

  it('a DaemonSet has a pod on every node it is for, and follows labels', async () => {
    const sets = '/apis/apps/v1/namespaces/default/daemonsets';
    const labels = { app: 'agent' };
    await bench.send('POST', sets, {
      metadata: { name: 'agent' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { nodeSelector: { disk: 'fast' }, containers: [{ name: 'c', image: 'agent:1' }] },
        },
      },
    });
    await bench.until(`${sets}/agent`, ({ status }) => status?.desiredNumberScheduled === 0);
    await bench.send(
      'PATCH',
      '/api/v1/nodes/worker-1',
      { metadata: { labels: { disk: 'fast' } } },
      'application/merge-patch+json',
    );
    await bench.until(`${sets}/agent`, ({ status }) => status.numberReady === 1);
    assert.deepEqual(
      (await pods()).map((pod) => pod.spec.nodeName),
      ['worker-1'],
    );
  });

  it('a pod that fits nowhere waits, and goes where room is made', async () => {
    const pod = (name: string): object => ({
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'web:1', resources: { requests: { cpu: '3' } } }] },
    });
    for (const name of ['a', 'b', 'c']) await bench.send('POST', PODS, pod(name));
    const waiting = await bench.until(
      `${PODS}/c`,
      ({ status }) => status.conditions?.[0].reason === 'Unschedulable',
    );
    assert.match(waiting.status.conditions[0].message, /^0\/3 nodes are available: .*2 Insufficient cpu/);
    await bench.send('DELETE', `${PODS}/a`);
    await bench.until(`${PODS}/c`, ({ status }) => status.phase === 'Running');
  });

  it('an eviction waits for the budget', async () => {
    await bench.send('POST', DEPLOYMENTS, deployment('web', 2));
    await bench.until(`${DEPLOYMENTS}/web`, ({ status }) => status?.availableReplicas === 2);
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    await bench.send('POST', budgets, {
      metadata: { name: 'web' },
      spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
    });
    await bench.until(`${budgets}/web`, ({ status }) => status?.currentHealthy === 2);
    const [pod] = await pods('app=web');
    const evict = (): Promise<unknown> =>
      bench.send('POST', `${PODS}/${String(pod?.metadata.name)}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod?.metadata.name },
      });
    await assert.rejects(evict(), /429 Cannot evict pod as it would violate the pod's disruption budget/);
    await bench.send(
      'PATCH',
      `${budgets}/web`,
      { spec: { minAvailable: 1 } },
      'application/merge-patch+json',
    );
    await evict();
    await bench.until(`${DEPLOYMENTS}/web`, ({ status }) => status.availableReplicas === 2);
    assert.ok(
      !(await pods('app=web')).some(
        (one) => one.metadata.uid === pod?.metadata.uid && one.metadata.deletionTimestamp === undefined,
      ),
    );
  });

  it('an autoscaler holds its target within the limits, in both versions', async () => {
    await bench.send('POST', DEPLOYMENTS, deployment('web', 1));
    const path = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers';
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    await bench.send('POST', path, {
      metadata: { name: 'web' },
      spec: { scaleTargetRef, minReplicas: 3, maxReplicas: 5, targetCPUUtilizationPercentage: 70 },
    });
    await bench.until(`${DEPLOYMENTS}/web`, ({ spec }) => spec.replicas === 3);
    const newer = await bench.get('/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web');
    assert.equal(newer.spec.metrics[0].resource.target.averageUtilization, 70);
    assert.equal((await bench.get(`${path}/web`)).spec.targetCPUUtilizationPercentage, 70);
    // No metrics are served, as in a real cluster without metrics-server.
    const { currentMetrics, conditions } = newer.status;
    const active = conditions.find((one: { type: string }) => one.type === 'ScalingActive');
    assert.deepEqual(
      [currentMetrics, active.status, active.reason],
      [undefined, 'False', 'FailedGetResourceMetric'],
    );
    assert.match(active.message, /unable to get metrics for resource cpu: .*\(get pods\.metrics\.k8s\.io\)$/);
  });

  it('a namespace takes everything with it', async () => {
    await bench.send('POST', '/api/v1/namespaces', { metadata: { name: 'short' } });
    await bench.send('POST', '/apis/apps/v1/namespaces/short/deployments', deployment('web', 2));
    await bench.until('/api/v1/namespaces/short/pods', ({ items }) => items.length === 2);
    await bench.send('DELETE', '/api/v1/namespaces/short');
    await bench.until('/api/v1/namespaces/short', ({ code }) => code === 404);
    assert.equal(
      [...bench.cluster.store.values('pods')].filter((pod) => pod.metadata.namespace === 'short').length,
      0,
    );
  });
});
