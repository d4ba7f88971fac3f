import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { applyObject, readObject, referenceOf, type Manifest } from '@cetus/kubernetes/apply';
import { differences } from '@cetus/kubernetes/drift';
import { objectPath } from '@cetus/kubernetes/object-path';
import { ServedApis } from '@cetus/kubernetes/served-apis';
import { APPLICATION_KINDS, type ApplicationSpec } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { kubernetesContract } from '../../../../../packages/kubernetes/test/contract/bench.ts';
import { uniqueName } from '../../../../../packages/kubernetes/test/contract/targets.ts';
import {
  cronJobRun,
  manifestsOf,
  readClusterApis,
  replicasHandover,
  SCALE_MANAGER,
  transition,
  type ManifestInput,
} from '../../../src/application/manifests/index.ts';
import { fullSpec, inputOf, plainSpec } from './inputs.ts';

kubernetesContract('manifests of applications', (bench) => {
  let apis: ManifestInput['apis'];

  before(async () => {
    apis = await readClusterApis(new ServedApis(bench.connection));
  });

  /** An application of its own name, as often as it is asked for. */
  const application = () => {
    const identity = {
      ...inputOf(plainSpec('stateless')).application,
      _id: randomUUID(),
      name: uniqueName('app'),
    };
    return (spec: ApplicationSpec): ManifestInput =>
      inputOf(spec, { application: identity, namespace: bench.namespace, apis });
  };

  const apply = (manifest: Manifest, options: { dryRun?: boolean; fieldManager?: string } = {}) =>
    applyObject(bench.connection, manifest, { force: true, ...options });

  const applyAll = async (manifests: readonly Manifest[]): Promise<void> => {
    for (const manifest of manifests) {
      const live = await readObject(bench.connection, referenceOf(manifest));
      const between = transition(live, manifest, apis);
      if (between !== undefined) await apply(between);
      await apply(manifest);
    }
  };

  /**
   * Whether applying again writes nothing. Controllers write meanwhile, so what was written is tried again; each time in another
   * second, as that is how exactly servers note when something was applied, and a new time alone would be a write.
   */
  const areSettled = async (manifests: readonly Manifest[]): Promise<void> => {
    let written = [...manifests];
    await waitFor(
      async () => {
        await anotherSecond();
        const again: Manifest[] = [];
        for (const manifest of written) {
          const live = await readObject(bench.connection, referenceOf(manifest));
          const { object } = await apply(manifest);
          if (object.metadata.resourceVersion !== live?.metadata.resourceVersion) again.push(manifest);
        }
        written = again;
        return written.length === 0;
      },
      { timeoutMs: 15_000, what: `${manifests.map(({ kind }) => kind).join(', ')} are left alone` },
    );
  };

  /** What there is of the last manifest of a kind. */
  const live = async (manifests: readonly Manifest[], kind: string) => {
    const manifest = manifests.find((one) => one.kind === kind);
    assert.ok(manifest, kind);
    return bench.get(objectPath(referenceOf(manifest)));
  };

  for (const kind of APPLICATION_KINDS) {
    for (const [what, specOf] of [
      ['the least', plainSpec],
      ['everything', fullSpec],
    ] as const) {
      it(`${kind}, ${what}: nothing is refused, applied again nothing changes, and nothing has drifted`, async () => {
        const manifests = manifestsOf(application()(specOf(kind)));
        for (const manifest of manifests) await apply(manifest, { dryRun: true });
        await applyAll(manifests);
        await areSettled(manifests);
        for (const manifest of manifests) {
          const found = await readObject(bench.connection, referenceOf(manifest));
          assert.ok(found);
          assert.deepEqual(differences(manifest, found), []);
        }
      });
    }

    it(`${kind}: stopped, paused and begun again nothing is refused`, async () => {
      const input = application();
      for (const more of [{}, { stopped: true }, { paused: true }, { stopped: true, paused: true }, {}]) {
        const manifests = manifestsOf(input(plainSpec(kind, more)));
        await applyAll(manifests);
      }
    });
  }

  const CHANGES: [string, ApplicationSpec, ApplicationSpec][] = [
    [
      'a rolling update to one at once',
      plainSpec('stateless', { update_strategy: { type: 'rolling', max_surge: '30%' } }),
      plainSpec('stateless', { update_strategy: { type: 'recreate' } }),
    ],
    [
      'a rolling update of a stateful one to none by itself',
      plainSpec('stateful', { update_strategy: { type: 'rolling', partition: 1 } }),
      plainSpec('stateful', { update_strategy: { type: 'on_delete' } }),
    ],
    [
      'a rolling update of a daemon to none by itself',
      plainSpec('daemon', { update_strategy: { type: 'rolling', max_unavailable: 2 } }),
      plainSpec('daemon', { update_strategy: { type: 'on_delete' } }),
    ],
    [
      'a probe of one kind to another',
      withContainer({ liveness_probe: { http: { port: 80 } } }),
      withContainer({ liveness_probe: { tcp: { port: 80 } } }),
    ],
    [
      'a variable to one of a secret',
      withContainer({ env: [{ name: 'A', value: '1' }] }),
      withContainer({ env: [{ name: 'A', secret: { name: 'others', key: 'a' } }] }),
    ],
    ...(['stateless', 'stateful', 'daemon', 'cronjob'] as const).map(
      (kind): [string, ApplicationSpec, ApplicationSpec] => {
        const { autoscaling: _, ...full } = fullSpec(kind);
        const { containers } = plainSpec(kind);
        return [`a ${kind} container with everything to one with nothing`, full, { ...full, containers }];
      },
    ),
    [
      'a folder of the node to an empty one',
      plainSpec('stateless', { volumes: [{ name: 'v', host_path: { path: '/srv' } }] }),
      plainSpec('stateless', { volumes: [{ name: 'v', empty_dir: {} }] }),
    ],
    [
      'an empty folder to a claim',
      plainSpec('stateless', { volumes: [{ name: 'v', empty_dir: { memory: true } }] }),
      plainSpec('stateless', { volumes: [{ name: 'v', claim_template: { size: '1Gi' } }] }),
    ],
    [
      'the network of the node to one of its own',
      { ...withContainer({ ports: [{ port: 18080 }] }), host_network: true },
      withContainer({ ports: [{ port: 18080 }] }),
    ],
    ['a load balancer to a port of the nodes', exposed('load_balancer'), exposed('node_port')],
    ['a load balancer to an address of the cluster', exposed('load_balancer'), exposed('cluster_ip')],
    ['a port of the nodes to an address of the cluster', exposed('node_port'), exposed('cluster_ip')],
    [
      'an autoscaler by two measures to one',
      fullSpec('stateless'),
      fullSpec('stateless', { autoscaling: { min_replicas: 1, max_replicas: 9, memory_percent: 50 } }),
    ],
  ];
  for (const [what, first, second] of CHANGES) {
    it(`${what}: can be changed, and back`, async () => {
      const input = application();
      for (const spec of [first, second, first]) {
        const manifests = manifestsOf(input(spec));
        await applyAll(manifests);
      }
    });
  }

  it('a strategy, a probe, a service and a network that were changed have nothing left of what they were', async () => {
    const input = application();
    const before = manifestsOf(
      input({
        ...exposed('node_port'),
        host_network: true,
        containers: [{ name: 'web', image: 'a', ports: [{ port: 18081 }] }],
      }),
    );
    await applyAll(before);
    const after = manifestsOf(
      input({
        ...exposed('cluster_ip'),
        update_strategy: { type: 'recreate' },
        containers: [{ name: 'web', image: 'a', ports: [{ port: 18081 }] }],
      }),
    );
    await applyAll(after);
    const { spec } = await live(after, 'Deployment');
    assert.deepEqual([spec.strategy.type, spec.strategy.rollingUpdate?.maxSurge], ['Recreate', undefined]);
    assert.equal(spec.template.spec.hostNetwork, undefined);
    assert.deepEqual(spec.template.spec.containers[0].ports, [{ containerPort: 18081, protocol: 'TCP' }]);
    assert.equal(spec.template.spec.dnsPolicy, 'ClusterFirst');
    const service = await live(after, 'Service');
    assert.equal(service['spec'].ports[0].nodePort, undefined);
  });

  it('the image policy is the one of the image, not of the first one', async () => {
    const input = application();
    const policy = async (image: string) => {
      const manifests = manifestsOf(input(plainSpec('stateless', { containers: [{ name: 'web', image }] })));
      await applyAll(manifests);
      return (await live(manifests, 'Deployment'))['spec'].template.spec.containers[0].imagePullPolicy;
    };
    assert.deepEqual(
      [await policy('host:5000/web'), await policy('host:5000/web:1'), await policy('web:latest')],
      ['Always', 'IfNotPresent', 'Always'],
    );
  });

  it('amounts are left alone however they are written', async () => {
    const amounts = ['0.1', '1.5', '1000m', '0.0001', '1e3', '0.001E2', '1500k', '1024Ki', '0.5Mi', '1.5Gi'];
    const containers = amounts.map((amount, index) => ({
      name: `c${String(index)}`,
      image: 'registry.local/web:1',
      resources: { requests: { cpu: amount, memory: amount }, limits: { memory: amount } },
    }));
    const volumes = amounts.map((size, index) => ({
      name: `v${String(index)}`,
      empty_dir: { size_limit: size },
    }));
    const manifests = manifestsOf(
      application()(plainSpec('stateless', { replicas: 0, containers, volumes })),
    );
    await applyAll(manifests);
    await areSettled(manifests);
  });

  it('instances keep their number when an autoscaler takes over', async () => {
    const input = application();
    const autoscaling = { min_replicas: 1, max_replicas: 4, memory_percent: 50 };
    const before = manifestsOf(input(plainSpec('stateless', { replicas: 3 })));
    await applyAll(before);
    const after = manifestsOf(input(plainSpec('stateless', { replicas: 3, autoscaling })));
    const desired = after.find(({ kind }) => kind === 'Deployment');
    assert.ok(desired);
    const handover = replicasHandover(await live(after, 'Deployment'), desired, autoscaling);
    assert.ok(handover);
    await apply(handover, { fieldManager: SCALE_MANAGER });
    await apply(desired);
    assert.equal((await live(after, 'Deployment'))['spec'].replicas, 3);
    // Done once, there is nothing left to hand over.
    assert.equal(replicasHandover(await live(after, 'Deployment'), desired, autoscaling), undefined);
    await applyAll(before);
    assert.equal((await live(after, 'Deployment'))['spec'].replicas, 3);
  });

  it('a run of a cronjob is one of its jobs', async () => {
    const input = application()(plainSpec('cronjob', { stopped: true }));
    const manifests = manifestsOf(input);
    await applyAll(manifests);
    const cronJob = await live(manifests, 'CronJob');
    const run = cronJobRun(input, 1, { apiVersion: cronJob.apiVersion, uid: cronJob.metadata.uid });
    await apply(run, { dryRun: true });
    const { object, created } = await apply(run);
    assert.equal(created, true);
    assert.equal(object.metadata.ownerReferences?.[0]?.uid, cronJob.metadata.uid);
    await areSettled([run]);
  });
});

function withContainer(more: object): ApplicationSpec {
  return plainSpec('stateless', { containers: [{ name: 'web', image: 'registry.local/web:1', ...more }] });
}

function exposed(type: 'cluster_ip' | 'node_port' | 'load_balancer'): ApplicationSpec {
  return plainSpec('stateless', {
    exposure: {
      type,
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81, target_port: 8081 },
      ],
    },
  });
}

async function anotherSecond(): Promise<void> {
  const second = (): number => Math.floor(Date.now() / 1000);
  const now = second();
  await waitFor(() => second() > now, { timeoutMs: 5_000, what: 'another second' });
}
