import { strict as assert } from 'node:assert';
import type { OperationView } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import type { LightMyRequestResponse } from 'fastify';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

const FAILURE = { code: 'no_valid_host', message: 'No valid host was found' };

describe('api: actions on clusters', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  const begin = async (name: string, template: object = {}, cluster: object = {}) => {
    const cluster_template_id = await api.template({ name: `t-${name}`, ...template });
    const uuid = await api.cluster({ name, cluster_template_id, ...cluster });
    await api.finish(uuid);
    return {
      uuid,
      act: (action: string, payload: object = {}, version = '1.14') =>
        api.request({ method: 'POST', url: `/v1/clusters/${uuid}/actions/${action}`, payload, version }),
      read: async () => (await api.request({ url: `/v1/clusters/${uuid}` })).json(),
      group: async (ref: string) =>
        (await api.request({ url: `/v1/clusters/${uuid}/nodegroups/${ref}` })).json(),
      spec: async () => (await api.clusters.get({ kind: 'all' }, uuid)).spec,
    };
  };
  const operationOf = async ({ headers }: LightMyRequestResponse) =>
    (
      await api.request({ url: `/v1/operations/${String(headers['cetus-operation-id'])}` })
    ).json<OperationView>();

  describe('resize', () => {
    it('changes one group within its bounds', async () => {
      const { uuid, act, group, read } = await begin('resize');
      const url = `/v1/clusters/${uuid}/nodegroups`;
      await api.request({
        method: 'POST',
        url,
        payload: { name: 'pool', node_count: 3, min_node_count: 2, max_node_count: 4 },
      });
      await api.finish(uuid);
      for (const node_count of [1, 5])
        expectError(
          await act('resize', { node_count, nodegroup: 'pool' }),
          400,
          'invalid_field',
          'node_count',
        );
      const answer = await act('resize', { node_count: 4, nodegroup: 'pool' });
      assert.equal(answer.statusCode, 202, answer.body);
      const operation = await operationOf(answer);
      assert.deepEqual(
        [operation.requested, operation.parts.map(({ name, action }) => [name, action])],
        ['resize', [['pool', 'update']]],
      );
      assert.deepEqual(
        [(await group('pool')).node_count, (await group('pool')).status],
        [4, 'UPDATE_IN_PROGRESS'],
      );
      assert.deepEqual(
        [(await group('default-worker')).node_count, (await group('default-worker')).status],
        [1, 'CREATE_COMPLETE'],
      );
      assert.equal((await read()).node_count, 5);
    });

    it('lets the request name nodes that go, as many as go at most', async () => {
      const { uuid, act, spec } = await begin('remove', {}, { node_count: 4 });
      const resize = (node_count: number, ...nodes_to_remove: string[]) =>
        act('resize', { node_count, nodes_to_remove });
      expectError(await resize(3, 'a', 'b'), 400, 'invalid_field', 'nodes_to_remove');
      expectError(await resize(4, 'a'), 400, 'invalid_field', 'nodes_to_remove');
      expectError(await resize(5, 'a'), 400, 'invalid_field', 'nodes_to_remove');
      assert.equal((await resize(2, 'a')).statusCode, 202);
      assert.deepEqual((await spec()).node_groups[1]?.nodes_to_remove, ['a']);
      await api.finish(uuid);
      assert.equal((await resize(1, 'b')).statusCode, 202);
      await api.finish(uuid);
      // Nodes that went are not wanted away once more when something else changes.
      const more = {
        method: 'POST' as const,
        url: `/v1/clusters/${uuid}/nodegroups`,
        payload: { name: 'more' },
      };
      assert.equal((await api.request(more)).statusCode, 202);
      assert.deepEqual((await spec()).node_groups[1]?.nodes_to_remove, []);
    });

    it('refuses masters, groups that there are not, and what the driver cannot do', async () => {
      const { act } = await begin('refused');
      expectError(
        await act('resize', { node_count: 3, nodegroup: 'default-master' }),
        400,
        'unsupported',
        'nodegroup',
      );
      expectError(
        await act('resize', { node_count: 3, nodegroup: 'nope' }),
        400,
        'node_group_not_found',
        'nodegroup',
      );
      expectError(await act('resize', { node_count: 3 }, '1.6'), 406, 'not_acceptable');
      const plain = await begin('plain', { driver: 'plain' });
      const answer = await plain.act('resize', { node_count: 3 });
      expectError(answer, 400, 'unsupported', 'node_count');
      assert.match(answer.body, /driver plain cannot change the number of nodes/);
    });
  });

  describe('upgrade', () => {
    const NEW = { image_id: 'ubuntu-24.04', labels: { kube_tag: 'v1.30.1', other: 'x' } };
    const begun = (name: string, cluster: object = {}) =>
      begin(name, { labels: { kube_tag: 'v1.29.4' } }, cluster);

    it('gives the default groups the image and the version of another template', async () => {
      const { act, read, spec, group } = await begun('upgrade', { node_count: 5 });
      const template = await api.template({ name: 'new', ...NEW });
      const answer = await act('upgrade', { cluster_template: 'new', max_batch_size: 2, nodegroup: null });
      assert.equal(answer.statusCode, 202, answer.body);
      const operation = await operationOf(answer);
      assert.deepEqual(
        [operation.requested, operation.parts.map(({ name }) => name)],
        ['upgrade', ['default-master', 'default-worker']],
      );
      // As long as making the cluster, for the master and three batches of workers.
      const minutes = (Date.parse(operation.deadline_at) - Date.parse(operation.accepted_at)) / 60_000;
      assert.equal(Math.round(minutes), 240);
      const { node_groups, max_batch_size, image_id } = await spec();
      assert.deepEqual([max_batch_size, image_id], [2, 'ubuntu-24.04']);
      for (const one of node_groups) {
        assert.deepEqual(
          [one.cluster_template_id, one.image_id, one.labels],
          [template, 'ubuntu-24.04', { kube_tag: 'v1.30.1' }],
        );
      }
      const cluster = await read();
      assert.deepEqual(
        [cluster.cluster_template_id, cluster.labels, cluster.labels_skipped, cluster.status],
        [template, { kube_tag: 'v1.30.1' }, { other: 'x' }, 'UPDATE_IN_PROGRESS'],
      );
      assert.equal((await group('default-worker')).status, 'UPDATE_IN_PROGRESS');
    });

    it('changes masters before workers, and added groups after the cluster', async () => {
      const { uuid, act, group } = await begun('order');
      const template = await api.template({ name: 'ordered', ...NEW });
      const url = `/v1/clusters/${uuid}/nodegroups`;
      await api.request({ method: 'POST', url, payload: { name: 'pool' } });
      await api.finish(uuid);
      const upgrade = (nodegroup: string) => act('upgrade', { cluster_template: template, nodegroup });
      expectError(await upgrade('default-worker'), 409, 'conflict', 'nodegroup');
      expectError(await upgrade('pool'), 400, 'invalid_field', 'cluster_template');
      expectError(await upgrade('nope'), 400, 'node_group_not_found', 'nodegroup');
      for (const name of ['default-master', 'default-worker', 'pool']) {
        const answer = await upgrade(name);
        assert.equal(answer.statusCode, 202, answer.body);
        assert.deepEqual(
          (await operationOf(answer)).parts.map((part) => part.name),
          [name],
        );
        await api.finish(uuid);
        const found = await group(name);
        assert.deepEqual([found.cluster_template_id, found.labels.kube_tag], [template, 'v1.30.1']);
      }
    });

    it('has as long again when it is repeated, and as long to be undone', async () => {
      const { uuid, act } = await begun('repeated', { node_count: 5 });
      await api.template({ name: 'newer', ...NEW });
      const hours = async (answer: LightMyRequestResponse): Promise<number> => {
        const { accepted_at, deadline_at } = await operationOf(answer);
        return (Date.parse(deadline_at) - Date.parse(accepted_at)) / 3_600_000;
      };
      assert.equal(await hours(await act('upgrade', { cluster_template: 'newer' })), 6);
      await api.finish(uuid, FAILURE);
      assert.equal(await hours(await act('retry')), 6);
      assert.equal(await hours(await act('rollback')), 6);
      await api.finish(uuid);
      assert.equal(await hours(await act('resize', { node_count: 4 })), 1);
    });

    it('goes only forward, by templates of the same driver, from version 1.8 on', async () => {
      const { act } = await begun('forward');
      const upgrade = async (template: object, version = '1.14') =>
        act('upgrade', { cluster_template: await api.template(template) }, version);
      expectError(
        await upgrade({ labels: { kube_tag: 'v1.28.9' } }),
        400,
        'invalid_field',
        'cluster_template',
      );
      expectError(await upgrade({ driver: 'plain' }), 400, 'invalid_field', 'cluster_template');
      expectError(
        await act('upgrade', { cluster_template: 'nope' }),
        400,
        'cluster_template_not_found',
        'cluster_template',
      );
      expectError(await upgrade(NEW, '1.7'), 406, 'not_acceptable');
      const plain = await begin('not-plain', { driver: 'plain' });
      expectError(await plain.act('upgrade', { cluster_template: 't-not-plain' }), 400, 'unsupported');
      assert.equal((await upgrade({ labels: { kube_tag: 'v1.29.4' } })).statusCode, 202);
    });

    it('may follow one that failed, to any version from the one before', async () => {
      const { uuid, act } = await begun('failed');
      const to = async (kube_tag: string) =>
        act('upgrade', { cluster_template: await api.template({ labels: { kube_tag } }) });
      assert.equal((await to('v1.31.0')).statusCode, 202);
      await api.finish(uuid, FAILURE);
      expectError(await to('v1.28.0'), 400, 'invalid_field', 'cluster_template');
      assert.equal((await to('v1.30.0')).statusCode, 202);
    });
  });

  describe('rollback', () => {
    it('goes back from a change that failed, and what comes next begins there', async () => {
      const { uuid, act, read, spec, group } = await begin('rollback', {}, { node_count: 2 });
      expectError(await act('rollback'), 409, 'conflict');
      await act('resize', { node_count: 9 });
      await api.finish(uuid, FAILURE);
      assert.deepEqual([(await read()).status, (await read()).node_count], ['UPDATE_FAILED', 9]);
      const answer = await act('rollback');
      assert.equal(answer.statusCode, 202, answer.body);
      const operation = await operationOf(answer);
      assert.deepEqual(
        [operation.action, operation.requested, operation.parts.map(({ name, action }) => [name, action])],
        ['rollback', 'rollback', [['default-worker', 'rollback']]],
      );
      assert.deepEqual([(await read()).status, (await read()).node_count], ['ROLLBACK_IN_PROGRESS', 2]);
      assert.equal((await group('default-worker')).node_count, 2);
      await api.finish(uuid, null, {
        applied_spec: (await api.clusters.get({ kind: 'all' }, uuid)).status.applied_spec,
      });
      assert.equal((await read()).status, 'ROLLBACK_COMPLETE');
      const [brief] = (
        await api.request({ url: '/v1/clusters?sort_key=created_at&sort_dir=desc&limit=1' })
      ).json().clusters;
      assert.deepEqual([brief.uuid, brief.node_count], [uuid, 2]);
      // The nine workers that failed are forgotten.
      const url = `/v1/clusters/${uuid}/nodegroups/default-master`;
      const payload = [{ op: 'replace', path: '/max_node_count', value: 5 }];
      assert.equal((await api.request({ method: 'PATCH', url, payload })).statusCode, 202);
      assert.equal((await spec()).node_groups[1]?.node_count, 2);
    });

    it('goes back from an upgrade whole', async () => {
      const { uuid, act, read, spec } = await begin('downgrade', { labels: { kube_tag: 'v1.29.4' } });
      const before = await spec();
      const labels = { kube_tag: 'v1.30.1' };
      await act('upgrade', { cluster_template: await api.template({ labels, image_id: 'newer' }) });
      await api.finish(uuid, FAILURE);
      assert.equal((await act('rollback')).statusCode, 202);
      const { cluster_template_id, labels: shown } = await read();
      assert.deepEqual([cluster_template_id, shown], [before.cluster_template_id, { kube_tag: 'v1.29.4' }]);
      await api.finish(uuid, null, { applied_spec: before });
      assert.equal((await act('resize', { node_count: 2 })).statusCode, 202);
      const after = await spec();
      assert.deepEqual(
        [after.cluster_template_id, after.image_id, after.labels],
        [before.cluster_template_id, before.image_id, before.labels],
      );
    });

    it('is what counts when the cluster is deleted then', async () => {
      const { uuid, act, read } = await begin('gone-back', {}, { node_count: 2 });
      await act('resize', { node_count: 9 });
      await api.finish(uuid, FAILURE);
      await act('rollback');
      assert.equal((await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}` })).statusCode, 204);
      assert.deepEqual([(await read()).status, (await read()).node_count], ['DELETE_IN_PROGRESS', 2]);
    });

    it('takes the place of a change that goes on', async () => {
      const { act } = await begin('instead');
      const update = await act('resize', { node_count: 9 });
      const answer = await act('rollback');
      assert.equal(answer.statusCode, 202, answer.body);
      await waitFor(async () => (await operationOf(update)).state === 'CANCELLED');
    });

    it('is refused when nothing was there before, and by a driver that cannot', async () => {
      const uuid = await api.cluster({ name: 'never', cluster_template_id: await api.template() });
      await api.finish(uuid, FAILURE);
      const url = `/v1/clusters/${uuid}/actions/rollback`;
      expectError(await api.request({ method: 'POST', url }), 409, 'conflict');
      const plain = await begin('no-rollback', { driver: 'plain' });
      expectError(await plain.act('rollback'), 400, 'unsupported');
    });

    it('is begun by a failure when a PATCH says so', async () => {
      const { uuid, read } = await begin('on-failure');
      const patch = (query: string, version = '1.14') =>
        api.request({
          method: 'PATCH',
          // As python-magnumclient writes it.
          url: `/v1/clusters/${uuid}/?rollback=${query}`,
          payload: [{ op: 'replace', path: '/node_count', value: 7 }],
          version,
        });
      expectError(await patch('True', '1.2'), 406, 'not_acceptable');
      expectError(await patch('x'), 400, 'invalid_field', 'rollback');
      const answer = await patch('True');
      assert.equal(answer.statusCode, 202, answer.body);
      assert.equal((await operationOf(answer)).rollback_on_failure, true);
      await api.finish(uuid, FAILURE);
      assert.deepEqual([(await read()).status, (await read()).node_count], ['ROLLBACK_IN_PROGRESS', 1]);
    });
  });

  describe('delete', () => {
    it('removes all groups, and can be forced while it goes on', async () => {
      const { uuid, read, group } = await begin('force');
      const remove = (query = '') => api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}${query}` });
      const first = await remove();
      assert.equal(first.statusCode, 204);
      const operation = await operationOf(first);
      assert.deepEqual([operation.force, operation.parts.length], [false, 2]);
      assert.equal((await group('default-worker')).status, 'DELETE_IN_PROGRESS');
      expectError(await remove('?force=maybe'), 400, 'invalid_field', 'force');
      const second = await remove('?force=true');
      assert.notEqual(second.headers['cetus-operation-id'], first.headers['cetus-operation-id']);
      assert.equal((await operationOf(second)).force, true);
      await waitFor(async () => (await operationOf(first)).state === 'CANCELLED');
      const third = await remove('?force=True');
      assert.equal(third.headers['cetus-operation-id'], second.headers['cetus-operation-id']);
      assert.equal((await remove()).headers['cetus-operation-id'], second.headers['cetus-operation-id']);
      assert.equal((await read()).status, 'DELETE_IN_PROGRESS');
    });
  });

  it('shows what an operation waits for and what it left', async () => {
    const { uuid } = await begin('blocked');
    const answer = await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}` });
    const service = {
      kind: 'Service',
      namespace: 'default',
      name: 'web',
      reason: 'Its load balancer is there',
    };
    await api.store.db
      .collection<{ _id: string }>('clusters')
      .updateOne({ _id: uuid }, { $set: { 'operation.blocked_by': [service], 'operation.left_behind': [] } });
    const operation = await operationOf(answer);
    assert.deepEqual([operation.blocked_by, operation.left_behind], [[service], []]);
  });
});
