import assert from 'node:assert/strict';
import type { MagnumCluster, MagnumTemplate } from '../../../src/magnum.ts';
import { HeatClient } from '../../../src/heat.ts';
import { uniqueName } from '../targets.ts';
import { UUID } from '../heat/templates.ts';
import { magnumContract } from './bench.ts';
import { refused } from './refusal.ts';

magnumContract('life of a cluster', (bench) => {
  const name = uniqueName('contract-life');
  let template: MagnumTemplate;
  let uuid: string;
  let cluster: MagnumCluster;

  before(async () => {
    template = await bench.template();
    uuid = await bench.create({
      name,
      cluster_template_id: template.name,
      node_count: 2,
      labels: { cetus_cluster: 'one' },
      merge_labels: true,
    });
  });

  it('is accepted, in time known, and under way until its stack is made', async () => {
    assert.match(uuid, UUID);
    const early = await bench.reaches(uuid, 'CREATE_IN_PROGRESS', 'CREATE_COMPLETE');
    assert.equal(early.name, name);
    assert.equal(early.cluster_template_id, template.uuid);
    cluster = await bench.reaches(uuid, 'CREATE_COMPLETE');
  });

  it('says all that a cluster says', async () => {
    const { projectId, userId } = await bench.session.identity();
    assert.equal(cluster.status_reason, null);
    assert.equal(cluster.node_count, 2);
    assert.equal(cluster.master_count, 1);
    assert.equal(cluster.node_addresses.length, 2);
    assert.equal(cluster.master_addresses.length, 1);
    for (const address of [...cluster.node_addresses, ...cluster.master_addresses])
      assert.match(address, /^127\.\d+\.\d+\.\d+$/);
    assert.match(cluster.api_address ?? '', /^https:\/\/127\.\d+\.\d+\.\d+:6443$/);
    assert.equal(cluster.coe_version, 'v1.23.3');
    assert.equal(cluster.create_timeout, 10);
    assert.equal(cluster.keypair, 'testkey');
    assert.equal(cluster.flavor_id, 'm1.small');
    assert.deepEqual(cluster.labels, { kube_tag: 'v1.23.3', boot_volume_size: '0', cetus_cluster: 'one' });
    assert.deepEqual(cluster.labels_added, { cetus_cluster: 'one' });
    assert.equal(cluster.project_id, projectId);
    assert.equal(cluster.user_id, userId);
    assert.equal(cluster.faults, undefined);
    assert.notEqual(cluster.updated_at, null);
    assert.equal((await bench.magnum.getCluster(name))?.uuid, uuid);
  });

  it('has a stack behind it, with groups of servers named by their numbers', async () => {
    assert.match(cluster.stack_id ?? '', UUID);
    const heat = new HeatClient(bench.session);
    const stack = await heat.getStack(cluster.stack_id!);
    assert.equal(stack?.stack_status, 'CREATE_COMPLETE');
    assert.match(stack.stack_name, new RegExp(`^${name.slice(0, 30)}-[a-z0-9]{12}$`));
    const resources = await heat.listResources({ name: stack.stack_name, id: stack.id }, { nestedDepth: 1 });
    const servers = resources
      .filter(({ resource_type }) => resource_type === 'OS::Nova::Server')
      .map(({ parent_resource, resource_name }) => `${String(parent_resource)} ${resource_name}`);
    assert.deepEqual(servers.sort(), ['kube_masters 0', 'kube_minions 0', 'kube_minions 1']);
  });

  it('is in the lists, short and in detail, page by page', async () => {
    const second = await bench.create({ cluster_template_id: template.uuid, node_count: 0 });
    await bench.reaches(second, 'CREATE_COMPLETE');
    const short = [];
    for await (const page of bench.magnum.listClusters({ limit: 1 })) {
      assert.equal(page.length, 1);
      short.push(...page);
    }
    const mine = short.filter((one) => [uuid, second].includes(one.uuid));
    assert.deepEqual(
      mine.map((one) => one.uuid),
      [uuid, second],
    );
    assert.equal(mine[0]?.stack_id, cluster.stack_id);
    assert.equal(mine[0].node_count, 2);
    assert.equal(mine[1]?.node_count, 0);
    assert.equal('api_address' in mine[0], false);
    const detailed = [];
    for await (const page of bench.magnum.listClustersInDetail({ sortKey: 'name', sortDir: 'desc' }))
      detailed.push(...page);
    const found = detailed.find((one) => one.uuid === uuid);
    assert.equal(found?.api_address, cluster.api_address);
    assert.deepEqual(found.node_addresses, cluster.node_addresses);
    await bench.magnum.deleteCluster(second);
    await bench.gone(second);
  });

  it('counts in the statistics', async () => {
    const stats = await bench.magnum.stats();
    assert.ok(stats.clusters >= 1 && stats.nodes >= 2, JSON.stringify(stats));
    const other = (await bench.cloud.session('demo2', 'demo2').identity()).projectId ?? '';
    await refused(bench.magnum.stats({ projectId: other }), 403, /Not authorized/);
  });

  it('is another project’s secret, but not the administrator’s', async () => {
    const other = bench.client(bench.cloud.session('demo2', 'demo2'));
    assert.equal(await other.getCluster(uuid), null);
    for await (const page of other.listClusters()) assert.ok(page.every((one) => one.uuid !== uuid));
    // Whatever project the administrator's token is for, Magnum shows every project's.
    const admin = bench.client(bench.cloud.session('admin', 'admin'));
    assert.equal((await admin.getCluster(name))?.project_id, cluster.project_id);
    const seen: string[] = [];
    for await (const page of admin.listClusters()) seen.push(...page.map((one) => one.uuid));
    assert.ok(seen.includes(uuid));
  });

  it('keeps its template from being deleted', async () => {
    await refused(
      bench.magnum.deleteTemplate(template.uuid),
      400,
      /is referenced by one or multiple clusters/,
    );
  });

  it('is deleted: 204, then under way, then unknown; again is fine', async () => {
    await bench.magnum.deleteCluster(name);
    await bench.gone(uuid);
    assert.equal(await bench.magnum.getCluster(name), null);
    await bench.magnum.deleteCluster(uuid);
    const stack = await new HeatClient(bench.session).getStack(cluster.stack_id!);
    assert.equal(stack?.stack_status, 'DELETE_COMPLETE');
  });
});

