import assert from 'node:assert/strict';
import { ObservationStore } from '@cetus/shared/store';
import { waitFor } from '@cetus/test-kit';
import { FollowFixture } from './support.ts';

describe('The following of applications', () => {
  let fixture: FollowFixture;
  before(async () => {
    fixture = await FollowFixture.open();
  });
  afterEach(() => fixture.reset());
  after(() => fixture.close());

  it('tells how one comes up, once everything of it is there', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    fixture.follow(site, 1);
    await fixture.deploy(site, application);
    const running = await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    assert.deepEqual(running.replicas, { desired: 2, updated: 2, ready: 2, available: 2 });
    assert.deepEqual([running.generation, running.settled, running.cause, running.token], [1, true, null, 1]);
    const { health_conditions = [], sequence } = await fixture.read(application._id);
    assert.deepEqual(
      health_conditions.map(({ type, status, reason }) => [type, status, reason]),
      [['Healthy', 'True', 'AsAsked']],
    );
    await waitFor(() => fixture.told(application).includes('True AsAsked'), { what: 'it is told' });
    assert.equal(fixture.told(application).length, sequence, 'each notification has its number');
    assert.ok(sequence <= 2, 'an ordinary beginning is not told as a trouble');
    assert.equal(site.sim.watches.size, 4, 'pods, services, ingresses and one kind of workload are watched');
  });

  it('watches nothing in a cluster without applications, and begins when one comes', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    const { placements } = application.status;
    await fixture.change(application._id, { 'status.placements': [] });
    await fixture.deploy(site, application);
    const { follower } = fixture.follow(site, 1);
    assert.equal(site.sim.watches.size, 0);
    await fixture.change(application._id, { 'status.placements': placements });
    for (const one of await fixture.observations.find([application._id])) follower.note(one);
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    follower.forget(application._id);
    await waitFor(() => site.sim.watches.size === 0, { what: 'the watches end' });
  });

  it('says why one does not come up, with what the registry and the container say', async () => {
    const site = await fixture.site();
    const bad = await fixture.application([site]);
    const crashing = await fixture.application([site]);
    fixture.follow(site, 1);
    await fixture.deploy(site, bad, { image: 'registry.local/missing:1', replicas: 1 });
    await fixture.deploy(site, crashing, { image: 'registry.local/crash:1', replicas: 1 });
    const pull = await fixture.seen(bad, site, ({ cause }) => cause?.reason === 'ImagePullBackOff');
    assert.equal(pull.phase, 'Degraded');
    assert.equal(pull.cause?.image, 'registry.local/missing:1');
    assert.match(pull.cause?.message ?? '', /not found/);
    const crash = await fixture.seen(crashing, site, ({ cause }) => cause?.reason === 'CrashLoopBackOff');
    assert.equal(crash.phase, 'Degraded');
    assert.equal(crash.cause?.exit_code, 1);
    assert.match(crash.cause?.log ?? '', /starting web/, 'the first that is said has the last lines');
    await waitFor(() => fixture.told(bad).includes('False ImagePullBackOff'), { what: 'it is told' });
    const healthy = (await fixture.read(bad._id)).health_conditions?.[0];
    assert.match(healthy?.message ?? '', /^In cluster c1: The image registry.local\/missing:1/);
    // The kubelet goes on trying and waiting: that is no change.
    await fixture.seen(crashing, site, ({ cause }) => (cause?.restarts ?? 0) >= 2);
    assert.deepEqual(
      fixture.told(bad).filter((one) => one.startsWith('False')),
      ['False ImagePullBackOff'],
    );
    // And mends itself.
    await fixture.deploy(site, bad, { replicas: 1, generation: 2 });
    const mended = await fixture.seen(bad, site, ({ phase }) => phase === 'Running');
    assert.deepEqual([mended.generation, mended.cause], [2, null]);
  });

  it('tells what the autoscaler says, as long as there is one', async () => {
    const site = await fixture.site();
    const autoscaling = { min_replicas: 3, max_replicas: 4, cpu_percent: 50 };
    const application = await fixture.application([site], { autoscaling });
    const plain = await fixture.application([site]);
    fixture.follow(site, 1);
    for (const one of [application, plain]) await fixture.deploy(site, one, { replicas: 2 });
    await fixture.autoscale(site, application, autoscaling);
    const { autoscaler } = await fixture.seen(
      application,
      site,
      ({ phase, autoscaler: one }) => phase === 'Running' && one?.current_replicas === 3,
    );
    assert.equal(autoscaler?.desired_replicas, 3);
    // Nothing measures the load there; that may only be late.
    assert.deepEqual([autoscaler.reason, autoscaler.active], ['FailedGetResourceMetric', null]);
    assert.equal(site.sim.watches.size, 5, 'autoscalers are watched too');
    const scaling = async (one: typeof application) =>
      (await fixture.read(one._id)).health_conditions?.filter(({ type }) => type === 'ScalingActive');
    assert.equal((await scaling(application))?.[0]?.status, 'Unknown');
    const other = await fixture.seen(plain, site, ({ phase }) => phase === 'Running');
    assert.deepEqual([other.autoscaler, await scaling(plain)], [undefined, []]);

    const path = `/apis/autoscaling/v2/namespaces/apps/horizontalpodautoscalers/${application.name}`;
    await site.connection.request('DELETE', path, {});
    await fixture.seen(application, site, (seen) => seen.autoscaler === undefined);
    assert.deepEqual(await scaling(application), []);
  });

  it('does not wait for a log that cannot be had', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    const whole = fixture.connect(site.sim);
    const connection = new Proxy(whole, {
      get: (target, name) => {
        if (name !== 'stream') {
          const found = Reflect.get(target, name, target) as unknown;
          return typeof found === 'function' ? (found.bind(target) as unknown) : found;
        }
        return (path: string, options: Parameters<typeof target.stream>[1]) =>
          path.endsWith('/log')
            ? Promise.reject(new DOMException('The node does not answer', 'TimeoutError'))
            : target.stream(path, options);
      },
    });
    fixture.follow(site, 1, { connection });
    await fixture.deploy(site, application, { image: 'registry.local/crash:1', replicas: 1 });
    const { cause } = await fixture.seen(application, site, ({ phase }) => phase === 'Degraded');
    assert.deepEqual([cause?.reason, cause?.log], ['CrashLoopBackOff', undefined]);
  });

  it('has the reconciler look when an operation waits for it, and otherwise not', async () => {
    const site = await fixture.site();
    const idle = await fixture.application([site]);
    const busy = await fixture.application([site], { busy: true });
    await fixture.deploy(site, idle);
    await fixture.deploy(site, busy);
    fixture.follow(site, 1);
    await fixture.seen(idle, site, ({ phase }) => phase === 'Running');
    await fixture.seen(busy, site, ({ phase }) => phase === 'Running');
    await waitFor(() => fixture.commandsFor(busy).length > 0, { what: 'the reconciler is told' });
    const [command] = fixture.commandsFor(busy);
    assert.deepEqual(
      [command?.kind, command?.project_id, command?.generation, command?.reason],
      ['application', 'p1', 1, 'observed'],
    );
    assert.deepEqual(fixture.commandsFor(idle), []);
  });

  it('tells that one was deleted behind the back of Cetus, and that its workload was changed', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site], { placement: { workload_generation: 1 } });
    await fixture.deploy(site, application, { replicas: 1 });
    fixture.follow(site, 1);
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    assert.deepEqual(fixture.commandsFor(application), []);
    const path = `/apis/apps/v1/namespaces/apps/deployments/${application.name}`;
    await site.connection.request('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body: { spec: { minReadySeconds: 1 } },
    });
    await waitFor(() => fixture.commandsFor(application).length > 0, { what: 'the drift is told' });
    fixture.commands.length = 0;
    await site.connection.request('DELETE', path);
    await fixture.seen(application, site, ({ phase }) => phase === 'Missing');
    await waitFor(() => fixture.commandsFor(application).length > 0, { what: 'the reconciler is told' });
    await waitFor(() => fixture.told(application).at(-1) === 'False Missing', { what: 'it is told' });
  });

  it('does not take for its own what only has its label, in another namespace or of another name', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    await fixture.deploy(site, application, { namespace: 'elsewhere', image: 'registry.local/missing:1' });
    await fixture.deploy(site, application, { replicas: 1 });
    fixture.follow(site, 1);
    const { replicas, cause } = await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    assert.deepEqual([replicas.desired, cause], [1, null]);
    await site.connection.request('DELETE', `/apis/apps/v1/namespaces/apps/deployments/${application.name}`);
    await fixture.seen(
      application,
      site,
      ({ phase }) => phase === 'Missing',
      'the other one does not stand in for it',
    );
    const nobody = { _id: crypto.randomUUID(), name: 'nobody' };
    await fixture.deploy(site, nobody);
    const path = `/apis/apps/v1/namespaces/apps/deployments/${nobody.name}`;
    await waitFor(
      async () =>
        (await site.connection.get<{ status?: { availableReplicas?: number } }>(path)).status
          ?.availableReplicas === 2,
      { what: 'what belongs to nobody runs' },
    );
    assert.equal((await fixture.read(application._id)).observed[site.id]?.phase, 'Missing');
  });

  it('finds by its objects an application that nothing was said of', async () => {
    const site = await fixture.site();
    const first = await fixture.application([site]);
    const { follower } = fixture.follow(site, 1);
    await fixture.deploy(site, first);
    await fixture.seen(first, site, ({ phase }) => phase === 'Running');
    const second = await fixture.application([site]);
    await fixture.deploy(site, second);
    await fixture.seen(second, site, ({ phase }) => phase === 'Running');
    assert.equal(follower.size, 2);
  });

  it('goes on in another process from what is written, which the one before then does not write any more', async () => {
    const site = await fixture.site();
    const steady = await fixture.application([site]);
    const gone = await fixture.application([site]);
    for (const application of [steady, gone]) await fixture.deploy(site, application, { replicas: 1 });
    const first = fixture.follow(site, 1);
    for (const application of [steady, gone])
      await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    await fixture.end(first);
    const before = await fixture.read(steady._id);
    await site.connection.request('DELETE', `/apis/apps/v1/namespaces/apps/deployments/${gone.name}`);
    const second = fixture.follow(site, 2);
    await fixture.seen(gone, site, ({ phase }) => phase === 'Missing');
    const after = await fixture.read(steady._id);
    assert.deepEqual(
      [after.revision, after.observed[site.id]?.since],
      [before.revision, before.observed[site.id]?.since],
    );
    assert.equal(after.observed[site.id]?.token, 2);
    await waitFor(() => fixture.commandsFor(gone).length > 0, { what: 'the reconciler is told' });
    // One who was taken for dead comes back and does not know.
    const late = fixture.follow(site, 1);
    await fixture.deploy(site, steady, { image: 'registry.local/missing:1', replicas: 1, generation: 2 });
    await waitFor(() => late.lost, { what: 'it learns that its lease is another’s' });
    const seen = await fixture.seen(steady, site, ({ cause }) => cause?.reason === 'ImagePullBackOff');
    assert.deepEqual([seen.token, second.lost], [2, false]);
  });

  it('says nothing while the cluster does not answer, and everything when it does again', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    const running = fixture.follow(site, 1);
    await fixture.deploy(site, application, { replicas: 1 });
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    const { revision } = await fixture.read(application._id);
    await site.sim.setNetwork('refused');
    // As whoever asks the cluster how it is does when it does not answer for long.
    running.follower.stop();
    assert.equal((await fixture.read(application._id)).revision, revision, 'what was seen stays');
    await site.sim.setNetwork('up');
    await site.connection.request('DELETE', `/apis/apps/v1/namespaces/apps/deployments/${application.name}`);
    running.follower.start();
    await fixture.seen(application, site, ({ phase }) => phase === 'Missing');
  });

  it('does not take what it has not seen any more for what is not there any more', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    await fixture.deploy(site, application, { replicas: 1 });
    const late = new ObservationStore(fixture.store);
    const write = late.write.bind(late);
    let results = 0;
    late.write = async (...args) => {
      // The cluster is given up between the decision to write and the write.
      if (results === 0) running.follower.stop();
      const result = await write(...args);
      results += 1;
      return result;
    };
    const running = fixture.follow(site, 1, { store: late });
    await waitFor(() => results === 1, { what: 'it was about to write' });
    assert.deepEqual((await fixture.read(application._id)).observed, {});
    running.follower.start();
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    assert.deepEqual(
      fixture.told(application).filter((one) => one.startsWith('False')),
      [],
    );
  });

  it('finds what changed while its watches were interrupted', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    fixture.follow(site, 1);
    await fixture.deploy(site, application, { replicas: 1 });
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    site.sim.expireWatches();
    await site.connection.request('DELETE', `/apis/apps/v1/namespaces/apps/deployments/${application.name}`);
    await fixture.seen(application, site, ({ phase }) => phase === 'Missing');
  });

  it('keeps apart what two clusters say, and tells one condition of both', async () => {
    const [a, b] = [await fixture.site(), await fixture.site()];
    const application = await fixture.application([a, b]);
    fixture.follow(a, 3);
    fixture.follow(b, 7);
    await Promise.all([
      fixture.deploy(a, application, { replicas: 3 }),
      fixture.deploy(b, application, { replicas: 1 }),
    ]);
    await fixture.seen(application, a, ({ phase }) => phase === 'Running');
    await fixture.seen(application, b, ({ phase }) => phase === 'Running');
    await waitFor(() => fixture.told(application).at(-1) === 'True AsAsked', { what: 'it is well in both' });
    await fixture.deploy(b, application, { image: 'registry.local/crash:1', replicas: 1, generation: 2 });
    await waitFor(() => fixture.told(application).at(-1) === 'False CrashLoopBackOff', {
      what: 'it is not in one',
    });
    const { observed, sequence, health_conditions } = await fixture.read(application._id);
    assert.deepEqual([observed[a.id]?.token, observed[b.id]?.token], [3, 7]);
    assert.equal(observed[a.id]?.phase, 'Running');
    assert.match(health_conditions?.[0]?.message ?? '', /^In cluster c2: /);
    await waitFor(() => fixture.told(application).length === sequence, { what: 'each number is there once' });
    const numbers = fixture.events
      .filter(({ subject }) => subject === application._id)
      .map((one) => one.sequence);
    assert.deepEqual(
      numbers,
      Array.from({ length: sequence }, (_, index) => String(index + 1)),
    );
  });

  it('loses nothing when it cannot be written', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    let failures = 3;
    const flaky = new ObservationStore(fixture.store);
    const write = flaky.write.bind(flaky);
    flaky.write = (...args) => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('the database is away')) : write(...args);
    };
    fixture.follow(site, 1, { store: flaky });
    await fixture.deploy(site, application);
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
  });

  it('takes away what it saw of one that is not in the cluster any more', async () => {
    const site = await fixture.site();
    const application = await fixture.application([site]);
    const { follower } = fixture.follow(site, 1);
    await fixture.deploy(site, application);
    await fixture.seen(application, site, ({ phase }) => phase === 'Running');
    await fixture.change(application._id, { 'status.placements': [] });
    for (const one of await fixture.observations.find([application._id])) follower.note(one);
    await waitFor(async () => Object.keys((await fixture.read(application._id)).observed).length === 0, {
      what: 'what was seen is gone',
    });
  });
}).timeout(60_000);
