import { strict as assert } from 'node:assert';
import type { StoredApplication } from '@cetus/shared/schemas';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

const FAILURE = { code: 'image_pull_failed', message: 'nginx:nope cannot be had' };

describe('api: actions on applications', () => {
  let api: TestApi;
  let cluster: string;
  let second: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
    second = await api.cluster({ name: 'second' });
  });
  after(() => api.close());

  const make = async (name: string, more: object = {}) => {
    const uuid = await api.application({
      name,
      placements: [{ cluster }, { cluster: second }, { selector: { tier: 'edge' } }],
      ...more,
    });
    await api.finishApplication(uuid);
    return uuid;
  };
  const act = (ref: string, action: string, payload: object = {}, token = 'member') =>
    api.request({ method: 'POST', url: `/v1/applications/${ref}/actions/${action}`, payload, token });
  const read = async (ref: string) => (await api.request({ url: `/v1/applications/${ref}` })).json();
  const requested = async (answer: { headers: Record<string, unknown> }) =>
    (await api.request({ url: `/v1/operations/${String(answer.headers['cetus-operation-id'])}` })).json()
      .requested;
  const stored = async (uuid: string): Promise<StoredApplication> => {
    const found = await api.store.db.collection<StoredApplication>('applications').findOne({ _id: uuid });
    assert.ok(found);
    return found;
  };

  it('scales everywhere, or in one cluster by what is different there', async () => {
    const uuid = await make('scaled', { replicas: 1 });
    const all = await act(uuid, 'scale', { replicas: 4 });
    assert.equal(all.statusCode, 202, all.body);
    assert.equal(await requested(all), 'scale');
    assert.equal((await act(uuid, 'scale', { replicas: 0, cluster: 'second' })).statusCode, 202);
    assert.equal((await act(uuid, 'scale', { replicas: 2, cluster: cluster.toUpperCase() })).statusCode, 202);
    const view = await read(uuid);
    assert.deepEqual(
      [view.replicas, view.placements.map(({ overrides }: { overrides?: object }) => overrides)],
      [4, [{ replicas: 2 }, { replicas: 0 }, undefined]],
    );
    // The number is of the form.
    assert.equal(view.revision, 4);
    const none = await act(uuid, 'scale', { replicas: 2, cluster: 'prod' });
    assert.deepEqual([none.statusCode, (await read(uuid)).revision], [202, 4]);
    const edge = await api.cluster({ name: 'edge' });
    expectError(await act(uuid, 'scale', { replicas: 1, cluster: edge }), 400, 'invalid_field', 'cluster');
    expectError(
      await act(uuid, 'scale', { replicas: 1, cluster: 'nope' }),
      400,
      'cluster_not_found',
      'cluster',
    );
    for (const replicas of [-1, 5_001, 1.5, '1', null])
      expectError(await act(uuid, 'scale', { replicas }), 400, 'invalid_field', 'replicas');
    expectError(await act(uuid, 'scale', {}), 400, 'missing_field', 'replicas');
  });

  it('does not scale what has no number, or one that follows the load', async () => {
    const daemon = await make('daemon', { kind: 'daemon' });
    expectError(await act(daemon, 'scale', { replicas: 2 }), 409, 'conflict');
    const resources = { requests: { cpu: '100m' } };
    const containers = [{ name: 'web', image: 'nginx', resources }];
    const autoscaling = { min_replicas: 1, max_replicas: 5, cpu_percent: 80 };
    const auto = await make('auto', { autoscaling, containers });
    expectError(await act(auto, 'scale', { replicas: 2 }), 409, 'conflict', 'replicas');
    expectError(await act(auto, 'scale', { replicas: 2, cluster: 'prod' }), 409, 'conflict', 'replicas');
    const there = await make('auto-there', {
      containers,
      placements: [{ cluster, overrides: { autoscaling } }, { cluster: second }],
    });
    expectError(await act(there, 'scale', { replicas: 2, cluster: 'prod' }), 409, 'conflict', 'replicas');
    assert.equal((await act(there, 'scale', { replicas: 2, cluster: 'second' })).statusCode, 202);
    assert.equal((await act(there, 'scale', { replicas: 3 })).statusCode, 202);
  });

  it('restarts, stops, starts, pauses and resumes, with no revision for it', async () => {
    const uuid = await make('acted');
    const before = Date.now();
    const restart = await act(uuid, 'restart');
    assert.equal(await requested(restart), 'restart');
    const { restarted_at, status } = await read(uuid);
    assert.equal(status, 'UPDATE_IN_PROGRESS');
    assert.ok(Date.parse(restarted_at) >= before);
    assert.equal(await requested(await act(uuid, 'stop')), 'stop');
    const { operation_id } = await read(uuid);
    // It is stopped already: nothing is left to do.
    assert.equal((await act(uuid, 'stop')).headers['cetus-operation-id'], operation_id);
    expectError(await act(uuid, 'restart'), 409, 'conflict');
    assert.equal((await read(uuid)).stopped, true);
    assert.equal(await requested(await act(uuid, 'start')), 'start');
    assert.equal(await requested(await act(uuid, 'pause')), 'pause');
    expectError(await act(uuid, 'restart'), 409, 'conflict');
    const paused = await read(uuid);
    assert.deepEqual([paused.stopped, paused.paused], [false, true]);
    // What is changed meanwhile does not end it.
    const payload = [{ op: 'replace', path: '/containers/0/image', value: 'nginx:2' }];
    await api.request({ method: 'PATCH', url: `/v1/applications/${uuid}`, payload });
    assert.deepEqual((await read(uuid)).paused, true);
    assert.equal(await requested(await act(uuid, 'resume')), 'resume');
    const view = await read(uuid);
    assert.deepEqual([view.paused, view.revision, view.restarted_at], [false, 2, restarted_at]);
    for (const action of ['restart', 'pause', 'resume', 'run', 'stop', 'start', 'retry', 'resync'])
      expectError(await act(uuid, action, { foo: 1 }), 400, 'unknown_field', 'foo');
  });

  it('runs jobs, which are neither paused nor restarted', async () => {
    const job = await make('job', { kind: 'job' });
    assert.equal(await requested(await act(job, 'run')), 'run');
    await act(job, 'run');
    assert.equal((await read(job)).runs, 2);
    for (const action of ['pause', 'resume', 'restart']) expectError(await act(job, action), 409, 'conflict');
    await act(job, 'stop');
    expectError(await act(job, 'run'), 409, 'conflict');
    const web = await make('no-job');
    expectError(await act(web, 'run'), 409, 'conflict');
  });

  it('tries again what failed, and asks for a look in any state', async () => {
    const uuid = await make('retried');
    expectError(await act(uuid, 'retry'), 409, 'conflict');
    await act(uuid, 'scale', { replicas: 9 });
    await api.finishApplication(uuid, FAILURE);
    const view = await read(uuid);
    assert.deepEqual(
      [view.status, view.status_reason, view.failure],
      ['UPDATE_FAILED', FAILURE.message, FAILURE],
    );
    const retry = await act(uuid, 'retry');
    assert.equal(await requested(retry), 'retry');
    expectError(await act(uuid, 'retry'), 409, 'operation_in_progress');
    assert.deepEqual((await act(uuid, 'resync')).json(), { uuid });
    assert.deepEqual(api.commands.at(-1), { kind: 'application', id: uuid, reason: 'resync' });
    assert.equal((await read(uuid)).revision, 2);
  });

  it('goes back from a change that goes on or has failed, to what was applied', async () => {
    const uuid = await make('back', { replicas: 1 });
    await act(uuid, 'scale', { replicas: 2 });
    const going = await act(uuid, 'rollback');
    assert.equal(await requested(going), 'rollback');
    assert.deepEqual([(await read(uuid)).status, (await read(uuid)).replicas], ['ROLLBACK_IN_PROGRESS', 1]);
    await api.finishApplication(uuid);
    assert.equal((await read(uuid)).revision, 1);
    await act(uuid, 'scale', { replicas: 3 });
    await api.finishApplication(uuid, FAILURE);
    assert.equal(await requested(await act(uuid, 'rollback', {})), 'rollback');
    const fresh = await api.application({ name: 'fresh', placements: [{ cluster }] });
    await act(fresh, 'scale', { replicas: 3 });
    // Nothing of it was ever there.
    expectError(await act(fresh, 'rollback'), 409, 'conflict');
  });

  it('goes back to a revision, with what was asked since', async () => {
    const uuid = await make('revert', { replicas: 1, secrets: [{ name: 'db', values: { A: 'x' } }] });
    expectError(await act(uuid, 'rollback'), 409, 'conflict');
    const url = `/v1/applications/${uuid}`;
    const first = (await stored(uuid)).spec.sealed;
    await api.request({
      method: 'PATCH',
      url,
      payload: [
        { op: 'replace', path: '/replicas', value: 2 },
        { op: 'add', path: '/secrets/0/values', value: { B: 'y' } },
      ],
    });
    await act(uuid, 'stop');
    await api.finishApplication(uuid);
    const back = await act(uuid, 'rollback');
    assert.equal(await requested(back), 'revert');
    const view = await read(uuid);
    assert.deepEqual(
      [view.status, view.replicas, view.stopped, view.revision, view.secrets],
      ['UPDATE_IN_PROGRESS', 1, true, 3, [{ name: 'db', keys: ['A'] }]],
    );
    // The values that it had then, which nobody has seen since.
    assert.deepEqual((await stored(uuid)).spec.sealed, first);
    await api.finishApplication(uuid);
    assert.equal(await requested(await act(uuid, 'rollback', { revision: 2 })), 'revert');
    assert.deepEqual([(await read(uuid)).replicas, (await read(uuid)).revision], [2, 4]);
    await api.finishApplication(uuid);
    const { operation_id } = await read(uuid);
    // That is what there is.
    const same = await act(uuid, 'rollback', { revision: 4 });
    assert.equal(same.headers['cetus-operation-id'], operation_id);
    expectError(await act(uuid, 'rollback', { revision: 9 }), 400, 'invalid_field', 'revision');
    for (const revision of [0, '1', 1.5, null])
      expectError(await act(uuid, 'rollback', { revision }), 400, 'invalid_field', 'revision');
    const none = await api.request({ method: 'POST', url: `${url}/actions/rollback` });
    assert.equal(none.statusCode, 202, none.body);
  });

  it('does not go back to where it cannot', async () => {
    const old = await api.cluster({ name: 'old' });
    const uuid = await make('stranded', { placements: [{ cluster: old }] });
    await api.request({
      method: 'PUT',
      url: `/v1/applications/${uuid}`,
      payload: { placements: [{ cluster }], containers: [{ name: 'web', image: 'nginx' }] },
    });
    await api.finishApplication(uuid);
    await api.request({ method: 'DELETE', url: `/v1/clusters/${old}` });
    await api.finish(old);
    expectError(await act(uuid, 'rollback'), 400, 'cluster_not_found', 'revision');
  });

  it('needs the role member', async () => {
    const uuid = await make('guarded');
    for (const action of [
      'scale',
      'restart',
      'stop',
      'start',
      'pause',
      'resume',
      'run',
      'rollback',
      'retry',
      'resync',
    ]) {
      expectError(await act(uuid, action, { replicas: 1 }, 'reader'), 403, 'forbidden');
      expectError(
        await act(uuid, action, action === 'scale' ? { replicas: 1 } : {}, 'other'),
        404,
        'not_found',
      );
    }
  });
});
