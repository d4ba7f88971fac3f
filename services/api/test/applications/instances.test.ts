import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';
import { instance } from '../support/application-service.ts';

describe('api: instances of applications', () => {
  let api: TestApi;
  let cluster: string;
  let second: string;
  let uuid: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
    second = await api.cluster({ name: 'second' });
    uuid = await api.application({ name: 'pods', placements: [{ cluster }, { cluster: second }] });
  });
  after(() => api.close());

  const get = (path: string, token = 'member') => api.request({ url: `/v1/applications/${path}`, token });
  const remove = (path: string, token = 'member') =>
    api.request({ method: 'DELETE', url: `/v1/applications/${path}`, token });
  const names = (answer: { json: () => { instances: { name: string; cluster_id: string }[] } }) =>
    answer.json().instances.map(({ name, cluster_id }) => [name, cluster_id === cluster ? 1 : 2]);

  it('are listed from all clusters or one, page by page; who could not be asked is named', async () => {
    const [low, high] = [cluster, second].sort() as [string, string];
    const problem = { cluster_id: second, code: 'back_end_unavailable', message: 'silent' };
    const restore = api.service.says('instances', ({ cluster_id }) => ({
      instances: [
        instance('pods-1', high),
        instance('pods-0', second),
        instance('pods-1', low),
        instance('pods-2', cluster),
      ].filter((one) => cluster_id === undefined || one.cluster_id === cluster_id),
      problems: cluster_id === cluster ? [] : [problem],
    }));
    const all = await get(`${uuid}/instances`);
    assert.equal(all.statusCode, 200, all.body);
    assert.deepEqual(
      all
        .json()
        .instances.map(({ name, cluster_id }: { name: string; cluster_id: string }) => [name, cluster_id]),
      [
        ['pods-0', second],
        ['pods-1', low],
        ['pods-1', high],
        ['pods-2', cluster],
      ],
    );
    assert.deepEqual(all.json().problems, [{ ...problem, cluster_name: 'second' }]);
    const pages: unknown[] = [];
    let url = `/v1/applications/pods/instances?limit=1`;
    for (let page = 0; url !== ''; page += 1) {
      assert.ok(page < 9);
      const answer = (await api.request({ url })).json();
      pages.push(...answer.instances.map(({ uid }: { uid: string }) => typeof uid));
      const next = answer.next === undefined ? undefined : new URL(answer.next);
      url = next === undefined ? '' : `${next.pathname}${next.search}`;
    }
    assert.equal(pages.length, 4);
    const one = await get(`${uuid}/instances?cluster=prod`);
    assert.ok(names(one).every(([, at]) => at === 1));
    assert.deepEqual(one.json().problems, []);
    assert.deepEqual(api.service.of('instances').at(-1), { id: uuid, cluster_id: cluster });
    assert.equal((await get(`${uuid}/instances?cluster=${second}`)).statusCode, 200);
    restore();
    for (const [query, code, field] of [
      ['cluster=nope', 'cluster_not_found', 'cluster'],
      ['cluster=..', 'invalid_field', 'cluster'],
      ['limit=0', 'invalid_field', 'limit'],
      ['marker=x', 'invalid_field', 'marker'],
      ['sort_key=name', 'unknown_field', 'sort_key'],
    ] as const)
      expectError(await get(`${uuid}/instances?${query}`), 400, code, field);
    expectError(await get(`${uuid}/instances`, 'other'), 404, 'not_found');
  });

  it('are read one by one, and told apart by their cluster', async () => {
    const there = [instance('db-0', cluster), instance('db-0', second), instance('only', second)];
    const restore = api.service.says('instances', ({ cluster_id }) => ({
      instances: there.filter((one) => cluster_id === undefined || one.cluster_id === cluster_id),
      problems: [],
    }));
    const only = await get(`${uuid}/instances/only`, 'reader');
    assert.deepEqual(only.json(), { ...there[2], cluster_name: 'second' });
    expectError(await get(`${uuid}/instances/db-0`), 409, 'ambiguous_name', 'cluster');
    assert.equal((await get(`${uuid}/instances/db-0?cluster=second`)).json().cluster_id, second);
    expectError(await get(`${uuid}/instances/nothing`), 404, 'not_found');
    expectError(await get(`${uuid}/instances/${'x'.repeat(254)}`), 400, 'invalid_field', 'instance');
    expectError(await get(`${uuid}/instances/%2E%2E%2Fsecrets`), 400, 'invalid_field', 'instance');
    restore();
    // It may be where nobody could look.
    const silent = api.service.says('instances', () => ({
      instances: [],
      problems: [{ cluster_id: second, code: 'back_end_unavailable', message: 'silent' }],
    }));
    expectError(await get(`${uuid}/instances/nothing`), 503, 'back_end_unavailable');
    silent();
  });

  it('are deleted, in the one cluster where they are', async () => {
    const restore = [
      api.service.says('instances', () => ({ instances: [instance('only', second)], problems: [] })),
      api.service.says('deleteInstance', () => ({})),
    ];
    const gone = await remove(`${uuid}/instances/only`);
    assert.deepEqual([gone.statusCode, gone.body], [204, '']);
    assert.deepEqual(api.service.of('deleteInstance').at(-1), {
      id: uuid,
      cluster_id: second,
      instance: 'only',
    });
    const asked = api.service.of('instances').length;
    assert.equal((await remove(`${uuid}/instances/only?cluster=prod`)).statusCode, 204);
    assert.deepEqual(api.service.of('deleteInstance').at(-1)?.['cluster_id'], cluster);
    const single = await api.application({ name: 'single', placements: [{ cluster }] });
    assert.equal((await remove(`${single}/instances/x-1`)).statusCode, 204);
    // There is nobody else to be asked.
    assert.equal(api.service.of('instances').length, asked);
    const calls = api.service.of('deleteInstance').length;
    expectError(await remove(`${uuid}/instances/only`, 'reader'), 403, 'forbidden');
    expectError(await remove(`${uuid}/instances/only`, 'other'), 404, 'not_found');
    expectError(await remove(`${uuid}/instances/other`), 404, 'not_found');
    assert.equal(api.service.of('deleteInstance').length, calls);
    for (const undo of restore) undo();
    expectError(await remove(`${single}/instances/x-1`), 404, 'not_found');
  });

  it('have events, the newest first', async () => {
    const event = (reason: string, last_seen: string | null, cluster_id = cluster) => ({
      cluster_id,
      type: 'Warning',
      reason,
      message: 'm',
      object: { kind: 'Pod', name: 'p' },
      count: 2,
      first_seen: '2026-01-01T00:00:00Z',
      last_seen,
      source: 'kubelet',
    });
    const problem = { cluster_id: second, code: 'back_end_unavailable', message: 'silent' };
    const restore = api.service.says('events', () => ({
      events: [
        event('Old', null),
        event('New', '2026-01-03T00:00:00Z'),
        event('Mid', '2026-01-02T00:00:00Z', second),
      ],
      problems: [problem],
    }));
    const answer = await get(`${uuid}/events`);
    assert.deepEqual(
      answer.json().events.map(({ reason, cluster_name }: Record<string, string>) => [reason, cluster_name]),
      [
        ['New', 'prod'],
        ['Mid', 'second'],
        ['Old', 'prod'],
      ],
    );
    assert.deepEqual(answer.json().problems, [{ ...problem, cluster_name: 'second' }]);
    assert.equal((await get(`${uuid}/events?limit=1&cluster=second`)).json().events.length, 1);
    assert.deepEqual(api.service.of('events').at(-1), { id: uuid, cluster_id: second });
    expectError(await get(`${uuid}/events?limit=501`), 400, 'invalid_field', 'limit');
    restore();
  });

  it('say so when nobody answers', async () => {
    for (const [code, status] of [
      ['request_deadline_exceeded', 504],
      ['bus_unavailable', 503],
    ] as const) {
      const fail = (): never => {
        throw new CetusError(code, 'nobody');
      };
      const undo = [api.service.says('instances', fail), api.service.says('events', fail)];
      expectError(await get(`${uuid}/instances`), status, code);
      expectError(await get(`${uuid}/events`), status, code);
      for (const one of undo) one();
    }
    expectError(await get(`${randomUUID()}/instances`), 404, 'not_found');
  });
});
