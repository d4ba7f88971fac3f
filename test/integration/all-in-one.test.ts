import { strict as assert } from 'node:assert';
import type { CloudEvent } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { MongoClient } from 'mongodb';
import { AllInOne } from './support/all-in-one.ts';
import type { CetusClient, Cluster } from './support/cetus-client.ts';
import { disorder, EventFollower } from './support/event-follower.ts';

/** Without the conditions, which come in between: what operations did. */
function milestones(events: readonly CloudEvent[]): string[] {
  return events
    .map(({ type }) => type)
    .filter((type) => /^cetus\.cluster\.(create|update|delete|rollback)\./.test(type))
    .map((type) => type.replace('cetus.cluster.', ''));
}

function condition(cluster: Cluster, type: string): string | undefined {
  return cluster.conditions.find((one) => one.type === type)?.status;
}

describe('integration: all services in one process', function () {
  this.timeout(180_000);
  let cetus: AllInOne;
  let client: CetusClient;
  let template: string;

  before(async () => {
    cetus = await AllInOne.start();
    client = await cetus.signIn();
    template = await client.template();
  });
  after(() => cetus?.close());
  afterEach(() => cetus.cloud.calm());

  it('creates, grows and deletes a cluster, and tells of it in order', async () => {
    const follower = new EventFollower(client);
    try {
      await follower.ready;
      const uuid = await client.create(template, { name: 'story', node_count: 2 });
      assert.equal((await client.cluster(uuid)).status, 'CREATE_IN_PROGRESS');
      const made = await client.until(uuid, 'CREATE_COMPLETE');
      assert.equal(made.actual_node_count, 2);
      assert.equal(made.node_addresses.length, 2);
      assert.match(String(made.api_address), /^https:/);
      assert.equal(condition(made, 'Ready'), 'True');
      const { clusters } = await client.ok<{ clusters: Partial<Cluster>[] }>('/v1/clusters');
      const listed = clusters.find((one) => one.uuid === uuid);
      assert.ok(listed?.cluster_id, 'the stack');
      assert.deepEqual({ ...made, ...listed }, made, 'a list says the same');

      await client.resize(uuid, 5);
      const grown = await client.until(uuid, 'UPDATE_COMPLETE');
      assert.equal(grown.actual_node_count, 5);
      assert.equal(grown.node_addresses.length, 5);

      await client.delete(uuid);
      await client.untilGone(uuid);
      const recorded = await waitFor(async () => {
        const events = await client.events(uuid);
        return milestones(events).includes('delete.end') && events;
      });
      const followed = await waitFor(() => {
        const events = follower.of(uuid);
        return events.length >= recorded.length && events;
      });
      assert.deepEqual(disorder(followed), []);
      assert.deepEqual(disorder(recorded), []);
      const story = [
        'create.start',
        'create.end',
        'update.start',
        'update.end',
        'delete.start',
        'delete.end',
      ];
      assert.deepEqual(milestones(followed), story);
      assert.deepEqual(
        (await cetus.cloud.stacks()).filter(({ stack_name }) => stack_name.includes(uuid)),
        [],
      );
    } finally {
      await follower.close();
    }
  });

  it('says which resource failed and why, and makes the cluster on retry', async () => {
    await cetus.cloud.faults({
      'OS::Nova::Server': { create: { fail: 'No valid host was found.', times: 1 } },
    });
    const uuid = await client.create(template, { name: 'no-room' });
    const failed = await waitFor(async () => {
      const cluster = await client.cluster(uuid);
      return cluster.status === 'CREATE_FAILED' && cluster;
    });
    assert.equal(failed.failure?.code, 'resource_failed');
    assert.match(String(failed.failure?.resource?.type), /^OS::Nova::Server/);
    assert.match(String(failed.status_reason), /No valid host/);
    assert.equal(Object.keys(failed.faults ?? {}).length, 1);
    assert.equal(condition(failed, 'Ready'), 'False');
    const operation = await client.ok<{ state: string; error: { code: string } }>(
      `/v1/operations/${String(failed.operation_id)}`,
    );
    assert.equal(operation.state, 'FAILED');
    assert.equal(operation.error.code, 'resource_failed');

    await client.ok(`/v1/clusters/${uuid}/actions/retry`, { method: 'POST', body: {} });
    const made = await client.until(uuid, 'CREATE_COMPLETE');
    assert.equal(made.failure, null);
    // What is told of it comes a moment after what is shown of it.
    const told = await waitFor(async () => {
      const found = milestones(await client.events(uuid));
      return found.includes('create.end') && found;
    });
    assert.deepEqual(told, ['create.start', 'create.error', 'create.start', 'create.end']);
    await client.delete(uuid);
  });

  it('deletes a cluster that is half made', async () => {
    await cetus.cloud.faults({ 'OS::Nova::Server': { create: { wait_secs: 3600 } } });
    const uuid = await client.create(template, { name: 'half' });
    await waitFor(
      async () =>
        (await client.cluster(uuid)).stack_id ??
        (await cetus.cloud.stacks()).some(({ stack_name }) => stack_name.includes(uuid)),
    );
    await client.delete(uuid);
    await client.untilGone(uuid);
    const events = await waitFor(async () => {
      const found = milestones(await client.events(uuid));
      return found.includes('delete.end') && found;
    });
    assert.deepEqual(events, ['create.start', 'create.cancelled', 'delete.start', 'delete.end']);
    assert.deepEqual(
      (await cetus.cloud.stacks()).filter(({ stack_name }) => stack_name.includes(uuid)),
      [],
    );
  });

  it('ends an operation at its deadline while Heat refuses to answer, and a retry goes on', async () => {
    await cetus.cloud.set({ services: { heat: { errorRate: 1 } } });
    const uuid = await client.create(template, { name: 'late', create_timeout: 1 });
    const waiting = await waitFor(async () => {
      const cluster = await client.cluster(uuid);
      return condition(cluster, 'BackEndReachable') === 'False' && cluster;
    });
    assert.equal(waiting.status, 'CREATE_IN_PROGRESS');
    assert.match(String(waiting.status_reason), /orchestration/);
    await bringDeadlineForward(cetus, uuid);
    const late = await waitFor(async () => {
      const cluster = await client.cluster(uuid);
      return cluster.status === 'CREATE_FAILED' && cluster;
    });
    assert.equal(late.failure?.code, 'operation_deadline_exceeded');
    assert.match(String(late.status_reason), /at the end:/);
    await cetus.cloud.calm();
    await client.ok(`/v1/clusters/${uuid}/actions/retry`, { method: 'POST', body: {} });
    await client.until(uuid, 'CREATE_COMPLETE');
    await client.delete(uuid);
  });

  it('refuses an image that does not say which distribution it holds', async () => {
    const answer = await client.request<{ errors: { code: string; field: string }[] }>(
      '/v1/clustertemplates',
      {
        method: 'POST',
        body: { name: 'none', coe: 'kubernetes', image_id: 'no-distro', external_network_id: 'public' },
      },
    );
    assert.equal(answer.status, 400);
    assert.equal(answer.body.errors[0]?.code, 'image_os_distro_missing');
    assert.equal(answer.body.errors[0]?.field, 'image_id');
  });

  it('notices that a stack was deleted behind its back, and makes it anew on retry', async () => {
    const uuid = await client.create(template, { name: 'robbed' });
    await client.until(uuid, 'CREATE_COMPLETE');
    const stack = (await cetus.cloud.stacks()).find(({ stack_name }) => stack_name.includes(uuid));
    assert.ok(stack);
    await cetus.cloud.deleteStack(stack);
    const found = await waitFor(async () => {
      const cluster = await client.cluster(uuid);
      return cluster.status === 'UPDATE_FAILED' && cluster;
    });
    assert.equal(found.failure?.code, 'stack_missing');
    assert.equal(condition(found, 'InSync'), 'False');
    await waitFor(async () =>
      (await client.events(uuid)).some(({ type }) => type === 'cetus.cluster.state.changed'),
    );
    await client.ok(`/v1/clusters/${uuid}/actions/retry`, { method: 'POST', body: {} });
    await client.until(uuid, 'UPDATE_COMPLETE');
    await client.delete(uuid);
    await client.untilGone(uuid);
  });

  it('keeps everything when it is killed, and goes on with what was going on', async () => {
    const kept = await client.create(template, { name: 'kept' });
    await client.until(kept, 'CREATE_COMPLETE');
    const follower = new EventFollower(client);
    try {
      await follower.ready;
      const underway = await client.create(template, { name: 'underway', node_count: 2 });
      await client.resize(kept, 3);
      await cetus.kill9();
      await cetus.start();
      assert.equal((await client.until(underway, 'CREATE_COMPLETE')).actual_node_count, 2);
      assert.equal((await client.until(kept, 'UPDATE_COMPLETE')).actual_node_count, 3);
      for (const uuid of [kept, underway]) {
        const stacks = (await cetus.cloud.stacks()).filter(({ stack_name }) => stack_name.includes(uuid));
        assert.equal(stacks.length, 1);
        const events = await waitFor(async () => {
          const found = await client.events(uuid);
          return milestones(found).at(-1)?.endsWith('.end') === true && found;
        });
        assert.deepEqual(disorder(events), []);
        const from = events.findIndex(({ id }) => id === follower.of(uuid)[0]?.id);
        // A reader that comes back may get older ones again, and leaves them out by their sequence.
        const seen = await waitFor(() => {
          const ids = rising(follower.of(uuid)).map(({ id }) => id);
          return ids.length >= events.length - from && ids;
        });
        assert.deepEqual(
          seen,
          events.slice(from).map(({ id }) => id),
        );
      }
      assert.deepEqual(follower.refusals, []);
    } finally {
      await follower.close();
    }
  });
});

/** The notifications of one object without those that come after later ones. */
function rising(events: readonly CloudEvent[]): CloudEvent[] {
  let last = 0;
  return events.filter(({ sequence }) => {
    const isNew = Number(sequence) > last;
    if (isNew) last = Number(sequence);
    return isNew;
  });
}

/** As if the minutes had passed. */
async function bringDeadlineForward(cetus: AllInOne, uuid: string): Promise<void> {
  const mongo = new MongoClient(cetus.mongodbUrl, { serverSelectionTimeoutMS: 5_000 });
  try {
    const now = new Date();
    await mongo
      .db('cetus')
      .collection<{ _id: string }>('clusters')
      .updateOne({ _id: uuid }, { $set: { 'operation.deadline_at': now, next_attempt_at: now } });
  } finally {
    await mongo.close();
  }
}
