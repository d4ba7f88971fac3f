import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import type { ClusterSpec, NodeGroupSpec, StoredCluster } from '@cetus/shared/schemas';
import { specProblems } from '../../../../src/cluster/drivers/heat/spec-problems.ts';
import { stackInputOf } from '../../../../src/cluster/drivers/heat/stack-input-from-spec.ts';
import { storedCluster } from '../../stored-cluster.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';

const site = { kubeTag: 'v1.33.2', waitForBootstrap: true, bootstrapTimeoutSeconds: 60 };
const master = nodeGroup('default-master', { role: 'master', is_default: true });
const worker = nodeGroup('default-worker', { is_default: true, node_count: 2 });

function clusterOf(groups: NodeGroupSpec[], spec: Partial<ClusterSpec> = {}): StoredCluster {
  return storedCluster({ spec: { fixed_network: null, fixed_subnet: null, ...spec, node_groups: groups } });
}

function inputOf(cluster: StoredCluster) {
  const names = ({ uuid }: NodeGroupSpec) =>
    [uuid, { image: { id: `image-of-${uuid}`, osDistro: 'ubuntu' }, flavorId: `flavor-of-${uuid}` }] as const;
  const groups = new Map(cluster.spec.node_groups.map(names));
  return stackInputOf(cluster, { groups, externalNetwork: 'public' }, site);
}

describe('the input of a stack, from the spec of a cluster', () => {
  it('gives each group its own image, flavor, version, volumes, zone, labels and taints', () => {
    const gpu = nodeGroup('gpu', {
      role: 'compute',
      docker_volume_size: 7,
      labels: {
        kube_tag: 'v1.32.1',
        availability_zone: 'az-2',
        boot_volume_size: '20',
        boot_volume_type: 'ssd',
      },
      node_labels: { tier: 'front' },
      node_taints: [{ key: 'gpu', value: '', effect: 'NoExecute' }],
    });
    const input = inputOf(clusterOf([master, worker, gpu, nodeGroup('gone', { deleted: true })]));
    assert.equal(input.masterCount, 1);
    assert.equal(input.masters.kubeTag, 'v1.33.2');
    assert.equal(input.workerGroups.length, 2);
    const [first, second] = input.workerGroups;
    assert.equal(first?.key, null);
    assert.equal(first.nodeCount, 2);
    assert.equal(first.flavorId, `flavor-of-${worker.uuid}`);
    assert.deepEqual(second, {
      key: gpu.uuid.slice(-12),
      nodeCount: 1,
      image: { id: `image-of-${gpu.uuid}`, osDistro: 'ubuntu' },
      flavorId: `flavor-of-${gpu.uuid}`,
      kubeTag: 'v1.32.1',
      dockerVolumeSize: 7,
      volumeType: undefined,
      bootVolumeSize: 20,
      bootVolumeType: 'ssd',
      availabilityZone: 'az-2',
      nodeLabels: {
        'magnum.openstack.org/role': 'compute',
        'magnum.openstack.org/nodegroup': 'gpu',
        tier: 'front',
      },
      nodeTaints: [{ key: 'gpu', value: '', effect: 'NoExecute' }],
    });
  });

  it('leaves a name out of the labels of nodes that cannot be the value of one', () => {
    const { workerGroups } = inputOf(clusterOf([master, { ...worker, name: 'my group' }]));
    assert.deepEqual(workerGroups[0]?.nodeLabels, { 'magnum.openstack.org/role': 'worker' });
  });

  const rows: { what: string; groups: NodeGroupSpec[]; field: string }[] = [
    { what: 'two masters', groups: [{ ...master, node_count: 2 }, worker], field: 'master_count' },
    {
      what: 'a second group of masters',
      groups: [master, worker, nodeGroup('more', { role: 'master' })],
      field: 'role',
    },
    {
      what: 'a label that a node may not give itself',
      groups: [master, worker, nodeGroup('x', { node_labels: { 'node-role.kubernetes.io/x': '' } })],
      field: 'node_labels',
    },
    {
      what: 'a version that is none',
      groups: [master, worker, nodeGroup('x', { labels: { kube_tag: 'latest' } })],
      field: 'labels/kube_tag',
    },
  ];
  for (const { what, groups, field } of rows) {
    it(`is refused for ${what}, and the request is told which field`, () => {
      const [problem, ...more] = specProblems(clusterOf(groups).spec, site);
      assert.equal(problem?.field, field);
      assert.deepEqual(more, []);
    });
  }

  it('has no problem without one', () => {
    assert.deepEqual(specProblems(clusterOf([master, worker]).spec, site), []);
  });

  it('throws what the request would be told', () => {
    assert.throws(
      () => inputOf(clusterOf([worker])),
      (error) => error instanceof CetusError && error.code === 'unsupported',
    );
  });
});
