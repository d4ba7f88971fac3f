import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import {
  defaultMasterOf,
  defaultWorkerOf,
  withNodeGroup,
  type ClusterSpec,
  type NodeGroupSpec,
} from '@cetus/shared/schemas';
import { nodeGroup, partOf } from '../openstack/new-cluster.ts';
import type { MagnumDriverBench } from './driver-bench.ts';

/** A member of a group that only clusters of these tests have, with which a resource can be told to fail. */
const MEMBER = '5';
const ENOUGH = 6;
const WORD = 'No valid host was found';

const change =
  (uuid: string, values: Partial<NodeGroupSpec>) =>
  (spec: ClusterSpec): ClusterSpec =>
    withNodeGroup(spec, uuid, (group) => ({ ...group, ...values }));
const withGroup =
  (group: NodeGroupSpec) =>
  (spec: ClusterSpec): ClusterSpec => ({ ...spec, node_groups: [...spec.node_groups, group] });
const upgraded =
  (kube_tag: string) =>
  (spec: ClusterSpec): ClusterSpec => ({
    ...spec,
    node_groups: spec.node_groups.map((group) => ({ ...group, labels: { ...group.labels, kube_tag } })),
  });

/** What the driver is held to, on whatever Magnum. */
export function magnumDriverStories(start: () => Promise<MagnumDriverBench>): void {
  let bench: MagnumDriverBench;

  const workers = (): NodeGroupSpec => defaultWorkerOf(bench.cluster.spec)!;
  const masters = (): NodeGroupSpec => defaultMasterOf(bench.cluster.spec)!;
  const poolOf = (values: Partial<NodeGroupSpec> = {}): NodeGroupSpec =>
    nodeGroup('pool', { image_id: 'fedora-coreos-37', labels: bench.cluster.spec.labels, ...values });
  const ends = async (state: string): Promise<void> => {
    assert.equal(await bench.settled(), state, bench.cluster.status.state_reason ?? '');
  };
  const failsIn = async (
    state: string,
  ): Promise<NonNullable<(typeof bench)['cluster']['status']['failure']>> => {
    await ends(state);
    return bench.cluster.status.failure!;
  };

  before(async () => {
    bench = await start();
  });
  beforeEach(() => bench.renew());
  afterEach(async () => {
    await bench.cloud.behave(MEMBER, null);
    await bench.clear();
  });
  after(() => bench.close());

  it('creates, resizes, adds a node group, upgrades, rotates the authority, and deletes', async () => {
    await ends('CREATE_COMPLETE');
    const { status } = bench.cluster;
    assert.deepEqual(
      status.node_groups.map(({ actual_node_count, version, state }) => [actual_node_count, version, state]),
      [
        [1, 'v1.23.3', 'CREATE_COMPLETE'],
        [2, 'v1.23.3', 'CREATE_COMPLETE'],
      ],
    );
    assert.deepEqual([status.actual_master_count, status.actual_node_count], [1, 2]);
    assert.equal(status.node_addresses.length, 2);
    assert.match(status.api_address ?? '', /^https:\/\/.+:6443$/);
    const credentials = read(bench.kubeconfig());
    assert.equal(credentials.server, status.api_address);
    assert.ok(credentials.client.verify(credentials.ca.publicKey));
    assert.match(credentials.client.subject, /O=system:masters/);
    assert.equal(status.certificates.client_expires_at?.getTime(), Date.parse(credentials.client.validTo));
    assert.equal((await bench.templates()).length, 1);

    bench.accept('resize', change(workers().uuid, { node_count: 3 }), {
      parts: [partOf(workers(), 'update')],
    });
    await ends('UPDATE_COMPLETE');
    assert.equal(bench.cluster.status.actual_node_count, 3);
    assert.equal(bench.statusOf(workers())?.state, 'UPDATE_COMPLETE');

    const pool = poolOf({ node_count: 2, role: 'gpu' });
    bench.accept('node-group-create', withGroup(pool), { parts: [partOf(pool, 'create')] });
    await ends('UPDATE_COMPLETE');
    assert.equal(bench.statusOf(pool)?.state, 'CREATE_COMPLETE');
    assert.equal(bench.statusOf(pool)?.actual_node_count, 2);
    assert.notEqual(bench.statusOf(pool)?.stack_id, null);
    assert.equal(bench.cluster.status.actual_node_count, 5);

    bench.accept('upgrade', upgraded('v1.24.16'));
    await ends('UPDATE_COMPLETE');
    assert.deepEqual(
      bench.cluster.status.node_groups.map(({ version }) => version),
      ['v1.24.16', 'v1.24.16', 'v1.24.16'],
    );
    assert.equal(bench.cluster.status.coe_version, 'v1.24.16');
    // The template of before is of no use any more.
    assert.deepEqual(
      (await bench.templates()).map(({ labels }) => labels['kube_tag']),
      ['v1.24.16'],
    );

    bench.accept('rotate-ca', (spec) => ({ ...spec, ca_rotations: 1 }));
    await ends('UPDATE_COMPLETE');
    assert.equal(bench.cluster.status.ca_rotations, 1);
    const rotated = read(bench.kubeconfig());
    assert.notEqual(rotated.ca.fingerprint256, credentials.ca.fingerprint256);
    assert.ok(rotated.client.verify(rotated.ca.publicKey));

    bench.accept('node-group-delete', change(pool.uuid, { deleted: true }), {
      parts: [partOf(pool, 'delete')],
    });
    await ends('UPDATE_COMPLETE');
    assert.equal(bench.statusOf(pool), undefined);
    assert.equal(bench.cluster.status.actual_node_count, 3);

    bench.accept('delete');
    await ends('DELETE_COMPLETE');
    assert.deepEqual(await bench.clusters(), []);
    assert.deepEqual(await bench.templates(), []);
  });

  it('names the resource that failed to be created; a retry makes the cluster anew', async () => {
    bench.renew(change(workers().uuid, {}));
    bench.cluster.spec = change(workers().uuid, { node_count: ENOUGH })(bench.cluster.spec);
    await bench.cloud.behave(MEMBER, { create: { fail: WORD } });
    const failure = await failsIn('CREATE_FAILED');
    assert.equal(failure.resource?.type, 'OS::Nova::Server');
    assert.equal(failure.resource.name, MEMBER);
    assert.match(failure.message, /No valid host was found/);
    const [first] = await bench.clusters();
    await bench.cloud.behave(MEMBER, null);
    bench.accept('retry');
    await ends('CREATE_COMPLETE');
    const [second, ...others] = await bench.clusters();
    assert.notEqual(second?.uuid, first?.uuid);
    assert.deepEqual(others, []);
  });

  it('says which group failed to grow; an upgrade is legal all the same', async () => {
    await ends('CREATE_COMPLETE');
    await bench.cloud.behave(MEMBER, { create: { fail: WORD } });
    bench.accept('resize', change(workers().uuid, { node_count: ENOUGH }), {
      parts: [partOf(workers(), 'update')],
    });
    const failure = await failsIn('UPDATE_FAILED');
    assert.equal(failure.resource?.name, MEMBER);
    assert.equal(bench.statusOf(workers())?.state, 'UPDATE_FAILED');
    assert.match(bench.statusOf(workers())?.failure?.message ?? '', /No valid host/);
    assert.equal(bench.statusOf(masters())?.state, 'CREATE_COMPLETE');
    await bench.cloud.behave(MEMBER, null);
    bench.accept('upgrade', upgraded('v1.24.16'));
    await ends('UPDATE_COMPLETE');
    assert.equal(bench.cluster.status.actual_node_count, ENOUGH);
    assert.equal(bench.statusOf(workers())?.version, 'v1.24.16');
  });

  it('rolls back a node group that failed, by removing it', async () => {
    await ends('CREATE_COMPLETE');
    await bench.cloud.behave(MEMBER, { create: { fail: WORD } });
    const pool = poolOf({ node_count: ENOUGH });
    bench.accept('node-group-create', withGroup(pool), { parts: [partOf(pool, 'create')] });
    await failsIn('UPDATE_FAILED');
    assert.equal(bench.statusOf(pool)?.state, 'CREATE_FAILED');
    assert.equal(bench.statusOf(workers())?.state, 'CREATE_COMPLETE');
    bench.accept('rollback');
    await ends('ROLLBACK_COMPLETE');
    assert.equal(bench.statusOf(pool), undefined);
    assert.equal(bench.cluster.status.actual_node_count, 2);
  });

  it('adopts what a crash left, wherever it came', async () => {
    // Announced and lost; sent and lost.
    await bench.crash();
    await bench.round();
    await bench.crash();
    await ends('CREATE_COMPLETE');
    assert.equal((await bench.clusters()).length, 1);
    assert.equal((await bench.templates()).length, 1);
    const pool = poolOf();
    bench.accept('node-group-create', withGroup(pool), { parts: [partOf(pool, 'create')] });
    await bench.crash();
    await ends('UPDATE_COMPLETE');
    bench.accept('upgrade', upgraded('v1.24.16'));
    await bench.crash();
    await ends('UPDATE_COMPLETE');
    bench.accept('delete');
    await bench.crash();
    await ends('DELETE_COMPLETE');
    assert.deepEqual(await bench.templates(), []);
  });

  it('notices a cluster that others deleted, and makes it anew when asked to', async () => {
    await ends('CREATE_COMPLETE');
    await bench.clear();
    await bench.round();
    assert.equal(bench.cluster.status.state, 'UPDATE_FAILED');
    assert.equal(bench.cluster.status.failure?.code, 'cluster_missing');
    bench.accept('resize', change(workers().uuid, { node_count: 1 }));
    assert.equal((await failsIn('UPDATE_FAILED')).code, 'cluster_missing');
    bench.accept('retry');
    await ends('UPDATE_COMPLETE');
    assert.equal(bench.cluster.status.actual_node_count, 1);
  });

  it('refuses what Magnum cannot do, and leaves the cluster whole', async () => {
    await ends('CREATE_COMPLETE');
    bench.accept('upgrade', upgraded('v1.22.1'));
    const downgrade = await failsIn('UPDATE_FAILED');
    assert.equal(downgrade.code, 'unsupported');
    assert.match(downgrade.message, /cannot go back from v1\.23\.3 to v1\.22\.1/);
    bench.accept('update', (spec) => change(masters().uuid, { node_count: 3 })(upgraded('v1.23.3')(spec)));
    assert.match((await failsIn('UPDATE_FAILED')).message, /cannot change the number of masters from 1 to 3/);
    const [there] = await bench.clusters();
    assert.equal(there?.status, 'CREATE_COMPLETE');
    const removed = { node_count: 1, nodes_to_remove: ['no-such-server'] };
    bench.accept('resize', (spec) =>
      change(workers().uuid, removed)(change(masters().uuid, { node_count: 1 })(spec)),
    );
    await assert.rejects(
      bench.settled(),
      /no-such-server, which is no server of the node group default-worker/,
    );
  });

  it('shows drift, and that it is over', async () => {
    await ends('CREATE_COMPLETE');
    const [there] = await bench.clusters();
    await bench.magnum.createNodeGroup(there!.uuid, { name: 'foreign', node_count: 1 });
    const inSync = (): string | undefined =>
      bench.cluster.status.conditions.find(({ type }) => type === 'StackInSync' || type === 'InSync')
        ?.message;
    do await bench.round();
    while (!/nobody asked for/.test(inSync() ?? ''));
    await bench.magnum.deleteNodeGroup(there!.uuid, 'foreign');
    do await bench.round();
    while (/nobody asked for/.test(inSync() ?? ''));
    assert.equal(bench.cluster.status.state, 'CREATE_COMPLETE');
  });

  it('says before what cannot be: names that do not exist, and versions that Magnum cannot bring about', async () => {
    const pool = poolOf({ labels: { kube_tag: 'v1.22.1' }, node_labels: { a: 'b' } });
    const references = { image_id: 'no-distro', flavor_id: 'no-such', keypair: 'missing-1' };
    const { project_id: projectId, user_id: userId, spec } = bench.cluster;
    const signal = AbortSignal.timeout(30_000);
    const { problems } = await bench.driver.check(
      { projectId, userId, references, spec: withGroup(pool)({ ...spec, network_driver: 'kuryr' }) },
      signal,
    );
    assert.deepEqual(problems.map(({ field, code }) => `${field} ${code}`).sort(), [
      'flavor_id flavor_not_found',
      'image_id image_os_distro_missing',
      'keypair keypair_not_found',
      'labels/kube_tag unsupported',
      'network_driver unsupported',
      'node_labels unsupported',
    ]);
    const fine = { image_id: 'fedora-coreos-37', flavor_id: 'm1.small', keypair: 'testkey' };
    const checked = await bench.driver.check({ projectId, userId, references: fine, spec }, signal);
    assert.deepEqual(checked.problems, []);
  });
}

interface Credentials {
  server: string;
  ca: X509Certificate;
  client: X509Certificate;
}

function read(kubeconfig: string): Credentials {
  const value = (name: string): string => new RegExp(`${name}: (.+)`).exec(kubeconfig)?.[1] ?? '';
  const pem = (name: string): X509Certificate => new X509Certificate(Buffer.from(value(name), 'base64'));
  return {
    server: value('server'),
    ca: pem('certificate-authority-data'),
    client: pem('client-certificate-data'),
  };
}
