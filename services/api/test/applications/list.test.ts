import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import {
  APPLICATION_KINDS,
  type Condition,
  type Observation,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { BRIEF_FIELDS } from '../../src/applications/fields.ts';
import { expectError } from '../support/answers.ts';
import { PROJECT, startApi, type TestApi } from '../support/api.ts';

const names = ({ applications }: { applications: { name: string }[] }) =>
  applications.map(({ name }) => name).sort();

describe('api: applications, lists', () => {
  let api: TestApi;
  let cluster: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
  });
  after(() => api.close());

  const list = async (query: string, token = 'member') => {
    const answer = await api.request({ url: `/v1/applications?${query}`, token });
    assert.equal(answer.statusCode, 200, answer.body);
    return answer.json();
  };
  const applications = () => api.store.db.collection<StoredApplication>('applications');

  it('are narrowed down to a kind', async () => {
    const more = { cronjob: { cron: { schedule: '@daily' } } } as Record<string, object>;
    for (const kind of APPLICATION_KINDS) {
      for (const name of [`${kind}-1`, `${kind}-2`])
        await api.application({ name, kind, ...more[kind], placements: [{ cluster }] });
    }
    for (const kind of APPLICATION_KINDS) {
      assert.deepEqual(names(await list(`kind=${kind}`)), [`${kind}-1`, `${kind}-2`]);
      const detail = await api.request({ url: `/v1/applications/detail?kind=${kind}` });
      assert.deepEqual(names(detail.json()), [`${kind}-1`, `${kind}-2`]);
    }
    const first = await list('kind=job&sort_key=name&limit=1');
    assert.deepEqual(names(first), ['job-1']);
    const next = new URL(first.next);
    assert.equal(next.searchParams.get('kind'), 'job');
    assert.deepEqual(names((await api.request({ url: `${next.pathname}${next.search}` })).json()), ['job-2']);
    assert.deepEqual(names(await list(`kind=job&name=job-2&cluster=${cluster}`)), ['job-2']);
    assert.deepEqual(names(await list('kind=job&name=daemon-1')), []);
    assert.deepEqual(names(await list('kind=job', 'other')), []);
    assert.deepEqual(names(await list('kind=job&all_projects=true', 'admin')), ['job-1', 'job-2']);
  });

  it('are narrowed down to a status, as it is shown', async () => {
    const cluster = await api.cluster({ name: 'statuses' });
    const of = (status: string) => list(`status=${status}&cluster=${cluster}`).then(names);
    const make = (name: string) => api.application({ name, placements: [{ cluster }] });
    const going = await make('s-going');
    const complete = await make('s-complete');
    const failed = await make('s-failed');
    await api.finishApplication(complete);
    await api.finishApplication(failed, { code: 'internal', message: 'no' });
    assert.deepEqual(await of('CREATE_IN_PROGRESS'), ['s-going']);
    assert.deepEqual(await of('CREATE_COMPLETE'), ['s-complete']);
    assert.deepEqual(await of('CREATE_FAILED'), ['s-failed']);
    // What goes on comes before what ended last.
    await api.request({ method: 'POST', url: `/v1/applications/${failed}/actions/retry` });
    await api.request({ method: 'POST', url: `/v1/applications/${complete}/actions/restart` });
    assert.deepEqual(await of('CREATE_FAILED'), []);
    assert.deepEqual(await of('CREATE_COMPLETE'), []);
    assert.deepEqual(await of('CREATE_IN_PROGRESS'), ['s-failed', 's-going']);
    assert.deepEqual(await of('UPDATE_IN_PROGRESS'), ['s-complete']);
    await api.request({ method: 'DELETE', url: `/v1/applications/${going}` });
    assert.deepEqual(await of('DELETE_IN_PROGRESS'), ['s-going']);
    const shown = await list(`status=DELETE_IN_PROGRESS&cluster=${cluster}&kind=stateless`);
    assert.equal(shown.applications[0].status, 'DELETE_IN_PROGRESS');
    assert.deepEqual(names(await list(`status=DELETE_IN_PROGRESS&cluster=${cluster}&kind=job`)), []);
  });

  it('are narrowed down to those that are well, or not', async () => {
    const cluster = await api.cluster({ name: 'health' });
    const of = (healthy: string) => list(`healthy=${healthy}&cluster=${cluster}&sort_key=name`);
    const told = async (name: string, status: Condition['status']): Promise<void> => {
      const _id = await api.application({ name, placements: [{ cluster }] });
      const about = { reason: 'Seen', message: '', since: '2026-01-02T03:04:05Z' };
      const health_conditions = [
        { type: 'Healthy', status, ...about },
        { type: 'ScalingActive', status: 'False' as const, ...about },
      ];
      await applications().updateOne({ _id }, { $set: { health_conditions } });
    };
    await told('h-well', 'True');
    await told('h-bad', 'False');
    await told('h-worse', 'False');
    await told('h-unknown', 'Unknown');
    await api.application({ name: 'h-new', placements: [{ cluster }] });
    assert.deepEqual(names(await of('true')), ['h-well']);
    assert.deepEqual(names(await of('false')), ['h-bad', 'h-worse']);
    const first = await of('false&limit=1');
    assert.deepEqual(names(first), ['h-bad']);
    const next = new URL(first.next);
    const rest = await api.request({ url: `${next.pathname}${next.search}` });
    assert.deepEqual(names(rest.json()), ['h-worse']);
    assert.deepEqual(names(await list(`healthy=false&name=h-well`)), []);
    assert.deepEqual(names(await list('healthy=false', 'other')), []);
    assert.deepEqual(names(await list('healthy=false&all_projects=true', 'admin')), ['h-bad', 'h-worse']);
  });

  it('name what is wrong with a filter', async () => {
    for (const path of ['/v1/applications', '/v1/applications/detail']) {
      for (const [query, field] of [
        ['kind=Stateless', 'kind'],
        ['kind=', 'kind'],
        ['kind=job&kind=daemon', 'kind'],
        ['status=create_failed', 'status'],
        ['status=FAILED', 'status'],
        ['status=', 'status'],
        ['healthy=False', 'healthy'],
        ['healthy=', 'healthy'],
        ['healthy=1', 'healthy'],
      ] as const)
        expectError(await api.request({ url: `${path}?${query}` }), 400, 'invalid_field', field);
      expectError(await api.request({ url: `${path}?phase=Failed` }), 400, 'unknown_field', 'phase');
    }
    const { errors } = (await api.request({ url: '/v1/applications?kind=pod' })).json();
    assert.equal(errors[0].detail, 'kind must be one of stateless, stateful, daemon, job, cronjob');
  });

  it('read no causes when they are in brief', async () => {
    const uuid = await api.application({ name: 'logs', placements: [{ cluster }] });
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const seen = (): Observation => ({
      phase: 'Degraded',
      generation: 1,
      settled: true,
      replicas: { desired: 3, updated: 2, ready: 1, available: 1 },
      cause: {
        reason: 'CrashLoopBackOff',
        message: 'The container ends.',
        instance: 'logs-1',
        log: 'A LINE OF A LOG\n'.repeat(256),
      },
      service: { cluster_ip: '10.96.0.1', node_ports: {}, load_balancer: [], ingress: [] },
      since: new Date('2026-01-02T03:04:05Z'),
      token: 1,
    });
    const stored = await applications().findOne({ _id: uuid });
    const [placement] = stored?.status.placements ?? [];
    await applications().updateOne(
      { _id: uuid },
      {
        $set: {
          'status.placements': ids.map((cluster_id) => ({ ...placement, cluster_id })),
          observed: Object.fromEntries(ids.map((id) => [id, seen()])),
        },
      },
    );
    const read = async (fields?: typeof BRIEF_FIELDS) => {
      const page = { limit: 1, sortKey: 'uuid', sortDir: 'asc' } as const;
      const { items } = await api.applications.list({ kind: 'project', projectId: PROJECT }, page, fields, {
        name: 'logs',
      });
      return items[0] as StoredApplication;
    };
    const brief = await read(BRIEF_FIELDS);
    assert.deepEqual(Object.keys(brief.observed).sort(), [...ids].sort());
    for (const one of Object.values(brief.observed)) {
      assert.deepEqual(one, { phase: 'Degraded', generation: 1, replicas: seen().replicas });
    }
    const bytes = JSON.stringify(brief).length;
    const all = JSON.stringify(await read()).length;
    assert.ok(all > 20 * 4096 && bytes < 10_000, `${String(bytes)} bytes of ${String(all)}`);
    // What is shown is the same.
    const { phase, instances } = (await list('name=logs')).applications[0];
    assert.deepEqual(
      [phase, instances],
      ['Degraded', { desired: 60, updated: 40, ready: 20, available: 20 }],
    );
  });
});
