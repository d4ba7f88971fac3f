import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  addWorkerGroups,
  buildClusterStack,
  type ClusterStack,
} from '../../../../src/cluster/drivers/heat/build-stack.ts';
import { describeStackFailure } from '../../../../src/cluster/drivers/openstack/stack-failure.ts';
import type { HotTemplate, HotValue } from '../../../../src/cluster/drivers/heat/hot.ts';
import { createClusterSecrets, type ClusterSecrets } from '../../../../src/cluster/drivers/heat/pki.ts';
import {
  readGroupOutputs,
  readStackOutputs,
  type ClusterStackOutputs,
  type WorkerGroupOutputs,
} from '../../../../src/cluster/drivers/heat/read-outputs.ts';
import { scaleParameters } from '../../../../src/cluster/drivers/heat/worker-groups.ts';
import { LabHeat } from './lab-heat.ts';
import { GPU, makeGroup, makeInput, type InputOverrides } from './support.ts';

const keystoneUrl = process.env.CETUS_LAB_KEYSTONE_URL;

const SHAPES: Record<string, InputOverrides> = {
  'one master without floating addresses': {},
  'one master with floating addresses': { floatingIpEnabled: true },
  'three masters behind a load balancer': { masterCount: 3, floatingIpEnabled: true },
  'volumes of every kind': {
    masterCount: 3,
    etcdVolumeSize: 5,
    nodes: { dockerVolumeSize: 10, volumeType: 'ssd', bootVolumeSize: 20, bootVolumeType: 'ssd' },
  },
  'an existing network': { fixedNetwork: 'private', fixedSubnet: 'private-subnet', masterLbEnabled: true },
  'an existing network whose subnet Neutron chooses': { fixedNetwork: 'private', masterLbEnabled: true },
  'Fedora CoreOS': {
    nodes: { image: { id: 'fedora-coreos-37', osDistro: 'fedora-coreos' }, dockerVolumeSize: 10 },
  },
  'two groups of workers': { groups: [makeGroup({ key: GPU, nodeCount: 1, dockerVolumeSize: 5 })] },
  'no workers': { nodeCount: 0 },
};

