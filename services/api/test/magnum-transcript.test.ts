import { strict as assert } from 'node:assert';
import { startApi, type TestApi } from './support/api.ts';

/** What Magnum 15 answered, recorded from a real one (uuids, times and addresses are its own). */
const TEMPLATE = {
  uuid: 'b504a1ed-c47e-4734-81e4-9bbf7f6bc168',
  name: 'k8s-035038',
  coe: 'kubernetes',
  image_id: 'fedora-coreos-37',
  flavor_id: 'm1.small',
  master_flavor_id: 'm1.small',
  dns_nameserver: '127.0.0.53',
  keypair_id: 'testkey',
  external_network_id: 'public',
  fixed_network: null,
  fixed_subnet: null,
  network_driver: 'flannel',
  apiserver_port: null,
  docker_volume_size: null,
  cluster_distro: 'fedora-coreos',
  links: [
    { href: 'http://127.0.0.1:9511/v1/clustertemplates/b504a1ed-c47e-4734-81e4-9bbf7f6bc168', rel: 'self' },
    { href: 'http://127.0.0.1:9511/clustertemplates/b504a1ed-c47e-4734-81e4-9bbf7f6bc168', rel: 'bookmark' },
  ],
  http_proxy: null,
  https_proxy: null,
  no_proxy: null,
  volume_driver: null,
  registry_enabled: false,
  labels: { kube_tag: 'v1.23.3-rancher1', boot_volume_size: '0' },
  tls_disabled: false,
  public: false,
  server_type: 'vm',
  insecure_registry: null,
  docker_storage_driver: 'overlay2',
  master_lb_enabled: false,
  floating_ip_enabled: true,
  project_id: 'bd71215328a14b4689c921ac20c9bbe4',
  user_id: '9ca8c407d5cf47b69328da7f560674eb',
  hidden: false,
  tags: null,
  created_at: '2026-11-21T03:50:39+00:00',
  updated_at: null,
};

const CLUSTER = {
  uuid: 'eebdc92d-fe02-410f-976b-0575c8bb9940',
  name: 'c-035038',
  cluster_template_id: 'b504a1ed-c47e-4734-81e4-9bbf7f6bc168',
  keypair: 'testkey',
  node_count: 2,
  master_count: 1,
  docker_volume_size: null,
  labels: { kube_tag: 'v1.23.3-rancher1', boot_volume_size: '0' },
  master_flavor_id: 'm1.small',
  flavor_id: 'm1.small',
  create_timeout: 10,
  links: [
    { href: 'http://127.0.0.1:9511/v1/clusters/eebdc92d-fe02-410f-976b-0575c8bb9940', rel: 'self' },
    { href: 'http://127.0.0.1:9511/clusters/eebdc92d-fe02-410f-976b-0575c8bb9940', rel: 'bookmark' },
  ],
  stack_id: 'd9c68aca-eb5b-4ddc-8ea9-7db09eeff3b4',
  status: 'CREATE_COMPLETE',
  status_reason: null,
  health_status: null,
  health_status_reason: {},
  discovery_url: 'http://127.0.0.1:8770/discovery/37983e4c7f44461497b77fc71fdb6081?size=1',
  api_address: 'https://127.30.135.56:6443',
  coe_version: 'v1.23.3-rancher1',
  container_version: '1.12.6',
  project_id: 'bd71215328a14b4689c921ac20c9bbe4',
  user_id: '9ca8c407d5cf47b69328da7f560674eb',
  node_addresses: ['127.20.129.230', '127.20.126.210'],
  master_addresses: ['127.20.110.123'],
  fixed_network: null,
  fixed_subnet: null,
  floating_ip_enabled: true,
  merge_labels: false,
  labels_overridden: {},
  labels_added: {},
  labels_skipped: {},
  master_lb_enabled: false,
  created_at: '2026-11-21T03:50:40+00:00',
  updated_at: '2026-11-21T03:50:46+00:00',
};

/** Fields of a cluster in Magnum's list. */
const BRIEF = [
  'uuid', 'name', 'cluster_template_id', 'keypair', 'node_count', 'master_count', 'docker_volume_size', 'labels',
  'master_flavor_id', 'flavor_id', 'create_timeout', 'links', 'stack_id', 'status', 'health_status', 'merge_labels',
]; // prettier-ignore

/** What Cetus says besides. */
const OURS = [
  'operation_id',
  'actual_node_count',
  'actual_master_count',
  'last_contact',
  'nodes',
  'ca_expires_at',
  'imported',
  'conditions',
  'failure',
];

const GROUP_BRIEF = {
  uuid: '349c2a72-387f-4da4-aa65-3e5be6fe413b',
  name: 'default-worker',
  flavor_id: 'm1.small',
  image_id: 'fedora-coreos-37',
  node_count: 2,
  role: 'worker',
  min_node_count: 0,
  max_node_count: null,
  is_default: true,
  stack_id: 'd9c68aca-eb5b-4ddc-8ea9-7db09eeff3b4',
  status: 'CREATE_COMPLETE',
  merge_labels: false,
};

