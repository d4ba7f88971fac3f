import assert from 'node:assert/strict';
import { namespaceOf } from '@cetus/shared/applications';
import { APPLICATION_LABEL, type Cause, type Phase, type StoredApplication } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { ApplicationFixture, itemsAt } from './support.ts';

const NAMESPACE = namespaceOf('p1', 'u1');
const at = (path: string): string => `/api/v1/namespaces/${NAMESPACE}/${path}`;
const deployments = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;

interface Deployment {
  metadata: { uid: string; annotations: Record<string, string>; labels: Record<string, string> };
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: { availableReplicas?: number };
}

describe('bringing applications into clusters', () => {
  let fixture: ApplicationFixture;
  before(async () => {
    fixture = await ApplicationFixture.open();
  });
  after(() => fixture.close());

  const deployment = (connection: KubernetesConnection, name: string): Promise<Deployment> =>
    connection.get<Deployment>(`${deployments}/${name}`);
  const isThere = async (connection: KubernetesConnection, path: string): Promise<boolean> => {
    try {
      await connection.get(path);
      return true;
    } catch (error) {
      assert.equal((error as { status?: number }).status, 404);
      return false;
    }
  };
  const make = (connection: KubernetesConnection, path: string, body: object) =>
    connection.request('POST', path, { body });
  const removed = async (id: string, more = {}): Promise<StoredApplication> => {
    await fixture.accept(id, 'delete', undefined, more);
    return fixture.until(id, 'DELETE_COMPLETE');
  };

  it('makes, changes and removes one, and leaves nothing and touches nothing else', async () => {
    const { cluster, connection } = await fixture.cluster();
    const { _id } = await fixture.create('web', [cluster._id], {
      exposure: { type: 'node_port', ports: [{ port: 80, target_port: 8080 }] },
      replicas: 2,
    });
    const made = await fixture.until(_id, 'CREATE_COMPLETE');
    assert.equal(made.status.placements[0]?.state, 'COMPLETE');
    assert.deepEqual(made.status.applied_spec, made.spec);
    const [namespace, rules] = [
      await connection.get<{ metadata: { labels: Record<string, string> } }>(
        `/api/v1/namespaces/${NAMESPACE}`,
      ),
      await itemsAt(connection, `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/networkpolicies`),
    ];
    assert.equal(namespace.metadata.labels['pod-security.kubernetes.io/enforce'], 'baseline');
    assert.ok(rules.some(({ metadata }) => metadata.name === 'cetus-default-deny'));
    assert.equal((await itemsAt(connection, at('resourcequotas'))).length, 1);
    assert.equal((await itemsAt(connection, at('pods'))).length, 2);
    assert.ok(await isThere(connection, at('services/web')));

    // Of somebody else, with names like ours.
    const foreign = { metadata: { name: 'web-settings' }, data: { a: '1' } };
    await make(connection, at('configmaps'), foreign);
    await fixture.accept(_id, 'update', (spec) => ({
      ...spec,
      exposure: { type: 'none' },
      containers: [{ name: 'web', image: 'registry.local/web:2' }],
    }));
    const updated = await fixture.until(_id, 'UPDATE_COMPLETE');
    assert.equal(
      (await deployment(connection, 'web')).spec.template.spec.containers[0]?.image,
      'registry.local/web:2',
    );
    assert.ok(!(await isThere(connection, at('services/web'))), 'what it has no more is gone');
    assert.ok(await isThere(connection, at('configmaps/web-settings')), 'and nothing else');
    assert.equal(updated.status.placements[0]?.applied_generation, updated.generation);

    const gone = await removed(_id);
    assert.equal(gone.operation?.left_behind, undefined);
    for (const path of [`${deployments}/web`, at('pods/none')]) assert.ok(!(await isThere(connection, path)));
    assert.deepEqual(
      (await itemsAt(connection, at('pods'))).filter(
        ({ metadata }) => metadata.labels?.[APPLICATION_LABEL] === _id,
      ),
      [],
    );
    assert.ok(
      await isThere(connection, at('configmaps/web-settings')),
      'the namespace stays with what is in it',
    );
    await connection.request('DELETE', at('configmaps/web-settings'), {});

    const second = await fixture.create('second', [cluster._id]);
    await fixture.until(second._id, 'CREATE_COMPLETE');
    await removed(second._id);
    await waitFor(async () => !(await isThere(connection, `/api/v1/namespaces/${NAMESPACE}`)), {
      what: 'the namespace is gone with the last application',
    });
    const sequences = fixture.events
      .filter(({ subject }) => subject === _id)
      .map(({ sequence }) => Number(sequence));
    assert.deepEqual(
      sequences,
      sequences.map((_, index) => index + 1),
    );
  });

  it('keeps the namespace while another application is in it', async () => {
    const { cluster, connection } = await fixture.cluster();
    const first = await fixture.create('one', [cluster._id]);
    const second = await fixture.create('two', [cluster._id]);
    await fixture.until(first._id, 'CREATE_COMPLETE');
    await fixture.until(second._id, 'CREATE_COMPLETE');
    await removed(first._id);
    assert.ok(await isThere(connection, `${deployments}/two`));
    // Two that go at once: the last one takes it away.
    const third = await fixture.create('three', [cluster._id]);
    await fixture.until(third._id, 'CREATE_COMPLETE');
    await Promise.all([removed(second._id), removed(third._id)]);
    await waitFor(async () => !(await isThere(connection, `/api/v1/namespaces/${NAMESPACE}`)), {
      what: 'the namespace is gone',
    });
  });

  it('does not believe the memory of an API server that nothing is left', async () => {
    const { cluster, connection, sim } = await fixture.cluster();
    const other = await fixture.create('stays', [cluster._id]);
    await fixture.until(other._id, 'CREATE_COMPLETE');
    // From now on lists of any version know nothing of what is made.
    sim?.freezeCache(true);
    const { _id } = await fixture.create('held', [cluster._id]);
    await fixture.until(_id, 'CREATE_COMPLETE');
    const pods = await itemsAt(connection, at('pods'));
    const pod =
      pods.find(({ metadata }) => metadata.labels?.[APPLICATION_LABEL] === _id)?.metadata.name ?? '';
    const hold = (finalizers: string[] | null) =>
      connection.request('PATCH', at(`pods/${pod}`), {
        body: { metadata: { finalizers } },
        contentType: 'application/merge-patch+json',
      });
    await hold(['example.org/hold']);
    await fixture.accept(_id, 'delete');
    const held = await waitFor(async () => {
      const found = await fixture.read(_id);
      const isHeld = found.operation?.blocked_by?.some(({ reason }) => reason.includes('example.org/hold'));
      return isHeld === true || found.deleted_at !== null ? found : null;
    });
    assert.deepEqual(
      held.operation?.blocked_by?.map(({ kind, name }) => [kind, name]),
      [['Pod', pod]],
    );
    await hold(null);
    await fixture.until(_id, 'DELETE_COMPLETE');
    assert.ok(!(await isThere(connection, at(`pods/${pod}`))));
    sim?.freezeCache(false);
    await removed(other._id);
  });

  it('touches no object and no namespace that is not its own', async () => {
    const { cluster, connection } = await fixture.cluster();
    await make(connection, '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    const barred = await fixture.create('barred', [cluster._id]);
    const refused = await fixture.until(barred._id, 'CREATE_FAILED');
    assert.equal(refused.status.failure?.code, 'namespace_not_owned');
    await connection.request('DELETE', `/api/v1/namespaces/${NAMESPACE}`, {});
    await removed(barred._id);
    await waitFor(async () => !(await isThere(connection, `/api/v1/namespaces/${NAMESPACE}`)));

    const first = await fixture.create('first', [cluster._id]);
    await fixture.until(first._id, 'CREATE_COMPLETE');
    const theirs = {
      metadata: { name: 'taken' },
      spec: {
        selector: { matchLabels: { app: 'theirs' } },
        template: {
          metadata: { labels: { app: 'theirs' } },
          spec: { containers: [{ name: 'c', image: 'i' }] },
        },
      },
    };
    await make(connection, deployments, theirs);
    const taken = await fixture.create('taken', [cluster._id]);
    const failed = await fixture.until(taken._id, 'CREATE_FAILED');
    assert.equal(failed.status.failure?.code, 'object_not_owned');
    assert.deepEqual(failed.status.failure.resource?.type, 'Deployment');
    assert.equal((await deployment(connection, 'taken')).spec.template.spec.containers[0]?.image, 'i');
    await removed(taken._id);
    assert.ok(await isThere(connection, `${deployments}/taken`), 'it is theirs after the delete, too');
    await removed(first._id);
  });

  it('goes on in other clusters while one does not answer, and there when it answers again', async () => {
    const a = await fixture.cluster({ name: 'a' });
    const b = await fixture.cluster({ name: 'b' });
    const { _id } = await fixture.create('both', [a.cluster._id, b.cluster._id]);
    await fixture.until(_id, 'CREATE_COMPLETE');
    await b.sim?.setNetwork('refused');
    const change = { containers: [{ name: 'web', image: 'registry.local/web:2' }] };
    await fixture.accept(_id, 'update', (spec) => ({ ...spec, ...change }));
    await waitFor(async () => {
      const { status } = await fixture.read(_id);
      return status.placements.map(({ state }) => state).join() === 'COMPLETE,ROLLING_OUT';
    });
    assert.match((await fixture.read(_id)).operation?.progress ?? '', /^b: /);
    await b.sim?.setNetwork('up');
    await fixture.until(_id, 'UPDATE_COMPLETE');
    for (const { connection } of [a, b])
      assert.equal(
        (await deployment(connection, 'both')).spec.template.spec.containers[0]?.image,
        'registry.local/web:2',
      );

    // Its time runs out; it comes to be all the same when the cluster is back.
    await b.sim?.setNetwork('refused');
    await fixture.accept(_id, 'update', (spec) => ({ ...spec, replicas: 2 }), { deadlineMs: 1_000 });
    const failed = await fixture.until(_id, 'UPDATE_FAILED');
    assert.equal(failed.status.failure?.code, 'rollout_stalled');
    assert.match(failed.status.failure.message, /b: /);
    await b.sim?.setNetwork('up');
    await fixture.wake(_id);
    const healed = await fixture.until(_id, 'UPDATE_COMPLETE');
    assert.equal((await deployment(b.connection, 'both')).spec.replicas, 2);
    assert.deepEqual(healed.status.applied_spec, healed.spec);
    assert.equal(healed.status.observed_generation, healed.generation);

    // A delete waits for it, unless it is forced.
    await b.sim?.setNetwork('refused');
    await fixture.accept(_id, 'delete', undefined, { deadlineMs: 1_500 });
    const blocked = await fixture.until(_id, 'DELETE_FAILED');
    assert.equal(blocked.status.failure?.code, 'delete_blocked');
    assert.deepEqual(
      blocked.operation?.blocked_by?.map(({ kind, name }) => [kind, name]),
      [['Cluster', 'b']],
    );
    assert.ok(!(await isThere(a.connection, `${deployments}/both`)));
    await fixture.accept(_id, 'delete', undefined, { force: true, deadlineMs: 1_000 });
    const gone = await fixture.until(_id, 'DELETE_COMPLETE');
    assert.deepEqual(
      gone.operation?.left_behind?.map(({ kind, name }) => [kind, name]),
      [['Cluster', 'b']],
    );
  }).timeout(90_000);

  it('leaves a cluster that it is not placed in any more, and comes to one that gets its labels', async () => {
    const a = await fixture.cluster({ name: 'a', labels: { tier: 'web' } });
    const b = await fixture.cluster({ name: 'b', labels: { tier: 'db' } });
    const { _id } = await fixture.create('spread', [], {});
    await fixture.accept(_id, 'update', (spec) => ({
      ...spec,
      placements: [{ cluster_id: null, selector: { tier: 'web' }, overrides: { replicas: 3 } }],
    }));
    await fixture.until(_id, 'UPDATE_COMPLETE');
    assert.equal((await deployment(a.connection, 'spread')).spec.replicas, 3);
    assert.ok(!(await isThere(b.connection, `${deployments}/spread`)));
    await fixture.changeCluster(b.cluster._id, { 'spec.labels': { tier: 'web' } });
    await fixture.wake(_id);
    await waitFor(() => isThere(b.connection, `${deployments}/spread`), {
      what: 'it is in the new one, too',
    });
    await fixture.accept(_id, 'update', (spec) => ({
      ...spec,
      placements: [{ cluster_id: b.cluster._id, selector: null, overrides: {} }],
    }));
    const moved = await fixture.until(_id, 'UPDATE_COMPLETE');
    assert.deepEqual(
      moved.status.placements.map(({ cluster_name }) => cluster_name),
      ['b'],
    );
    assert.ok(!(await isThere(a.connection, `${deployments}/spread`)));
    await removed(_id);
  });

  it('says why a change does not come to be, and goes back by itself when it was asked to', async () => {
    const { cluster, connection } = await fixture.cluster();
    const { _id } = await fixture.create('broken', [cluster._id], { progress_deadline_seconds: 2 });
    await fixture.until(_id, 'CREATE_COMPLETE');
    const missing = { containers: [{ name: 'web', image: 'registry.local/missing:1' }] };
    await fixture.accept(_id, 'update', (spec) => ({ ...spec, ...missing }));
    const failed = await fixture.until(_id, 'UPDATE_FAILED');
    assert.equal(failed.status.failure?.code, 'image_pull_failed');
    assert.match(failed.status.failure.message, /registry\.local\/missing:1/);
    // The next one takes the place of one that goes nowhere.
    await fixture.accept(_id, 'update', (spec) => ({ ...spec, ...missing, progress_deadline_seconds: 600 }));
    await waitFor(async () => (await fixture.read(_id)).operation?.progress?.includes('missing:1') === true);
    await fixture.accept(_id, 'update', (spec) => ({
      ...spec,
      containers: [{ name: 'web', image: 'registry.local/web:3' }],
    }));
    await fixture.until(_id, 'UPDATE_COMPLETE');
    await fixture.accept(_id, 'update', (spec) => ({ ...spec, ...missing, progress_deadline_seconds: 2 }), {
      rollbackOnFailure: true,
    });
    const back = await fixture.until(_id, 'ROLLBACK_COMPLETE');
    assert.equal(
      (await deployment(connection, 'broken')).spec.template.spec.containers[0]?.image,
      'registry.local/web:3',
    );
    assert.equal(back.status.failure, null);
    await removed(_id);
  });

  it('puts back what others changed, or tells it', async () => {
    const { cluster, connection } = await fixture.cluster();
    const kept = await fixture.create('kept', [cluster._id]);
    const told = await fixture.create('told', [cluster._id], { drift: 'report', replicas: 1 });
    await fixture.until(kept._id, 'CREATE_COMPLETE');
    await fixture.until(told._id, 'CREATE_COMPLETE');
    const patch = {
      spec: { template: { spec: { containers: [{ name: 'web', image: 'registry.local/other:1' }] } } },
    };
    for (const name of ['kept', 'told'])
      await connection.request('PATCH', `${deployments}/${name}`, {
        body: patch,
        contentType: 'application/strategic-merge-patch+json',
      });
    const image = async (name: string): Promise<string | undefined> =>
      (await deployment(connection, name)).spec.template.spec.containers[0]?.image;
    await fixture.wake(kept._id);
    await fixture.wake(told._id);
    await waitFor(async () => (await image('kept')) === 'registry.local/web:1', { what: 'it is put back' });
    const inSync = await waitFor(async () =>
      (await fixture.read(told._id)).status.conditions.find(
        ({ type, status }) => type === 'InSync' && status === 'False',
      ),
    );
    assert.match(inSync.message, /Deployment told: .*image/);
    assert.equal(await image('told'), 'registry.local/other:1');
    await connection.request('DELETE', `${deployments}/kept`, {});
    await fixture.wake(kept._id);
    await waitFor(() => isThere(connection, `${deployments}/kept`), { what: 'it is made anew' });
    await removed(kept._id);
    await removed(told._id);
  });

  it('brings every kind', async () => {
    const { cluster, connection } = await fixture.cluster();
    const shell = (script: string) => [
      { name: 'main', image: 'registry.local/web:1', command: ['/bin/sh', '-c', script] },
    ];
    const made = await Promise.all([
      fixture.create('store', [cluster._id], { kind: 'stateful', replicas: 2 }),
      fixture.create('agent', [cluster._id], { kind: 'daemon' }),
      fixture.create('once', [cluster._id], { kind: 'job', containers: shell('exit 0') }),
      fixture.create('long', [cluster._id], { kind: 'job', containers: shell('sleep infinity') }),
      fixture.create('nightly', [cluster._id], {
        kind: 'cronjob',
        containers: shell('exit 0'),
        cron: { schedule: '0 3 * * *' },
      }),
    ]);
    const [, , once, , nightly] = await Promise.all(
      made.map(({ _id }) => fixture.until(_id, 'CREATE_COMPLETE')),
    );
    assert.ok(once !== undefined && nightly !== undefined);
    const jobs = async (prefix: string): Promise<string[]> =>
      (await itemsAt(connection, `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`))
        .map(({ metadata }) => metadata.name)
        .filter((name) => name.startsWith(prefix));
    const [first] = await jobs('once-');
    // Asked for once more, it is another one, and the one before goes.
    await fixture.accept(once._id, 'run', (spec) => ({ ...spec, runs: spec.runs + 1 }));
    await fixture.until(once._id, 'UPDATE_COMPLETE');
    await waitFor(async () => !(await jobs('once-')).includes(first ?? ''), { what: 'the first is gone' });
    assert.equal((await jobs('once-')).length, 1);
    await fixture.accept(nightly._id, 'run', (spec) => ({ ...spec, runs: spec.runs + 1 }));
    const ran = await fixture.until(nightly._id, 'UPDATE_COMPLETE');
    assert.deepEqual(await jobs('nightly-'), ['nightly-run-1']);
    assert.equal(ran.status.placements[0]?.runs, 1);
    await Promise.all(made.map(({ _id }) => removed(_id)));
    assert.deepEqual(await jobs(''), []);
  });

  it('does everything once, whatever was not noted of it', async () => {
    const { cluster, connection } = await fixture.cluster();
    const { _id } = await fixture.create('once', [cluster._id], {
      exposure: { type: 'cluster_ip', ports: [{ port: 80 }] },
    });
    const made = await fixture.until(_id, 'CREATE_COMPLETE');
    const { metadata } = await deployment(connection, 'once');
    // As after a crash between the last object and the write: nothing is known of what was applied.
    const [placement] = made.status.placements;
    await fixture.change(_id, {
      'status.placements': [{ ...placement, state: 'PENDING', applied_generation: null, objects: [] }],
    });
    await fixture.wake(_id);
    const again = await waitFor(async () => {
      const found = await fixture.read(_id);
      return found.status.placements[0]?.state === 'COMPLETE' ? found : null;
    });
    assert.equal((await deployment(connection, 'once')).metadata.uid, metadata.uid);
    assert.deepEqual(again.status.placements[0]?.objects, placement?.objects);
    await removed(_id);
  });

  it('takes away what was made by a change that did not come to its end', async () => {
    const { cluster, connection } = await fixture.cluster();
    const { _id } = await fixture.create('half', [cluster._id]);
    const made = await fixture.until(_id, 'CREATE_COMPLETE');
    assert.deepEqual(made.status.placements[0]?.kinds, ['Deployment']);
    // A Service of somebody else is where that of the application should come, after its ConfigMap.
    await make(connection, at('services'), { metadata: { name: 'half' }, spec: { ports: [{ port: 1 }] } });
    await fixture.accept(_id, 'update', (spec) => ({
      ...spec,
      config_files: [{ name: 'etc', files: { a: '1' } }],
      exposure: { type: 'cluster_ip', ports: [{ port: 80 }] },
    }));
    const failed = await fixture.until(_id, 'UPDATE_FAILED');
    assert.equal(failed.status.failure?.code, 'object_not_owned');
    assert.ok(await isThere(connection, at('configmaps/half-etc')));
    assert.ok(failed.status.placements[0]?.kinds?.includes('ConfigMap'), 'noted before it was made');
    await fixture.accept(_id, 'update', (spec) => ({ ...spec, exposure: { type: 'none' } }));
    const mended = await fixture.until(_id, 'UPDATE_COMPLETE');
    assert.ok(!mended.status.placements[0]?.kinds?.includes('Service'), 'there is none any more');
    await fixture.accept(_id, 'update', ({ config_files: _, ...spec }) => spec);
    await fixture.until(_id, 'UPDATE_COMPLETE');
    assert.ok(!(await isThere(connection, at('configmaps/half-etc'))));
    await removed(_id);
    assert.ok(await isThere(connection, at('services/half')), 'what is theirs stays');
    await connection.request('DELETE', at('services/half'), {});
  });

  it('believes who follows the cluster that it goes on, and looks before it says that it failed', async () => {
    const { cluster, connection } = await fixture.cluster();
    await fixture.changeCluster(cluster._id, {
      follow: { owner: 'other', until: new Date(Date.now() + 600_000), token: 1 },
      health: { status: 'HEALTHY' },
    });
    const { _id, project_id, generation } = await fixture.create('followed', [cluster._id]);
    const tell = async (phase: Phase, cause: Cause | null): Promise<void> => {
      const replicas = { desired: 1, updated: 0, ready: 0, available: 0 };
      const more = { generation, settled: true, replicas, cause, service: null, since: new Date(), token: 1 };
      await fixture.change(_id, { [`observed.${cluster._id}`]: { phase, ...more } });
      const command = { kind: 'application', id: _id, project_id, generation, reason: 'observed' };
      await fixture.backbone.bus.publishCommand(command);
    };
    await waitFor(async () => (await deployment(connection, 'followed')).status.availableReplicas === 1);
    // It is there already; to look would show it.
    await tell('Progressing', null);
    await waitFor(async () => {
      const { operation } = await fixture.read(_id);
      return operation?.progress?.includes('0 of 1 instances are up to date') === true;
    });
    assert.equal((await fixture.read(_id)).operation?.state, 'IN_PROGRESS');
    await tell('Failed', null);
    await fixture.until(_id, 'CREATE_COMPLETE');
    await removed(_id);
  });
});
