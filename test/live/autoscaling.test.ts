import assert from 'node:assert/strict';
import { hasStatus } from '@cetus/kubernetes/errors';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type { AutoscalerStatus } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { Applications, type Application } from './support/applications.ts';
import { IMAGE, LabCluster } from './support/lab-cluster.ts';
import { figure, live } from './support/suite.ts';

const AUTOSCALERS = 'autoscaling/v2beta2';
/** Works as hard as it may, until the file that it makes is gone. */
const BUSY =
  'trap "exit 0" TERM; touch /tmp/busy; while :; do [ -e /tmp/busy ] || { sleep 1 & wait $!; }; done';
/** Holds 24 MiB, and does nothing. */
const HOLDS = 'trap "exit 0" TERM; dd if=/dev/zero bs=24M | sleep 3600 & wait';
const METRICS_API = '/apis/apiregistration.k8s.io/v1/apiservices';
const METRICS = 'v1beta1.metrics.k8s.io';
/** What it may use is twice what it requests: the machine stays usable. */
const SMALL = { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '100m', memory: '64Mi' } };

interface Scaled {
  metadata: { name: string };
  spec: { replicas: number };
}

live(
  'autoscaling on a real Kubernetes',
  (on) => {
    let lab: LabCluster;
    let cluster = '';
    let applications: Applications;
    const ended = new AbortController();

    before('takes a cluster in', async function () {
      lab = LabCluster.require(this);
      cluster = await lab.importedBy(on.demo, 'lab');
      applications = new Applications(on.demo);
    });

    afterEach('removes what a test that failed has left', async () => {
      await applications.removeAll();
    });

    after('leaves nothing in it', async () => {
      await giveMetricsBack();
      ended.abort();
      if (cluster !== '') await on.demo.remove(cluster);
      await lab?.close();
    });

    const form = (
      name: string,
      script: string,
      autoscaling: Record<string, number>,
    ): Record<string, unknown> => ({
      name,
      kind: 'stateless',
      placements: [{ cluster: 'lab' }],
      containers: [
        {
          name: 'main',
          image: IMAGE,
          command: ['/bin/sh', '-c', script],
          env: [{ name: 'RELEASE', value: 'one' }],
          resources: SMALL,
        },
      ],
      termination_grace_seconds: 1,
      autoscaling,
    });

    let taken: KubernetesObject | undefined;
    /** The cluster serves no figures, as many do. The metrics server goes on; nobody is told of it. */
    const takeMetricsAway = async (): Promise<void> => {
      taken = await lab.admin.get<KubernetesObject>(`${METRICS_API}/${METRICS}`);
      await lab.admin.request('DELETE', `${METRICS_API}/${METRICS}`, {});
    };
    const giveMetricsBack = async (): Promise<void> => {
      if (taken === undefined) return;
      const { spec, ...body } = taken as KubernetesObject & { spec: unknown };
      const { apiVersion, kind } = body;
      await lab.admin.request('POST', METRICS_API, {
        body: { apiVersion, kind, metadata: { name: METRICS }, spec },
      });
      taken = undefined;
    };

    it('scales an application out by its own load, leaves that alone when it changes, and scales it in when the load ends', async () => {
      /** Each number of instances that the Deployment was asked for, in order. */
      const numbers: number[] = [];
      const isGone = await lab.watch(
        'apps/v1',
        'Deployment',
        ({ type, object }) => {
          const { metadata, spec } = object as object as Scaled;
          if (metadata.name !== 'busy') return false;
          if (numbers.at(-1) !== spec.replicas) numbers.push(spec.replicas);
          return type === 'DELETED';
        },
        ended.signal,
      );
      const gone = isGone();
      const asked = Date.now();
      const uuid = await applications.create(
        form('busy', BUSY, { min_replicas: 1, max_replicas: 3, cpu_percent: 60 }),
      );
      await applications.complete(uuid);
      const all = await running(applications, uuid, 3);
      figure(`3 instances ${String(Date.now() - asked)} ms after it was asked for`);
      assert.deepEqual(numbers, [1, 3]);
      assert.deepEqual([all.status, all.clusters[0]?.drift], ['CREATE_COMPLETE', []]);
      const loaded = await told(
        applications,
        uuid,
        ({ active, cpu_percent, current_replicas, limited_by }) =>
          active === true &&
          current_replicas === 3 &&
          (cpu_percent ?? 0) > 60 &&
          limited_by === 'max_replicas',
        'its autoscaler tells of the load',
      );
      figure(JSON.stringify(loaded.clusters[0]?.autoscaler));
      const { desired_replicas, last_scaled_at } = loaded.clusters[0]?.autoscaler ?? {};
      assert.equal(desired_replicas, 3);
      assert.equal(typeof last_scaled_at, 'string');
      assert.equal(scalingOf(loaded)?.status, 'True', JSON.stringify(loaded.conditions));

      // Who says how many there are is the autoscaler, whatever else is changed.
      const refused = await on.demo.send('POST', `/v1/applications/${uuid}/actions/scale`, { replicas: 2 });
      assert.equal(refused.status, 409, JSON.stringify(refused.body));
      await applications.patch(uuid, [{ op: 'replace', path: '/containers/0/env/0/value', value: 'two' }]);
      await applications.complete(uuid);
      await running(applications, uuid, 3);
      assert.deepEqual(numbers, [1, 3], 'the number is as the autoscaler has set it');

      // Those of before may still be ending.
      const busy = await waitFor(
        async () => {
          const all = await applications.instances(uuid);
          return all.length === 3 && all.every(({ ready }) => ready) && all;
        },
        { timeoutMs: 60_000, what: 'there are 3 instances and no more' },
      );
      const quiet = Date.now();
      for (const { name } of busy) {
        const { status } = await applications.exec(uuid, name, ['rm', '/tmp/busy']);
        assert.equal(status.status, 'Success');
      }
      const one = await running(applications, uuid, 1);
      figure(`1 instance ${String(Date.now() - quiet)} ms after its load ended`);
      assert.equal(numbers.at(-1), 1);
      assert.deepEqual([one.status, one.clusters[0]?.drift], ['UPDATE_COMPLETE', []]);
      const idle = await told(
        applications,
        uuid,
        ({ cpu_percent }) => cpu_percent !== null && cpu_percent < 60,
        'its autoscaler tells that the load has ended',
      );
      assert.equal(idle.clusters[0]?.autoscaler?.desired_replicas, 1);
      await waitFor(async () => (await applications.instances(uuid)).length === 1, { timeoutMs: 60_000 });

      await applications.remove(uuid);
      await gone;
      figure(`the numbers that were asked for: ${numbers.join(', ')}`);
      assert.deepEqual(await lab.marked(AUTOSCALERS, 'HorizontalPodAutoscaler', uuid), []);
      assert.deepEqual(await lab.marked('apps/v1', 'Deployment', uuid), []);
      assert.deepEqual(await lab.marked('v1', 'Pod', uuid), []);
    });

    it('scales by memory, beside the processor', async () => {
      const uuid = await applications.create(
        form('heavy', HOLDS, { min_replicas: 1, max_replicas: 2, cpu_percent: 900, memory_percent: 100 }),
      );
      await applications.complete(uuid);
      await running(applications, uuid, 2);
      const seen = await told(
        applications,
        uuid,
        ({ current_replicas, memory_percent, limited_by }) =>
          current_replicas === 2 && (memory_percent ?? 0) > 100 && limited_by === 'max_replicas',
        'its autoscaler tells of the memory',
      );
      const autoscaler = seen.clusters[0]?.autoscaler;
      figure(JSON.stringify(autoscaler));
      assert.ok((autoscaler?.cpu_percent ?? 900) < 100, JSON.stringify(autoscaler));
      await applications.remove(uuid);
      assert.deepEqual(await lab.marked(AUTOSCALERS, 'HorizontalPodAutoscaler', uuid), []);
    });

    it('says that it cannot act, and why, while the cluster serves no metrics', async () => {
      await takeMetricsAway();
      await waitFor(async () => !(await servesMetrics(lab)), {
        timeoutMs: 60_000,
        what: 'no metrics are served',
      });
      const uuid = await applications.create(
        form('blind', BUSY, { min_replicas: 1, max_replicas: 2, cpu_percent: 60 }),
      );
      await applications.complete(uuid);
      // At first that may only be late.
      const early = await told(
        applications,
        uuid,
        ({ reason }) => reason !== null,
        'its autoscaler tells something',
      );
      assert.equal(early.clusters[0]?.autoscaler?.reason, 'FailedGetResourceMetric');
      assert.notEqual(scalingOf(early)?.status, 'True');
      const asked = Date.now();
      const blind = await applications.until(
        uuid,
        (seen) => scalingOf(seen)?.status === 'False',
        'it is told that it is not scaled',
        120_000,
      );
      figure(`told after ${String(Date.now() - asked)} ms: ${JSON.stringify(scalingOf(blind))}`);
      assert.deepEqual(
        [
          scalingOf(blind)?.reason,
          blind.clusters[0]?.autoscaler?.active,
          blind.clusters[0]?.autoscaler?.cpu_percent,
        ],
        ['FailedGetResourceMetric', false, null],
      );
      assert.deepEqual([blind.phase, blind.instances.available], ['Running', 1], 'it runs all the same');

      await giveMetricsBack();
      const mended = await applications.until(
        uuid,
        (seen) => scalingOf(seen)?.status === 'True',
        'it is told that it is scaled',
        120_000,
      );
      assert.equal(mended.clusters[0]?.autoscaler?.active, true);
      await running(applications, uuid, 2);
      await applications.remove(uuid);
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);

/** The application when it runs with so many instances, all of them available. */
function running(applications: Applications, uuid: string, count: number): Promise<Application> {
  return applications.until(
    uuid,
    ({ phase, instances: { desired, updated, available } }) =>
      phase === 'Running' && [desired, updated, available].every((is) => is === count),
    `it runs with ${String(count)} instances`,
    120_000,
  );
}

/** The application when its autoscaler says so. */
function told(
  applications: Applications,
  uuid: string,
  is: (autoscaler: AutoscalerStatus) => boolean,
  what: string,
): Promise<Application> {
  return applications.until(
    uuid,
    ({ clusters: [one] }) => one?.autoscaler != null && is(one.autoscaler),
    what,
  );
}

function scalingOf({ conditions }: Application): Application['conditions'][number] | undefined {
  return conditions.find(({ type }) => type === 'ScalingActive');
}

async function servesMetrics(lab: LabCluster): Promise<boolean> {
  try {
    await lab.admin.get('/apis/metrics.k8s.io/v1beta1/nodes');
    return true;
  } catch (error) {
    if (hasStatus(error, 404)) return false;
    throw error;
  }
}
