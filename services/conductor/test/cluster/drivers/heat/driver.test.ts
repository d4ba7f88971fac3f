import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { CetusError } from '@cetus/shared/errors';
import {
  defaultWorkerOf,
  withNodeGroup,
  type ClusterSpec,
  type NodeGroupSpec,
  type NodeGroupStatus,
} from '@cetus/shared/schemas';
import { groupKey } from '../../../../src/cluster/drivers/heat/worker-groups.ts';
import { targets } from '../openstack/clouds.ts';
import { nodeGroup, partOf } from '../openstack/new-cluster.ts';
import { DriverBench } from './driver-bench.ts';

const withGroup =
  (group: NodeGroupSpec) =>
  (spec: ClusterSpec): ClusterSpec => ({ ...spec, node_groups: [...spec.node_groups, group] });

const change =
  (uuid: string, values: Partial<NodeGroupSpec>) =>
  (spec: ClusterSpec): ClusterSpec =>
    withNodeGroup(spec, uuid, (group) => ({ ...group, ...values }));

/** A worker with a stack of its own, in which a resource can be made to fail that no other test's stacks have. */
const nested = { docker_volume_size: 3 };
const VOLUME = 'container_volume';

for (const target of targets) {
  describe(`the heat driver on ${target.name}`, function () {
    this.timeout(180_000);
    let bench: DriverBench;

    const workers = (): NodeGroupSpec => defaultWorkerOf(bench.cluster.spec)!;
    const statusOf = ({ uuid }: NodeGroupSpec): NodeGroupStatus | undefined =>
      bench.cluster.status.node_groups.find((group) => group.uuid === uuid);
    const serversOf = (group: NodeGroupSpec): Promise<string[]> =>
      bench.output(['node_server_ids', groupKey(group)].filter((part) => part !== null).join('_'));
    const created = async (): Promise<void> => {
      assert.equal(await bench.settled(), 'CREATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    };
    const updated = async (): Promise<void> => {
      assert.equal(await bench.settled(), 'UPDATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    };

    before(async () => {
      bench = await DriverBench.start(target);
    });
    beforeEach(() => bench.renew());
    afterEach(async () => {
      await bench.cloud.behave(VOLUME, null);
      await bench.clear();
    });
    after(() => bench.close());

    it('adds, scales and deletes node groups without touching what is there', async () => {
      await created();
      const { status } = bench.cluster;
      assert.deepEqual(
        status.node_groups.map(({ actual_node_count, version, state }) => [
          actual_node_count,
          version,
          state,
        ]),
        [
          [1, 'v1.33.2', 'CREATE_COMPLETE'],
          [2, 'v1.33.2', 'CREATE_COMPLETE'],
        ],
      );
      assert.equal(status.certificates.ca_expires_at!.getUTCFullYear() > 2030, true);
      const fixed = await bench.fixed();
      const first = await serversOf(workers());

      const gpu = nodeGroup('gpu', {
        ...nested,
        labels: { kube_tag: 'v1.32.4' },
        node_labels: { 'example.com/kind': 'gpu' },
        node_taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
      });
      bench.accept('node-group-create', withGroup(gpu), { parts: [partOf(gpu, 'create')] });
      await updated();
      assert.equal(statusOf(gpu)?.state, 'CREATE_COMPLETE');
      assert.equal(statusOf(gpu)?.actual_node_count, 1);
      assert.equal(statusOf(gpu)?.version, 'v1.32.4');
      assert.equal(bench.cluster.status.actual_node_count, 3);
      assert.deepEqual(bench.cluster.status.node_addresses.length, 3);
      assert.deepEqual(await bench.fixed(), fixed);
      assert.deepEqual(await serversOf(workers()), first);

      bench.accept('resize', change(gpu.uuid, { node_count: 3 }), { parts: [partOf(gpu, 'update')] });
      await updated();
      const three = await serversOf(gpu);
      assert.equal(three.length, 3);
      assert.equal(statusOf(gpu)?.state, 'UPDATE_COMPLETE');
      const going = [three[0]!];
      bench.accept('resize', change(gpu.uuid, { node_count: 2, nodes_to_remove: going }));
      await updated();
      assert.deepEqual(await serversOf(gpu), three.slice(1));

      bench.accept('node-group-delete', change(gpu.uuid, { deleted: true }), {
        parts: [partOf(gpu, 'delete')],
      });
      await updated();
      assert.equal(statusOf(gpu), undefined);
      assert.deepEqual(await bench.fixed(), fixed);
      assert.deepEqual(await serversOf(workers()), first);
      const names = (await bench.resources()).map(({ resource_name }) => resource_name);
      assert.ok(!names.some((name) => name.startsWith('workers_')));
      // A round that nothing was asked in finds nothing to say.
      await bench.round();
      const drift = bench.cluster.status.conditions.find(({ type }) => type === 'InSync');
      assert.equal(drift?.status, 'True');
    });

    it('removes exactly the servers that are named, and refuses one that is none of the group', async () => {
      await created();
      bench.accept('resize', change(workers().uuid, { node_count: 4 }));
      await updated();
      const servers = await serversOf(workers());
      const going = [servers[2]!, servers[0]!];
      bench.accept('resize', change(workers().uuid, { node_count: 3, nodes_to_remove: ['nobody'] }));
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      assert.match(bench.cluster.status.state_reason ?? '', /names nobody, which is no server/);
      assert.deepEqual(await serversOf(workers()), servers);
      bench.accept('resize', change(workers().uuid, { node_count: 2, nodes_to_remove: going }));
      await updated();
      assert.deepEqual(await serversOf(workers()), [servers[1], servers[3]]);
      // Back from a change that Heat had done already: those that were named are gone long since.
      bench.accept('resize', change(workers().uuid, { node_count: 3, nodes_to_remove: [] }));
      await bench.round();
      await waitFor(async () => (await bench.stack()).stack_status === 'UPDATE_COMPLETE', {
        what: 'the stack',
      });
      bench.accept('rollback');
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      assert.deepEqual(await serversOf(workers()), [servers[1], servers[3]]);
    });

    it('says which group failed and why, goes on when told again, and goes back when told so', async () => {
      await created();
      const fixed = await bench.fixed();
      const first = await serversOf(workers());
      await bench.cloud.behave(VOLUME, { create: { fail: 'no room for volumes' } });
      const bad = nodeGroup('bad', nested);
      const good = nodeGroup('good');
      bench.accept('node-group-create', (spec) => withGroup(good)(withGroup(bad)(spec)), {
        parts: [partOf(bad, 'create'), partOf(good, 'create')],
      });
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      const { failure } = bench.cluster.status;
      assert.equal(failure?.resource?.name, VOLUME);
      assert.equal(failure?.resource?.type, 'OS::Cinder::Volume');
      assert.equal(statusOf(bad)?.state, 'CREATE_FAILED');
      assert.match(statusOf(bad)?.state_reason ?? '', /no room for volumes/);
      assert.equal(statusOf(workers())?.state, 'CREATE_COMPLETE');
      // A server that was never made is none, though its port has an address.
      assert.equal(statusOf(bad)?.actual_node_count, 0);
      assert.deepEqual(statusOf(bad)?.node_addresses, []);

      bench.accept('rollback');
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      assert.equal(statusOf(bad), undefined);
      assert.equal(statusOf(good), undefined);
      assert.deepEqual(await bench.fixed(), fixed);
      assert.deepEqual(await serversOf(workers()), first);

      bench.accept('node-group-create', () => withGroup(bad)(bench.cluster.status.applied_spec!), {
        parts: [partOf(bad, 'create')],
      });
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      await bench.cloud.behave(VOLUME, null);
      bench.accept('retry');
      await updated();
      assert.equal(statusOf(bad)?.state, 'CREATE_COMPLETE');
      assert.equal((await serversOf(bad)).length, 1);
      assert.deepEqual(await serversOf(workers()), first);
    });

    it('refuses a node that is none of the group after an update that failed, too', async () => {
      const group = nodeGroup('nested', { ...nested, node_count: 2 });
      bench.cluster = { ...bench.cluster, spec: withGroup(group)(bench.cluster.spec) };
      await created();
      const servers = await serversOf(group);
      await bench.cloud.behave(VOLUME, { create: { fail: 'no room for volumes' } });
      bench.accept('resize', change(group.uuid, { node_count: 4 }));
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      await bench.cloud.behave(VOLUME, null);
      bench.accept(
        'resize',
        change(group.uuid, { node_count: 1, nodes_to_remove: [(await serversOf(workers()))[0]!] }),
      );
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      assert.match(bench.cluster.status.state_reason ?? '', /which is no server of the node group nested/);
      assert.equal((await bench.stack()).stack_status, 'UPDATE_FAILED', 'Heat was told nothing');
      bench.accept('resize', change(group.uuid, { node_count: 1, nodes_to_remove: [servers[0]!] }));
      await updated();
      assert.deepEqual(await serversOf(group), [servers[1]]);
    });

    it('goes back by itself when a scaling fails that was asked for with that', async () => {
      const group = nodeGroup('nested', nested);
      bench.cluster = { ...bench.cluster, spec: withGroup(group)(bench.cluster.spec) };
      await created();
      const before = await serversOf(group);
      await bench.cloud.behave(VOLUME, { create: { fail: 'no room for volumes' } });
      bench.accept('resize', change(group.uuid, { node_count: 2 }), {
        parts: [partOf(group, 'update')],
        rollbackOnFailure: true,
      });
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      assert.deepEqual(await serversOf(group), before);
      assert.equal(statusOf(group)?.actual_node_count, 1);
    });

    it('goes back from the deletion of a group that failed, and deletes it when told again', async () => {
      const group = nodeGroup('sticky', nested);
      bench.cluster = { ...bench.cluster, spec: withGroup(group)(bench.cluster.spec) };
      await created();
      const first = await serversOf(workers());
      await bench.cloud.behave(VOLUME, { delete: { fail: 'the volume is in use' } });
      const deletion = change(group.uuid, { deleted: true });
      bench.accept('node-group-delete', deletion, { parts: [partOf(group, 'delete')] });
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      assert.match(bench.cluster.status.state_reason ?? '', /the volume is in use/);
      await bench.cloud.behave(VOLUME, null);
      bench.accept('rollback');
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      assert.equal((await serversOf(group)).length, 1);
      assert.equal(statusOf(group)?.actual_node_count, 1);
      assert.deepEqual(await serversOf(workers()), first);
      bench.accept('node-group-delete', () => deletion(bench.cluster.status.applied_spec!), {
        parts: [partOf(group, 'delete')],
      });
      await updated();
      assert.equal(statusOf(group), undefined);
      assert.deepEqual(await serversOf(workers()), first);
    });

    it('goes back from the deletion of a group that goes on', async () => {
      const group = nodeGroup('slow', nested);
      bench.cluster = { ...bench.cluster, spec: withGroup(group)(bench.cluster.spec) };
      await created();
      const first = await serversOf(workers());
      await bench.cloud.behave(VOLUME, { delete: { wait_secs: 3 } });
      bench.accept('node-group-delete', change(group.uuid, { deleted: true }));
      await bench.begun();
      bench.accept('rollback');
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      assert.equal((await serversOf(group)).length, 1);
      assert.deepEqual(await serversOf(workers()), first);
    });

    it('goes back from a scaling down that goes on', async () => {
      const group = nodeGroup('slow', { ...nested, node_count: 2 });
      bench.cluster = { ...bench.cluster, spec: withGroup(group)(bench.cluster.spec) };
      await created();
      const [first] = await serversOf(group);
      await bench.cloud.behave(VOLUME, { delete: { wait_secs: 3 } });
      bench.accept('resize', change(group.uuid, { node_count: 1 }));
      await bench.begun();
      bench.accept('rollback');
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      const servers = await serversOf(group);
      assert.equal(servers.length, 2);
      assert.ok(servers.includes(first!));
    });

    it('goes back from a scaling down that failed', async () => {
      const group = nodeGroup('sticky', { ...nested, node_count: 2 });
      bench.cluster = { ...bench.cluster, spec: withGroup(group)(bench.cluster.spec) };
      await created();
      const [first] = await serversOf(group);
      await bench.cloud.behave(VOLUME, { delete: { fail: 'the volume is in use' } });
      bench.accept('resize', change(group.uuid, { node_count: 1 }), { parts: [partOf(group, 'update')] });
      assert.equal(await bench.settled(), 'UPDATE_FAILED');
      assert.equal(statusOf(group)?.state, 'UPDATE_FAILED');
      assert.equal(statusOf(group)?.actual_node_count, 1);
      await bench.cloud.behave(VOLUME, null);
      bench.accept('rollback');
      assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
      const servers = await serversOf(group);
      assert.equal(servers.length, 2);
      assert.ok(servers.includes(first!));
    });

    it('makes new nodes of another version, and leaves those that run alone, whatever image is asked for', async () => {
      const pool = nodeGroup('pool', nested);
      bench.cluster = { ...bench.cluster, spec: withGroup(pool)(bench.cluster.spec) };
      await created();
      const fixed = await bench.fixed();
      const servers = [...(await serversOf(workers())), ...(await serversOf(pool))];
      bench.replaceConductor();
      // No machine boots here: what is done to the nodes themselves has tests of its own.
      bench.driver['upgrades'].run = () => Promise.resolve({ phase: 'done', groups: [] });
      bench.accept('upgrade', (spec) => ({
        ...spec,
        node_groups: spec.node_groups.map((group) => ({
          ...group,
          image_id: 'another',
          labels: { ...group.labels, kube_tag: 'v1.34.1' },
        })),
      }));
      await updated();
      for (const group of bench.cluster.spec.node_groups) assert.equal(statusOf(group)?.version, 'v1.34.1');
      assert.deepEqual(await bench.fixed(), fixed);
      assert.deepEqual([...(await serversOf(workers())), ...(await serversOf(pool))], servers);
      bench.accept('resize', change(pool.uuid, { node_count: 2 }), { parts: [partOf(pool, 'update')] });
      await updated();
      const [first] = await serversOf(pool);
      assert.equal(first, servers.at(-1));
      const { template } = await bench.definition('workers');
      assert.match(template, /KUBE_VERSION='v1\.34\.1'/);
    });

    it('adds and deletes groups of a cluster whose image is gone', async () => {
      await created();
      const { node_groups: groups, ...spec } = bench.cluster.spec;
      const node_groups = groups.map((group) => ({ ...group, image_id: 'gone', flavor_id: 'gone' }));
      const late = nodeGroup('late');
      bench.accept('node-group-create', () => withGroup(late)({ ...spec, node_groups }));
      await updated();
      bench.accept('node-group-delete', change(late.uuid, { deleted: true, image_id: 'gone' }));
      await updated();
      bench.accept('node-group-create', withGroup(nodeGroup('later', { image_id: 'gone' })));
      await assert.rejects(
        bench.settled(),
        (error) => error instanceof CetusError && error.code === 'image_not_found',
      );
    });

    it('deletes while it updates', async () => {
      await created();
      bench.accept('node-group-create', withGroup(nodeGroup('late')));
      await bench.round();
      bench.accept('delete');
      assert.equal(await bench.settled(), 'DELETE_COMPLETE');
      assert.deepEqual(bench.cluster.status.node_groups, []);
    });
  });
}
