import { strict as assert } from 'node:assert';
import type {
  AutoscalerStatus,
  Observation,
  PlacementStatus,
  StoredApplication,
} from '@cetus/shared/schemas';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

const seen = (more: Partial<Observation> = {}): Observation => ({
  phase: 'Running',
  generation: 1,
  settled: true,
  replicas: { desired: 2, updated: 2, ready: 2, available: 2 },
  cause: null,
  service: null,
  since: new Date('2026-01-02T03:04:05Z'),
  token: 1,
  ...more,
});

describe('api: applications, read', () => {
  let api: TestApi;
  let cluster: string;
  let second: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
    second = await api.cluster({ name: 'second' });
  });
  after(() => api.close());

  const read = async (ref: string) => (await api.request({ url: `/v1/applications/${ref}` })).json();
  /** Writes what the follower of a cluster writes. */
  const observe = async (uuid: string, observed: Record<string, Observation>) => {
    await api.store.db
      .collection<StoredApplication>('applications')
      .updateOne(
        { _id: uuid },
        { $set: Object.fromEntries(Object.entries(observed).map(([id, one]) => [`observed.${id}`, one])) },
      );
  };
  const place = async (uuid: string, change: Partial<PlacementStatus>) => {
    const set = Object.entries(change).map(([field, value]) => [`status.placements.$[].${field}`, value]);
    await api.store.db
      .collection<StoredApplication>('applications')
      .updateOne({ _id: uuid }, { $set: Object.fromEntries(set) });
  };

  it('tells how it does over all clusters, and in each, with the first cause', async () => {
    const uuid = await api.application({ name: 'health', placements: [{ cluster }, { cluster: second }] });
    await api.finishApplication(uuid);
    await place(uuid, { state: 'COMPLETE', applied_generation: 1 });
    await api.store.db.collection<{ _id: string }>('clusters').updateOne(
      { _id: second },
      {
        $set: {
          health: {
            status: 'UNKNOWN',
            conditions: [{ type: 'Reachable', status: 'False', reason: 'Silent', message: '', since: 'x' }],
            last_contact: new Date('2026-01-01T00:00:00Z'),
          },
        },
      },
    );
    const cause = {
      reason: 'ImagePullBackOff',
      message: 'nope',
      instance: 'health-1',
      restarts: 3,
      log: 'l\n',
    };
    const autoscaler: AutoscalerStatus = {
      current_replicas: 2,
      desired_replicas: null,
      cpu_percent: 80,
      memory_percent: null,
      active: false,
      reason: 'FailedGetResourceMetric',
      message: 'no metrics',
      limited_by: 'max_replicas',
      last_scaled_at: '2026-01-02T03:04:05Z',
    };
    await observe(uuid, {
      [cluster]: seen({ autoscaler }),
      [second]: seen({
        phase: 'Degraded',
        cause,
        replicas: { desired: 2, updated: 2, ready: 1, available: 0 },
      }),
    });
    const conditions = [
      { type: 'Healthy', status: 'False', reason: 'ImagePullBackOff', message: 'm', since: 's' },
    ];
    await api.store.db
      .collection<{ _id: string }>('applications')
      .updateOne({ _id: uuid }, { $set: { health_conditions: conditions } });
    const view = await read(uuid);
    assert.deepEqual(
      [view.phase, view.instances, view.cause, view.conditions],
      ['Degraded', { desired: 4, updated: 4, ready: 3, available: 2 }, cause, conditions],
    );
    assert.deepEqual(
      view.clusters.map((one: Record<string, unknown>) => [
        one['cluster_name'],
        one['state'],
        one['phase'],
        one['since'],
        one['reachable'],
        one['last_contact'],
        one['cause'],
        one['autoscaler'],
      ]),
      [
        ['prod', 'COMPLETE', 'Running', '2026-01-02T03:04:05.000Z', null, null, null, autoscaler],
        [
          'second',
          'COMPLETE',
          'Degraded',
          '2026-01-02T03:04:05.000Z',
          false,
          '2026-01-01T00:00:00.000Z',
          cause,
          null,
        ],
      ],
    );
    // A change that was accepted is not what was seen before it.
    await api.request({ method: 'POST', url: `/v1/applications/${uuid}/actions/restart` });
    const going = await read(uuid);
    assert.deepEqual(
      going.clusters.map((one: Record<string, unknown>) => [one['state'], one['phase']]),
      [
        ['PENDING', 'Progressing'],
        ['PENDING', 'Degraded'],
      ],
    );
    await observe(uuid, { [cluster]: seen({ phase: 'Missing' }) });
    assert.equal((await read(uuid)).phase, 'Missing');
    await place(uuid, { applied_generation: null });
    assert.equal((await read(uuid)).clusters[0].phase, 'Pending');
  });

  it('has an entity tag of all that is shown, its clusters included', async () => {
    const uuid = await api.application({ name: 'tagged', placements: [{ cluster: second }] });
    const url = `/v1/applications/${uuid}`;
    const first = await api.request({ url });
    const etag = String(first.headers['etag']);
    const again = () => api.request({ url, headers: { 'if-none-match': etag } });
    assert.equal((await again()).statusCode, 304);
    const answers = (status: string, last_contact: Date) =>
      api.store.db.collection<{ _id: string }>('clusters').updateOne(
        { _id: second },
        {
          $set: {
            health: {
              status: 'UNKNOWN',
              conditions: [{ type: 'Reachable', status, reason: 'r', message: '', since: 'x' }],
              last_contact,
            },
          },
        },
      );
    const before = first.json().clusters[0].reachable as boolean;
    await answers(before ? 'True' : 'False', new Date('2026-01-05T00:00:00Z'));
    assert.equal((await again()).statusCode, 304);
    await answers(before ? 'False' : 'True', new Date('2026-01-06T00:00:00Z'));
    const changed = await again();
    assert.deepEqual([changed.statusCode, changed.json().clusters[0].reachable], [200, !before]);
    assert.notEqual(changed.headers['etag'], etag);
    // What a change is conditional on is the application alone.
    const payload = [{ op: 'add', path: '/replicas', value: 2 }];
    const patch = () => api.request({ method: 'PATCH', url, payload, headers: { 'if-match': etag } });
    assert.equal((await patch()).statusCode, 202);
    expectError(await patch(), 412, 'precondition_failed', 'If-Match');
  });

  it('tells where it can be reached', async () => {
    const exposure = {
      type: 'load_balancer',
      ports: [
        { name: 'http', port: 80, target_port: 8080 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
      ingress: { host: 'web.example', path: '/app', tls_secret: 'cert' },
    };
    const uuid = await api.application({
      name: 'reach',
      exposure,
      placements: [
        { cluster },
        {
          cluster: second,
          overrides: {
            exposure: { type: 'cluster_ip', ports: [{ port: 80 }], ingress: { host: 'two.example' } },
          },
        },
      ],
      containers: [{ name: 'web', image: 'nginx', ports: [{ port: 8080 }] }],
    });
    assert.deepEqual((await read(uuid)).endpoints, []);
    await api.store.db
      .collection<{ _id: string }>('clusters')
      .updateOne({ _id: cluster }, { $set: { 'status.node_addresses': ['10.0.0.5', 'fd00::5'] } });
    const service = {
      cluster_ip: '10.96.0.1',
      node_ports: { '80': 30080 },
      load_balancer: ['203.0.113.9'],
      ingress: ['203.0.113.10'],
    };
    await observe(uuid, {
      [cluster]: seen({ service }),
      [second]: seen({
        service: { cluster_ip: null, node_ports: {}, load_balancer: [], ingress: ['x.example'] },
      }),
    });
    const { namespace } = (await read(uuid)).clusters[0];
    const answer = await api.request({ url: `/v1/applications/${uuid}/endpoints` });
    const { endpoints } = answer.json();
    const short = endpoints.map((one: Record<string, unknown>) =>
      [one['cluster_name'], one['type'], one['address'], one['port'], one['protocol'], one['scope']].join(
        ' ',
      ),
    );
    assert.deepEqual(short, [
      `prod cluster_ip reach.${namespace}.svc:80 80 TCP cluster`,
      'prod node_port 10.0.0.5:30080 30080 TCP network',
      'prod node_port [fd00::5]:30080 30080 TCP network',
      'prod load_balancer 203.0.113.9:80 80 TCP external',
      `prod cluster_ip reach.${namespace}.svc:53 53 UDP cluster`,
      'prod load_balancer 203.0.113.9:53 53 UDP external',
      'prod ingress https://web.example/app 443 HTTPS external',
      `second cluster_ip reach.${namespace}.svc:80 80 TCP cluster`,
      'second ingress http://two.example 80 HTTP external',
    ]);
    assert.deepEqual((await read(uuid)).endpoints, endpoints);
    expectError(
      await api.request({ url: `/v1/applications/${uuid}/endpoints`, token: 'other' }),
      404,
      'not_found',
    );
  });

  it('shows a cluster that was added at once', async () => {
    const uuid = await api.application({ name: 'added', placements: [{ cluster }] });
    await api.request({
      method: 'PATCH',
      url: `/v1/applications/${uuid}`,
      payload: [{ op: 'add', path: '/placements/-', value: { cluster: 'second' } }],
    });
    const view = await read(uuid);
    assert.deepEqual(
      view.clusters.map((one: Record<string, unknown>) => [
        one['cluster_name'],
        one['state'],
        one['namespace'],
      ]),
      [
        ['prod', 'PENDING', view.clusters[0].namespace],
        ['second', 'PENDING', view.clusters[0].namespace],
      ],
    );
    assert.deepEqual(view.cluster_ids, [cluster, second]);
  });

  it('lists them page by page, sorted, by name and by cluster, in brief or whole', async () => {
    const third = await api.cluster({ name: 'third' });
    const made = [];
    for (const name of ['l-a', 'l-b', 'l-c'])
      made.push(await api.application({ name, placements: [{ cluster: third }] }));
    const list = async (query: string, token = 'member') =>
      (await api.request({ url: `/v1/applications?${query}`, token })).json();
    const first = await list(`cluster=${third}&sort_key=name&sort_dir=desc&limit=2`);
    const names = ({ applications }: { applications: { name: string }[] }) =>
      applications.map(({ name }) => name);
    assert.deepEqual(names(first), ['l-c', 'l-b']);
    const next = new URL(first.next);
    assert.equal(next.searchParams.get('cluster'), third);
    assert.deepEqual(names((await api.request({ url: `${next.pathname}${next.search}` })).json()), ['l-a']);
    assert.deepEqual(names(await list('name=l-b')), ['l-b']);
    assert.deepEqual(names(await list(`name=l-b&cluster=${cluster}`)), []);
    assert.deepEqual(names(await list(`cluster=${third.toUpperCase()}`)).length, 3);
    assert.deepEqual(names(await list(`cluster=${third}`, 'other')), []);
    const { links, ...brief } = first.applications[0];
    assert.equal(links[0].href, `http://localhost:80/v1/applications/${made[2] ?? ''}`);
    assert.deepEqual(brief, {
      uuid: made[2],
      name: 'l-c',
      kind: 'stateless',
      status: 'CREATE_IN_PROGRESS',
      phase: 'Pending',
      instances: { desired: 0, updated: 0, ready: 0, available: 0 },
      cluster_ids: [third],
    });
    const detail = (await api.request({ url: `/v1/applications/detail?name=l-b` })).json();
    assert.deepEqual(detail.applications[0], await read('l-b'));
    for (const [query, field] of [
      ['cluster=prod', 'cluster'],
      ['name=A', 'name'],
      ['sort_key=kind', 'sort_key'],
      ['limit=0', 'limit'],
    ] as const)
      expectError(await api.request({ url: `/v1/applications?${query}` }), 400, 'invalid_field', field);
    const missing = '00000000-0000-4000-8000-000000000000';
    expectError(
      await api.request({ url: `/v1/applications?marker=${missing}` }),
      400,
      'invalid_marker',
      'marker',
    );
    const v1 = (await api.request({ url: '/v1' })).json();
    assert.equal(v1.applications[0].href, 'http://localhost:80/v1/applications/');
  });
});
