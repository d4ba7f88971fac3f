import { strict as assert } from 'node:assert';
import { expectError } from './support/answers.ts';
import { startApi, type TestApi } from './support/api.ts';

interface Group {
  uuid: string;
  name: string;
  status: string;
  node_count: number;
}

describe('api: node groups', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  /** A cluster that is complete, and requests about its groups. */
  const begin = async (name: string, template: object = {}) => {
    const cluster_template_id = await api.template({ name: `t-${name}`, ...template });
    const uuid = await api.cluster({ name, cluster_template_id });
    await api.finish(uuid);
    const url = `/v1/clusters/${uuid}/nodegroups`;
    return {
      uuid,
      url,
      list: async (query = '') =>
        (await api.request({ url: `${url}${query}` })).json<{ nodegroups: Group[]; next?: string }>(),
      one: (ref: string, version = '1.14') => api.request({ url: `${url}/${ref}`, version }),
      create: (payload: object, version = '1.14', headers = {}) =>
        api.request({ method: 'POST', url, payload, version, headers }),
      patch: (ref: string, payload: object[], version = '1.14', headers = {}) =>
        api.request({ method: 'PATCH', url: `${url}/${ref}`, payload, version, headers }),
      remove: (ref: string) => api.request({ method: 'DELETE', url: `${url}/${ref}` }),
    };
  };
  const names = ({ nodegroups }: { nodegroups: Group[] }) => nodegroups.map(({ name }) => name);

  it('are two at first, as asked for', async () => {
    const uuid = await api.cluster({ name: 'two', node_count: 3, master_count: 3, flavor_id: 'm1.big' });
    const { nodegroups } = (await api.request({ url: '/v1/clusters/two/nodegroups' })).json();
    assert.deepEqual(
      nodegroups.map(
        ({ name, role, node_count, flavor_id, is_default, status }: Record<string, unknown>) => ({
          name,
          role,
          node_count,
          flavor_id,
          is_default,
          status,
        }),
      ),
      [
        {
          name: 'default-master',
          role: 'master',
          node_count: 3,
          flavor_id: null,
          is_default: true,
          status: 'CREATE_IN_PROGRESS',
        },
        {
          name: 'default-worker',
          role: 'worker',
          node_count: 3,
          flavor_id: 'm1.big',
          is_default: true,
          status: 'CREATE_IN_PROGRESS',
        },
      ],
    );
    const { parts } = (await api.request({ url: `/v1/operations?object=${uuid}` })).json().operations[0];
    assert.deepEqual(
      parts,
      nodegroups.map(({ uuid: id, name }: Group) => ({
        kind: 'nodegroup',
        uuid: id,
        name,
        action: 'create',
      })),
    );
  });

  it('are made, and go through their states with the operation on the cluster', async () => {
    const { uuid, create, one, list, remove } = await begin('life', { labels: { kube_tag: 'v1', a: '1' } });
    const answer = await create({
      name: 'pool',
      role: 'gpu',
      node_count: 2,
      min_node_count: 1,
      max_node_count: 4,
      labels: { a: 2, b: true },
      merge_labels: true,
      node_labels: { 'example.org/tier': 'x' },
      node_taints: [{ key: 'gpu', value: '', effect: 'NoSchedule' }],
    });
    assert.equal(answer.statusCode, 202, answer.body);
    const made = answer.json();
    assert.equal(
      answer.headers['location'],
      `http://localhost:80/v1/clusters/${uuid}/nodegroups/${made.uuid}`,
    );
    assert.equal(made.status, 'CREATE_IN_PROGRESS');
    assert.equal(made.actual_node_count, null);
    assert.deepEqual(made.labels, { kube_tag: 'v1', a: '2', b: 'True' });
    assert.deepEqual(
      [made.labels_overridden, made.labels_added, made.labels_skipped],
      [{ a: '1' }, { b: 'True' }, {}],
    );
    assert.deepEqual(made.node_labels, { 'example.org/tier': 'x' });
    const operation = (
      await api.request({ url: `/v1/operations/${String(answer.headers['cetus-operation-id'])}` })
    ).json();
    assert.equal(operation.requested, 'node-group-create');
    assert.equal(operation.action, 'update');
    assert.deepEqual(operation.parts, [
      { kind: 'nodegroup', uuid: made.uuid, name: 'pool', action: 'create' },
    ]);
    const cluster = (await api.request({ url: `/v1/clusters/${uuid}` })).json();
    assert.deepEqual([cluster.status, cluster.node_count], ['UPDATE_IN_PROGRESS', 3]);
    expectError(await create({ name: 'other' }), 409, 'operation_in_progress');
    await api.finish(uuid);
    const found = (await one('pool')).json();
    assert.deepEqual([found.status, found.actual_node_count], ['CREATE_COMPLETE', 2]);
    // Nothing happened to the others.
    assert.deepEqual(
      (await list()).nodegroups.map(({ status }) => status),
      ['CREATE_COMPLETE', 'CREATE_COMPLETE', 'CREATE_COMPLETE'],
    );

    assert.equal((await remove('pool')).statusCode, 204);
    assert.equal((await one(made.uuid)).json().status, 'DELETE_IN_PROGRESS');
    // A second time while it goes on is answered the same.
    assert.equal((await remove('pool')).statusCode, 204);
    expectError(await create({ name: 'pool' }), 409, 'conflict', 'name');
    await api.finish(uuid);
    expectError(await one('pool'), 404, 'not_found');
    expectError(await remove(made.uuid), 404, 'not_found');
    const again = await create({ name: 'pool' });
    assert.equal(again.statusCode, 202, again.body);
    assert.notEqual(again.json().uuid, made.uuid);
    const { spec } = await api.clusters.get({ kind: 'all' }, uuid);
    assert.equal(spec.node_groups.length, 3);
    const events = (await api.request({ url: `/v1/events?object=${uuid}&kind=nodegroup` })).json().events;
    assert.deepEqual(
      events
        .filter(({ data }: { data: { uuid: string } }) => data.uuid === made.uuid)
        .map(({ type }: { type: string }) => type),
      ['create.start', 'create.end', 'delete.start', 'delete.end'].map((what) => `cetus.nodegroup.${what}`),
    );
  });

  it('stay to be seen when their deletion fails', async () => {
    const { uuid, create, one, remove } = await begin('stays');
    await create({ name: 'pool' });
    await api.finish(uuid);
    await remove('pool');
    await api.finish(uuid, { code: 'back_end_error', message: 'It does not go' });
    const found = (await one('pool')).json();
    assert.deepEqual([found.status, found.status_reason], ['DELETE_FAILED', 'It does not go']);
    assert.equal(found.failure.code, 'back_end_error');
    expectError(await create({ name: 'pool' }), 409, 'conflict', 'name');
    assert.equal((await remove('pool')).statusCode, 204);
    await api.finish(uuid);
    expectError(await one('pool'), 404, 'not_found');
  });

  it('take from the cluster what the request does not say', async () => {
    const { create } = await begin('inherits', {
      flavor_id: 'm1.small',
      docker_volume_size: 9,
      labels: { kube_tag: 'v1' },
    });
    const made = (await create({ name: 'a', flavor_id: null, labels: null })).json();
    const { flavor_id, image_id, docker_volume_size, labels, role, node_count, min_node_count } = made;
    assert.deepEqual(
      { flavor_id, image_id, docker_volume_size, labels, role, node_count, min_node_count },
      {
        flavor_id: 'm1.small',
        image_id: 'ubuntu-22.04',
        docker_volume_size: 9,
        labels: { kube_tag: 'v1' },
        role: 'worker',
        node_count: 1,
        min_node_count: 0,
      },
    );
  });

  it('are refused when a number, a name or a role is not as Magnum has it', async () => {
    const { create, remove, patch } = await begin('rules');
    expectError(await create({ name: 'default-worker' }), 409, 'conflict', 'name');
    expectError(await create({ name: 'a', role: 'master' }), 400, 'invalid_field', 'role');
    expectError(
      await create({ name: 'a', min_node_count: 3, max_node_count: 2, node_count: 3 }),
      400,
      'invalid_field',
      'max_node_count',
    );
    expectError(await create({ name: 'a', min_node_count: 2 }), 400, 'invalid_field', 'node_count');
    expectError(
      await create({ name: 'a', node_count: 3, max_node_count: 2 }),
      400,
      'invalid_field',
      'node_count',
    );
    expectError(await create({ name: 'a', node_count: 5_000 }), 400, 'invalid_field', 'node_count');
    expectError(await create({ name: 'a', node_count: 0 }, '1.9'), 400, 'invalid_field', 'node_count');
    for (const name of ['default-master', 'default-worker'])
      expectError(await remove(name), 400, 'unsupported');
    const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];
    expectError(
      await patch('default-worker', replace('/min_node_count', 2)),
      400,
      'invalid_field',
      'node_count',
    );
    for (const field of ['node_count', 'name', 'labels', 'flavor_id', 'is_default', 'status'])
      expectError(await patch('default-worker', replace(`/${field}`, 1)), 400, 'invalid_field', field);
    expectError(await patch('default-worker', replace('/foo', 1)), 400, 'unknown_field', 'foo');
    expectError(
      await patch('default-worker', [{ op: 'replace', path: '/max_node_count' }]),
      400,
      'invalid_patch',
      '0/value',
    );
    for (const value of [-1, '5', 1.5, {}])
      expectError(
        await patch('default-worker', replace('/max_node_count', value)),
        400,
        'invalid_field',
        'max_node_count',
      );
  });

  it('have bounds, labels and taints that a patch changes', async () => {
    const { uuid, patch, one } = await begin('patched');
    const answer = await patch('default-worker', [
      { op: 'replace', path: '/max_node_count', value: 5 },
      { op: 'add', path: '/node_labels/a', value: 'b' },
      { op: 'add', path: '/node_taints/-', value: { key: 'k', value: 'v', effect: 'NoExecute' } },
    ]);
    assert.equal(answer.statusCode, 202, answer.body);
    assert.equal(answer.json().status, 'UPDATE_IN_PROGRESS');
    await api.finish(uuid);
    const found = (await one('default-worker')).json();
    assert.deepEqual(
      [found.max_node_count, found.node_labels, found.node_taints, found.status],
      [5, { a: 'b' }, [{ key: 'k', value: 'v', effect: 'NoExecute' }], 'UPDATE_COMPLETE'],
    );
    const removed = await patch('default-worker', [
      { op: 'remove', path: '/max_node_count' },
      { op: 'remove', path: '/node_labels' },
      { op: 'remove', path: '/node_taints/0' },
    ]);
    assert.deepEqual(
      [removed.json().max_node_count, removed.json().node_labels, removed.json().node_taints],
      [null, {}, []],
    );
  });

  it('are a part of the API from version 1.9, their labels from 1.14', async () => {
    const { url, create, one, patch } = await begin('versions');
    for (const version of ['1.1', '1.8', ''])
      expectError(await api.request({ url, version }), 406, 'not_acceptable');
    assert.equal((await api.request({ url, version: '1.9' })).statusCode, 200);
    assert.ok(!('node_labels' in (await one('default-worker', '1.13')).json()));
    assert.ok('node_labels' in (await one('default-worker')).json());
    expectError(await create({ name: 'a', node_labels: { a: 'b' } }, '1.13'), 406, 'not_acceptable');
    const labels = [{ op: 'add', path: '/node_labels/a', value: 'b' }];
    expectError(await patch('default-worker', labels, '1.13'), 406, 'not_acceptable');
  });

  it('are listed in pages, by role and in any order', async () => {
    const { uuid, list, url } = await begin('listed');
    for (const [name, role] of [
      ['c', 'gpu'],
      ['a', 'worker'],
      ['b', 'gpu'],
    ]) {
      await api.request({ method: 'POST', url, payload: { name, role, node_count: name === 'a' ? 7 : 1 } });
      await api.finish(uuid);
    }
    const all = ['default-master', 'default-worker', 'c', 'a', 'b'];
    assert.deepEqual(names(await list()), all);
    assert.deepEqual(names(await list('?sort_dir=desc')), [...all].reverse());
    assert.deepEqual(names(await list('?role=gpu&sort_key=name')), ['b', 'c']);
    assert.equal(names(await list('?sort_key=node_count&sort_dir=desc'))[0], 'a');
    const found: string[] = [];
    let next: string | undefined = `${url}?limit=2&sort_key=name`;
    while (next !== undefined) {
      const page: { nodegroups: Group[]; next?: string } = (await api.request({ url: next })).json();
      assert.ok(page.nodegroups.length <= 2);
      found.push(...names(page));
      next = page.next;
    }
    assert.deepEqual(found, [...all].sort());
    expectError(
      await api.request({ url: `${url}?marker=00000000-0000-4000-8000-000000000000` }),
      400,
      'invalid_marker',
      'marker',
    );
    expectError(await api.request({ url: `${url}?sort_key=labels` }), 400, 'invalid_field', 'sort_key');
  });

  it('are not more than a cluster can have', async () => {
    const { uuid, create } = await begin('many');
    await api.clusters.change({ kind: 'all' }, uuid, (current) => {
      const [, worker] = current.spec.node_groups;
      assert.ok(worker);
      const more = Array.from({ length: 62 }, (_, i) => ({ ...worker, uuid: `u${i}`, name: `n${i}` }));
      return {
        ...current,
        spec: { ...current.spec, node_groups: [...current.spec.node_groups, ...more] },
      };
    });
    expectError(await create({ name: 'one-more' }), 409, 'conflict');
  });

  it('are made once for one Idempotency-Key', async () => {
    const { uuid, create, list } = await begin('once');
    const key = { 'idempotency-key': 'k1' };
    const answers = await Promise.all([1, 2, 3].map(() => create({ name: 'a' }, '1.14', key)));
    const uuids = new Set(answers.map((answer) => answer.json().uuid));
    assert.equal(uuids.size, 1, answers.map(({ body }) => body).join());
    await api.finish(uuid);
    const again = await create({ name: 'a' }, '1.14', key);
    assert.deepEqual([again.statusCode, uuids.has(again.json().uuid)], [202, true]);
    assert.equal((await list()).nodegroups.length, 3);
    expectError(await create({ name: 'b' }, '1.14', key), 422, 'idempotency_key_reused', 'Idempotency-Key');
  });

  it('have the entity tag of their cluster', async () => {
    const { uuid, url, one, patch } = await begin('tags');
    const etag = String((await one('default-worker')).headers['etag']);
    assert.equal((await api.request({ url: `/v1/clusters/${uuid}` })).headers['etag'], etag);
    const headers = { 'if-none-match': etag };
    assert.equal((await api.request({ url: `${url}/default-worker`, headers })).statusCode, 304);
    const bounds = [{ op: 'replace', path: '/max_node_count', value: 5 }];
    expectError(
      await patch('default-worker', bounds, '1.14', { 'if-match': '"x"' }),
      412,
      'precondition_failed',
      'If-Match',
    );
    assert.equal((await patch('default-worker', bounds, '1.14', { 'if-match': etag })).statusCode, 202);
  });

  it('are checked by the conductor where they differ from the cluster', async () => {
    const { create } = await begin('checked');
    api.questions.length = 0;
    const usual = api.verdict.value;
    api.verdict.value = {
      problems: [{ field: 'image_id', code: 'image_not_found', detail: 'There is no image nope' }],
      image: null,
    };
    expectError(await create({ name: 'a', image_id: 'nope' }), 400, 'image_not_found', 'image_id');
    const [question] = api.questions;
    assert.deepEqual(question?.references, { image_id: 'nope' });
    assert.equal((await create({ name: 'a' })).statusCode, 202);
    assert.equal(api.questions.length, 1);
    api.verdict.value = usual;
  });
});