const GROUP = {
  id: 3,
  uuid: '26047f16-4b60-4bd7-9926-0620f549a9e2',
  name: 'pool2',
  cluster_id: 'eebdc92d-fe02-410f-976b-0575c8bb9940',
  project_id: 'bd71215328a14b4689c921ac20c9bbe4',
  docker_volume_size: null,
  labels: { tier: 'x' },
  links: [
    {
      href: 'http://127.0.0.1:9511/v1/clusters/eebdc92d-fe02-410f-976b-0575c8bb9940/nodegroups/26047f16-4b60-4bd7-9926-0620f549a9e2',
      rel: 'self',
    },
    {
      href: 'http://127.0.0.1:9511/clusters/eebdc92d-fe02-410f-976b-0575c8bb9940/nodegroups/26047f16-4b60-4bd7-9926-0620f549a9e2',
      rel: 'bookmark',
    },
  ],
  flavor_id: 'm1.medium',
  image_id: 'fedora-coreos-37',
  node_addresses: ['127.20.35.119', '127.20.13.29'],
  node_count: 2,
  role: 'gpu',
  min_node_count: 0,
  max_node_count: null,
  is_default: false,
  stack_id: '33babcf3-b48e-4a6d-9d47-cf2bffa0069e',
  status: 'CREATE_COMPLETE',
  status_reason: 'Stack CREATE completed successfully',
  version: null,
  merge_labels: false,
  labels_overridden: {},
  labels_added: { tier: 'x' },
  labels_skipped: { kube_tag: 'v1.23.3-rancher1', boot_volume_size: '0' },
  created_at: '2026-11-21T03:50:56+00:00',
  updated_at: '2026-11-21T03:51:00+00:00',
};

/** What Cetus says of a node group besides. */
const OUR_GROUP = ['actual_node_count', 'rollout', 'failure', 'cluster_template_id'];

const CERTIFICATE_FIELDS = ['bay_uuid', 'cluster_uuid', 'links', 'pem'];

const QUOTA_FIELDS = ['id', 'hard_limit', 'project_id', 'resource', 'created_at', 'updated_at'];

const SERVICE_FIELDS = [
  'host', 'binary', 'state', 'id', 'report_count', 'disabled', 'disabled_reason', 'created_at', 'updated_at',
]; // prettier-ignore

/** Values that differ from one installation to the next. */
const OWN = new Set([
  'id',
  'uuid',
  'cluster_id',
  'cluster_template_id',
  'links',
  'project_id',
  'user_id',
  'created_at',
  'updated_at',
]);