(keystoneUrl === undefined ? describe.skip : describe)('the stack of a cluster on a real Heat', function () {
  this.timeout(300_000);
  let heat: LabHeat;
  let secrets: ClusterSecrets;
  const made: { name: string; id: string }[] = [];

  const build = (
    overrides: InputOverrides,
  ): { name: string; stack: ClusterStack; input: ReturnType<typeof makeInput> } => {
    const uuid = randomUUID();
    const input = makeInput({ uuid, ...overrides });
    return { name: `cetus-${uuid}`, stack: buildClusterStack(input, secrets), input };
  };

  const create = async (name: string, stack: ClusterStack): Promise<string> => {
    const id = await heat.create(name, stack);
    made.push({ name, id });
    return id;
  };

  const outputsOf = async (name: string, id: string): Promise<ClusterStackOutputs & WorkerGroupOutputs> => {
    const { outputs } = await heat.stack(name, id);
    return { ...readStackOutputs(outputs), ...readGroupOutputs(outputs, null) };
  };

  /** Parameters that scale the default workers. */
  const scaledTo = (node_count: number, nodes_to_remove: string[] = []) =>
    scaleParameters([{ uuid: '', is_default: true, node_count, nodes_to_remove }]);

  before(async () => {
    heat = await LabHeat.connect(keystoneUrl!);
    secrets = await createClusterSecrets();
  });

  afterEach(async () => {
    await Promise.all(made.splice(0).map(({ name, id }) => heat.remove(name, id)));
  });

  for (const [shape, overrides] of Object.entries(SHAPES)) {
    it(`is valid and completes: ${shape}`, async () => {
      const { name, stack } = build(overrides);
      const validated = await heat.validate(stack);
      assert.equal(validated.Parameters.ca_key?.NoEcho, 'true');
      const id = await create(name, stack);
      const created = await heat.settled(name, id, 'CREATE');
      assert.equal(created.stack_status, 'CREATE_COMPLETE', created.stack_status_reason ?? '');
      const outputs = readStackOutputs(created.outputs);
      const input = makeInput(overrides);
      assert.equal(outputs.masterAddresses.length, input.masterCount);
      assert.equal(outputs.masterServerIds.length, input.masterCount);
      for (const { key, nodeCount } of input.workerGroups) {
        const group = readGroupOutputs(created.outputs, key);
        assert.equal(group.addresses.length, nodeCount);
        assert.equal(group.serverIds.length, nodeCount);
        assert.equal(group.publicAddresses.length, input.floatingIpEnabled ? nodeCount : 0);
      }
      assert.equal(
        outputs.masterPublicAddresses.length,
        input.floatingIpEnabled && input.masterCount === 1 ? 1 : 0,
      );
      assert.ok(outputs.apiAddress !== null && outputs.privateApiAddress !== null);
      assert.equal(outputs.apiAddress === outputs.privateApiAddress, !input.floatingIpEnabled);
    });
  }

  for (const [kind, overrides] of [
    ['plain', {}],
    ['nested', { floatingIpEnabled: true, nodes: { dockerVolumeSize: 5 } }],
  ] as const) {
    it(`scales by its parameters alone and leaves everything else untouched: ${kind} workers`, async () => {
      const { name, stack } = build(overrides);
      const id = await create(name, stack);
      await heat.settled(name, id, 'CREATE');
      const before = await outputsOf(name, id);
      const fixed = async () =>
        (await heat.resources(name, id))
          .filter(
            ({ parent_resource, resource_type }) =>
              parent_resource == null && resource_type !== 'OS::Heat::ResourceGroup',
          )
          .map((resource) => [resource.resource_name, resource.physical_resource_id, resource.updated_time]);
      const fixedBefore = await fixed();
      assert.equal((await heat.patch(name, id, scaledTo(4))).stack_status, 'UPDATE_COMPLETE');
      const grown = await outputsOf(name, id);
      assert.equal(grown.serverIds.length, 4);
      assert.deepEqual(grown.serverIds.slice(0, 2), before.serverIds);
      assert.deepEqual(grown.masterServerIds, before.masterServerIds);
      assert.deepEqual(await fixed(), fixedBefore);

      const [first, ...others] = grown.serverIds;
      assert.equal((await heat.patch(name, id, scaledTo(3, [first!]))).stack_status, 'UPDATE_COMPLETE');
      const shrunk = await outputsOf(name, id);
      assert.deepEqual(shrunk.serverIds, others);
      assert.deepEqual(shrunk.masterServerIds, before.masterServerIds);
    });
  }

  it('keeps user data the same when it scales and when a group comes, by the comparison of properties Heat itself makes', async () => {
    // The lab's servers never compare properties. A RandomString does: another salt would be another string.
    const { name, stack, input } = build({ masterCount: 3, floatingIpEnabled: false });
    const standIn = (
      properties: HotValue | undefined,
    ): { type: string; properties: Record<string, HotValue> } => ({
      type: 'OS::Heat::RandomString',
      properties: { length: 16, salt: (properties as { user_data: HotValue }).user_data },
    });
    const { resources, outputs } = stack.template;
    for (const [key, resource] of Object.entries(resources)) {
      if (resource.type === 'OS::Nova::Server')
        resources[key] = { ...resource, ...standIn(resource.properties) };
    }
    const group = resources.workers!.properties!;
    group.resource_def = standIn((group.resource_def as { properties: HotValue }).properties);
    outputs.node_addresses!.value = { get_attr: ['workers', 'value'] };
    const id = await create(name, stack);
    assert.equal((await heat.settled(name, id, 'CREATE')).stack_status, 'CREATE_COMPLETE');
    const before = await outputsOf(name, id);
    assert.equal(new Set([...before.masterServerIds, ...before.addresses]).size, 5);
    await heat.patch(name, id, scaledTo(3));
    const after = await outputsOf(name, id);
    assert.deepEqual(after.masterServerIds, before.masterServerIds);
    assert.deepEqual(after.addresses.slice(0, 2), before.addresses);
    assert.equal(after.addresses.length, 3);

    const wider = { ...input, workerGroups: [...input.workerGroups, makeGroup({ key: GPU, nodeCount: 1 })] };
    const path = `/stacks/${name}/${id}`;
    const stored = await heat.request<HotTemplate>('GET', `${path}/template`);
    const { template, files } = addWorkerGroups(stored, new Set([GPU]), wider, secrets);
    const { updated_time: beforeIt } = await heat.stack(name, id);
    await heat.request('PATCH', path, { template, files, parameters: { [`node_count_${GPU}`]: 1 } });
    assert.equal((await heat.settled(name, id, 'UPDATE', beforeIt)).stack_status, 'UPDATE_COMPLETE');
    const grown = await outputsOf(name, id);
    assert.deepEqual(grown.masterServerIds, before.masterServerIds);
    assert.deepEqual(grown.addresses, after.addresses);
  });

  it('says which resource failed: a master, and a worker deep in its group', async () => {
    const failing = build({});
    const metadata = (properties: HotValue | undefined): Record<string, HotValue> =>
      (properties as { metadata: Record<string, HotValue> }).metadata;
    metadata(failing.stack.template.resources.master_0!.properties).fake_fail = 'create';
    const deep = build({ nodeCount: 1 });
    const group = deep.stack.template.resources.workers!.properties!.resource_def as { properties: HotValue };
    metadata(group.properties).fake_fail = 'create';
    for (const [{ name, stack }, resource] of [
      [failing, 'master_0'],
      [deep, '0'],
    ] as const) {
      const id = await create(name, stack);
      const failed = await heat.settled(name, id, 'CREATE');
      assert.equal(failed.stack_status, 'CREATE_FAILED');
      const failure = describeStackFailure(
        failed,
        await heat.resources(name, id),
        await heat.events(name, id),
      );
      assert.equal(failure.resource?.name, resource);
      assert.equal(failure.resource?.type, 'OS::Nova::Server');
      assert.equal(failure.code, 'resource_failed');
      assert.match(failure.message, /FakeFailure/);
    }
  });
});
