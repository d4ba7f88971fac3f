import assert from 'node:assert/strict';
import type { Manifest } from '@cetus/kubernetes/apply';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type { ApplicationSpec } from '@cetus/shared/schemas';
import {
  cronJobRun,
  immutableChanges,
  manifestsOf,
  replicasHandover,
  transition,
} from '../../../src/application/manifests/index.ts';
import { fullSpec, inputOf, NEWEST, OLDEST, plainSpec } from './inputs.ts';

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];

function workloadOf(spec: ApplicationSpec): Manifest {
  const found = manifestsOf(inputOf(spec)).find(({ kind }) => KINDS.includes(kind));
  assert.ok(found);
  return found;
}

/** The fields of an object that were changed in vain. */
const fieldsOf = (live: Manifest, desired: Manifest) =>
  immutableChanges(live, desired).map(({ field }) => field);

describe('what cannot be changed', () => {
  const stateful = (size: string, more: object = {}) =>
    plainSpec('stateful', { volumes: [{ name: 'data', claim_template: { size, ...more } }] });

  it('of a stateful workload are its claims and the name of its service', () => {
    const live = workloadOf(stateful('1Gi'));
    assert.deepEqual(immutableChanges(live, workloadOf(stateful('1024Mi'))), []);
    assert.deepEqual(immutableChanges(live, workloadOf(stateful('2Gi'))), [
      {
        field: 'spec/volumeClaimTemplates/data/resources/requests/storage',
        detail:
          'spec/volumeClaimTemplates/data/resources/requests/storage cannot be changed: it is "1Gi", and would be "2Gi"',
      },
    ]);
    assert.deepEqual(fieldsOf(live, workloadOf(stateful('1Gi', { access_mode: 'ReadWriteMany' }))), [
      'spec/volumeClaimTemplates/data/accessModes',
    ]);
    assert.deepEqual(fieldsOf(live, workloadOf(stateful('1Gi', { storage_class: 'fast' }))), [
      'spec/volumeClaimTemplates/data/storageClassName',
    ]);
    assert.deepEqual(fieldsOf(live, workloadOf(plainSpec('stateful'))), ['spec/volumeClaimTemplates']);
    const odd = {
      ...live,
      spec: { ...(live['spec'] as object), serviceName: 'x', podManagementPolicy: 'Parallel' },
    };
    assert.deepEqual(fieldsOf(odd, live), ['spec/serviceName', 'spec/podManagementPolicy']);
  });

  it('of a claim is everything but that it grows', () => {
    const claim = (size: string, more: object = {}) => {
      const volumes = [{ name: 'data', claim_template: { size, ...more } }];
      const [found] = manifestsOf(inputOf(plainSpec('stateless', { volumes })));
      assert.equal(found?.kind, 'PersistentVolumeClaim');
      return found;
    };
    const live = {
      ...claim('1Gi'),
      spec: { ...(claim('1Gi')['spec'] as object), storageClassName: 'default', volumeName: 'pv' },
    };
    assert.deepEqual(fieldsOf(live, claim('1Gi')), []);
    assert.deepEqual(fieldsOf(live, claim('2Gi')), []);
    assert.deepEqual(fieldsOf(live, claim('1023Mi')), ['spec/resources/requests/storage']);
    assert.deepEqual(fieldsOf(live, claim('1Gi', { storage_class: 'fast' })), ['spec/storageClassName']);
    assert.deepEqual(fieldsOf(live, claim('1Gi', { access_mode: 'ReadOnlyMany' })), ['spec/accessModes']);
  });

  it('of other objects are their selectors and types', () => {
    const live = workloadOf(plainSpec('stateless'));
    const other = { ...live, spec: { ...(live['spec'] as object), selector: { matchLabels: { app: 'x' } } } };
    assert.deepEqual(fieldsOf(other, live), ['spec/selector']);
    assert.deepEqual(fieldsOf(workloadOf(fullSpec('stateless')), workloadOf(plainSpec('stateless'))), []);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
    assert.deepEqual(fieldsOf({ ...secret, type: 'Opaque' }, secret), []);
    assert.deepEqual(fieldsOf({ ...secret, type: 'kubernetes.io/tls' }, secret), ['type']);
  });
});