magnumContract('refused clusters', (bench) => {
  let template: MagnumTemplate;
  before(async () => {
    template = await bench.template();
  });
  const create = (more: object) => bench.create({ cluster_template_id: template.uuid, ...more });

  it('an unknown template', async () => {
    await refused(
      create({ cluster_template_id: 'no-such' }),
      404,
      /ClusterTemplate no-such could not be found/,
    );
  });
  it('an unknown key pair', async () => {
    await refused(create({ keypair: 'missing-1' }), 404, /Unable to find keypair missing-1/);
  });
  it('an unknown flavor', async () => {
    await refused(create({ flavor_id: 'no-such' }), 400, /Unable to find flavor no-such/);
  });
  it('a negative number of nodes', async () => {
    await refused(create({ node_count: -1 }), 400, /node_count.*'-1'.*greater or equal to 0/);
  });
  it('no master', async () => {
    await refused(create({ master_count: 0 }), 400, /master_count/);
  });
  it('three masters without a load balancer', async () => {
    await refused(create({ master_count: 3 }), 400, /master_count must be 1 when master_lb_enabled is False/);
  });
  it('a name that is none', async () => {
    await refused(create({ name: '9bad name' }), 400, /name/);
  });
  it('a field that is none', async () => {
    await refused(create({ no_such: 1 }), 400, /no_such/);
  });
  it('more than the quota', async () => {
    const admin = bench.client(bench.cloud.session('admin', 'admin'));
    const other = bench.cloud.session('demo2', 'demo2');
    const magnum = bench.client(other);
    const project = (await other.identity()).projectId ?? '';
    await admin.deleteQuota(project);
    await admin.createQuota(project, 0);
    try {
      const own = await magnum.createTemplate({
        coe: 'kubernetes',
        image_id: 'fedora-coreos-37',
        external_network_id: 'public',
        flavor_id: 'm1.small',
      });
      const made = magnum.createCluster({ name: uniqueName('contract'), cluster_template_id: own.uuid });
      await refused(made, 403, /You have reached the maximum clusters per project, 0/);
      await magnum.deleteTemplate(own.uuid);
    } finally {
      await admin.deleteQuota(project);
    }
  });
});