function compare(
  ours: Record<string, unknown>,
  magnums: Record<string, unknown>,
  extra: string[] = [],
): void {
  assert.deepEqual(Object.keys(ours).sort(), [...Object.keys(magnums), ...extra].sort());
  for (const [field, value] of Object.entries(magnums)) {
    if (!OWN.has(field)) assert.deepEqual(ours[field], value, field);
  }
  assert.match(String(ours['created_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
}

function shape(links: { href: string; rel: string }[], uuid: string): [string | undefined, string][] {
  return links.map(({ href, rel }) => [new URL(href).pathname.replace(uuid, 'UUID'), rel]);
}

describe('api: beside the recorded Magnum', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi();
    api.verdict.value = { problems: [], image: { id: 'i', os_distro: 'fedora-coreos' } };
  });
  after(() => api.close());

  it('answers templates and clusters field by field the same', async () => {
    const made = await api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      version: '1.10',
      payload: {
        name: 'k8s-035038',
        image_id: 'fedora-coreos-37',
        keypair_id: 'testkey',
        external_network_id: 'public',
        dns_nameserver: '127.0.0.53',
        flavor_id: 'm1.small',
        master_flavor_id: 'm1.small',
        coe: 'kubernetes',
        network_driver: 'flannel',
        server_type: 'vm',
        docker_storage_driver: 'overlay2',
        floating_ip_enabled: true,
        master_lb_enabled: false,
        labels: { kube_tag: 'v1.23.3-rancher1', boot_volume_size: '0' },
        public: false,
        tls_disabled: false,
        registry_enabled: false,
      },
    });
    const template = made.json();
    compare(template, TEMPLATE, ['driver']);
    assert.deepEqual(shape(template.links, template.uuid), shape(TEMPLATE.links, TEMPLATE.uuid));

    const accepted = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      version: '1.10',
      payload: {
        name: 'c-035038',
        cluster_template_id: template.uuid,
        master_count: 1,
        node_count: 2,
        keypair: 'testkey',
        create_timeout: 10,
        discovery_url: CLUSTER.discovery_url,
      },
    });
    assert.deepEqual(Object.keys(accepted.json()), ['uuid']);
    const { uuid } = accepted.json();
    const { stack_id, api_address, coe_version, container_version, node_addresses, master_addresses } =
      CLUSTER;
    await api.finish(uuid, null, {
      stack_id,
      api_address,
      coe_version,
      container_version,
      node_addresses,
      master_addresses,
    });
    const cluster = (await api.request({ url: `/v1/clusters/${uuid}`, version: '1.10' })).json();
    compare(cluster, CLUSTER, OURS);
    assert.deepEqual(shape(cluster.links, uuid), shape(CLUSTER.links, CLUSTER.uuid));
    const [brief] = (await api.request({ url: '/v1/clusters', version: '1.10' })).json().clusters;
    assert.deepEqual(Object.keys(brief).sort(), [...BRIEF].sort());

    const groups = (await api.request({ url: `/v1/clusters/${uuid}/nodegroups`, version: '1.10' })).json();
    const { uuid: _id, ...worker } = groups.nodegroups[1];
    const { uuid: _theirs, ...magnums } = GROUP_BRIEF;
    assert.deepEqual(worker, magnums);
    const added = await api.request({
      method: 'POST',
      url: `/v1/clusters/${uuid}/nodegroups`,
      version: '1.10',
      payload: { name: 'pool2', node_count: 2, flavor_id: 'm1.medium', role: 'gpu', labels: { tier: 'x' } },
    });
    await api.finish(uuid, null, {
      node_groups: [
        {
          uuid: added.json().uuid,
          stack_id: GROUP.stack_id,
          actual_node_count: 2,
          node_addresses: GROUP.node_addresses,
          version: null,
          rollout: null,
          state: 'CREATE_COMPLETE',
          state_reason: GROUP.status_reason,
          failure: null,
        },
      ],
    });
    const group = (
      await api.request({ url: `/v1/clusters/${uuid}/nodegroups/pool2`, version: '1.10' })
    ).json();
    compare(group, GROUP, OUR_GROUP);
    assert.deepEqual(
      shape(group.links, group.uuid),
      shape(GROUP.links, GROUP.uuid).map(([path, rel]) => [path?.replace(GROUP.cluster_id, uuid), rel]),
    );

    const certificate = (await api.request({ url: `/v1/certificates/${uuid}`, version: '1.10' })).json();
    assert.deepEqual(Object.keys(certificate).sort(), [...CERTIFICATE_FIELDS].sort());
  });

  it('answers quotas, stats and services with the same fields', async () => {
    const send = (method: 'GET' | 'POST', url: string, payload?: object) =>
      api.request({
        method,
        url,
        version: '1.10',
        token: 'admin',
        ...(payload === undefined ? {} : { payload }),
      });
    const fields = (one: object) => Object.keys(one).sort();
    const made = await send('POST', '/v1/quotas', { project_id: 'p', resource: 'Cluster', hard_limit: 900 });
    assert.equal(made.statusCode, 201);
    assert.deepEqual(fields(made.json()), [...QUOTA_FIELDS].sort());
    const { quotas } = (await send('GET', '/v1/quotas?all_tenants=true')).json();
    assert.deepEqual(fields(quotas[0]), [...QUOTA_FIELDS].sort());
    assert.deepEqual(fields((await send('GET', '/v1/stats?project_id=p')).json()), ['clusters', 'nodes']);
    const now = new Date();
    await api.services.report({
      _id: 'one',
      binary: 'cetus-conductor',
      host: 'h',
      started_at: now,
      last_seen_at: now,
      stopped_at: null,
      report_count: 1,
      created_at: now,
      drivers: [],
    });
    const { mservices } = (await send('GET', '/v1/mservices')).json();
    assert.deepEqual(fields(mservices[0]), [...SERVICE_FIELDS, 'drivers'].sort());
  });

  it('describes its versions the same', async () => {
    const root = (await api.request({ url: '/', token: null })).json();
    assert.deepEqual(Object.keys(root), ['name', 'description', 'versions']);
    assert.deepEqual(Object.keys(root.versions[0]).sort(), [
      'id',
      'links',
      'max_version',
      'min_version',
      'status',
    ]);
    const v1 = (await api.request({ url: '/v1/', token: null })).json();
    assert.deepEqual(v1.media_types, [
      { base: 'application/json', type: 'application/vnd.openstack.magnum.v1+json' },
    ]);
    const resources = [
      'clustertemplates',
      'clusters',
      'quotas',
      'certificates',
      'mservices',
      'stats',
      'nodegroups',
    ];
    for (const resource of resources) assert.equal(v1[resource].length, 2, resource);
    assert.equal(v1.nodegroups[0].href, 'http://localhost:80/v1/clusters/{cluster_id}/nodegroups');
    assert.deepEqual(v1.clusters, [
      { href: 'http://localhost:80/v1/clusters/', rel: 'self' },
      { href: 'http://localhost:80/clusters/', rel: 'bookmark' },
    ]);
  });
});