describe('what an old API server has to be brought through', () => {
  const without = (kind: ApplicationSpec['kind']) => ({
    ...fullSpec(kind),
    containers: plainSpec(kind).containers,
  });
  const between = (kind: ApplicationSpec['kind'], apis = OLDEST) =>
    transition(workloadOf(fullSpec(kind)), workloadOf(without(kind)), apis);

  it('is nothing where nothing is lost, and on newer ones', () => {
    const live = workloadOf(fullSpec('stateless'));
    assert.equal(transition(undefined, live, OLDEST), undefined);
    assert.equal(transition(live, live, OLDEST), undefined);
    assert.equal(transition(workloadOf(without('stateless')), live, OLDEST), undefined);
    assert.equal(between('stateless', NEWEST), undefined);
    assert.equal(between('stateless', { ...OLDEST, minor: 21 }), undefined);
    assert.equal(between('job'), undefined);
  });

  it('lets no instance be replaced meanwhile, and has no container of before', () => {
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    const specOf = (kind: ApplicationSpec['kind']) => between(kind)?.['spec'] as any;
    assert.equal(specOf('stateless').paused, true);
    assert.equal(specOf('cronjob').suspend, true);
    assert.deepEqual(specOf('daemon').updateStrategy, { type: 'OnDelete' });
    assert.equal(specOf('stateful').updateStrategy.rollingUpdate.partition, 1);
    const names = (kind: ApplicationSpec['kind'], template: { spec: { containers: { name: string }[] } }) =>
      template.spec.containers.map(({ name }) => [kind, /^between-[0-9a-f]{10}$/.test(name)]);
    assert.deepEqual(names('stateless', specOf('stateless').template), [['stateless', true]]);
    assert.deepEqual(names('cronjob', specOf('cronjob').jobTemplate.spec.template), [['cronjob', true]]);
  });

  it('is for each of the structures that would be left', () => {
    const web = fullSpec('stateless').containers[0];
    assert.ok(web);
    const { liveness_probe: _, ...noProbe } = web;
    const { pre_stop_command: __, ...noHook } = web;
    const value = { ...web, env: [{ name: 'PASSWORD', value: 'x' }] };
    const { env: ___, ...noEnv } = web;
    const needs = (container: ApplicationSpec['containers'][number]) =>
      transition(
        workloadOf(plainSpec('stateless', { ...fullSpec('stateless'), containers: [web] })),
        workloadOf(plainSpec('stateless', { ...fullSpec('stateless'), containers: [container] })),
        OLDEST,
      ) !== undefined;
    assert.deepEqual([noProbe, noHook, value, noEnv, web].map(needs), [true, true, true, false, false]);
  });
});

describe('the number of instances, when an autoscaler takes over', () => {
  const autoscaling = { min_replicas: 2, max_replicas: 4, cpu_percent: 50 };
  const desired = workloadOf(plainSpec('stateless', { autoscaling }));
  const live = (replicas: number, owner: string): KubernetesObject => ({
    ...desired,
    metadata: {
      name: 'shop',
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [
        { manager: owner, operation: 'Apply', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
        { manager: 'kube', operation: 'Update', fieldsV1: { 'f:status': {} } },
      ],
    },
    ...{ spec: { replicas } },
  });

  it('is held by somebody else while the one who said it no longer does', () => {
    assert.deepEqual(replicasHandover(live(3, 'cetus'), desired, autoscaling), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop', namespace: 'cetus-test', uid: 'u' },
      spec: { replicas: 3 },
    });
    for (const [is, becomes] of [
      [0, 2],
      [9, 4],
    ] as const)
      assert.deepEqual(replicasHandover(live(is, 'cetus'), desired, autoscaling)?.['spec'], {
        replicas: becomes,
      });
  });

  it('is left alone when it is nobody’s or another’s, is said, or nothing is there', () => {
    assert.equal(replicasHandover(live(3, 'cetus-scale'), desired, autoscaling), undefined);
    assert.equal(replicasHandover(undefined, desired, autoscaling), undefined);
    assert.equal(
      replicasHandover(live(3, 'cetus'), workloadOf(plainSpec('stateless')), undefined),
      undefined,
    );
  });
});

describe('a run of a cronjob', () => {
  it('is a job of it, under a name of its own, which runs what its jobs run', () => {
    const input = inputOf(fullSpec('cronjob', { stopped: true }));
    const run = cronJobRun(input, 12, { apiVersion: 'batch/v1beta1', uid: 'u' });
    assert.deepEqual([run.apiVersion, run.kind, run.metadata.name], ['batch/v1', 'Job', 'shop-run-12']);
    assert.deepEqual(run.metadata['ownerReferences'], [
      { apiVersion: 'batch/v1beta1', kind: 'CronJob', name: 'shop', uid: 'u', controller: true },
    ]);
    assert.deepEqual(run.metadata.annotations, { 'cronjob.kubernetes.io/instantiate': 'manual' });
    const { jobTemplate } = workloadOf(fullSpec('cronjob'))['spec'] as { jobTemplate: { spec: unknown } };
    assert.deepEqual(run['spec'], jobTemplate.spec);
  });
});
