import assert from 'node:assert/strict';
import {
  applyObject,
  deleteObject,
  fieldConflicts,
  isChanged,
  isUnfit,
  readObject,
  type Manifest,
} from '../../src/apply.ts';
import { MERGE_PATCH } from '../../src/connection.ts';
import { isNotFound, KubernetesError } from '../../src/errors.ts';
import { MANAGED_KINDS } from '../../src/managed-kinds.ts';
import { objectPath } from '../../src/object-path.ts';
import { ServedApis } from '../../src/served-apis.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

const NOBODY = '00000000-0000-4000-8000-000000000000';

kubernetesContract('applied objects', (bench) => {
  const map = (data: object, metadata: object = {}): Manifest => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: uniqueName('map'), namespace: bench.namespace, ...metadata },
    data,
  });
  const at = ({ apiVersion, kind, metadata: { name, namespace } }: Manifest) => ({
    apiVersion,
    kind,
    name,
    namespace,
  });
  const deployment = (more: object = {}): Manifest => {
    const name = uniqueName('web');
    const labels = { app: name };
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: bench.namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'web', image: bench.cluster.image, ports: [{ containerPort: 8080 }] }],
          },
        },
        ...more,
      },
    };
  };
  const apply = (manifest: Manifest, options = {}) => applyObject<Thing>(bench.connection, manifest, options);
  const failure = async (promise: Promise<unknown>): Promise<KubernetesError> => {
    const error = await promise.then(
      () => assert.fail('must be refused'),
      (error: unknown) => error,
    );
    assert.ok(error instanceof KubernetesError, String(error));
    return error;
  };

  it('are made, changed, and left alone when all is so already', async () => {
    const manifest = deployment();
    const first = await apply(manifest);
    assert.deepEqual([first.created, first.ending], [true, false]);
    const owners = first.object.metadata.managedFields?.map(({ manager, operation }) => [manager, operation]);
    assert.deepEqual(owners, [['cetus', 'Apply']]);
    // The controller writes the status meanwhile.
    const settled = await bench.until(
      objectPath(at(manifest)),
      ({ status }) => status?.observedGeneration === 1,
    );
    const again = await apply(manifest);
    assert.deepEqual(
      [again.created, again.object.metadata.resourceVersion],
      [false, settled.metadata.resourceVersion],
    );
    const changed = await apply({
      ...manifest,
      spec: { ...(manifest['spec'] as object), minReadySeconds: 1 },
    });
    assert.deepEqual(
      [changed.created, changed.object['spec'].minReadySeconds, changed.object.metadata.generation],
      [false, 1, 2],
    );
    const back = await apply(manifest);
    assert.equal(back.object['spec'].minReadySeconds, undefined);
  });

  it('a dry run tells the outcome and stores nothing', async () => {
    const manifest = map({ a: '1' });
    const dry = await apply(manifest, { dryRun: true });
    assert.equal(dry.created, true);
    assert.deepEqual(dry.object['data'], { a: '1' });
    assert.equal(await readObject(bench.connection, at(manifest)), undefined);
    const { object } = await apply(manifest);
    const change = { ...manifest, data: { a: '2' } };
    assert.deepEqual((await apply(change, { dryRun: true })).object['data'], { a: '2' });
    assert.equal(await deleteObject(bench.connection, at(manifest), { dryRun: true }), 'deleted');
    assert.deepEqual(await readObject(bench.connection, at(manifest)), object);
    await refusal(apply(map({ 'not a key': '' }), { dryRun: true }), 422, 'Invalid');
  });

  it('with a uid are changed only as long as they are the same', async () => {
    const manifest = map({ a: '1' });
    const guarded = (uid: string): Manifest => ({ ...manifest, metadata: { ...manifest.metadata, uid } });
    const absent = await failure(apply(guarded(NOBODY)));
    assert.deepEqual([absent.status, absent.reason, isChanged(absent)], [409, 'Conflict', true]);
    assert.equal(absent.details?.causes, undefined);
    assert.equal(await readObject(bench.connection, at(manifest)), undefined);
    const { object } = await apply(manifest);
    const other = await failure(apply({ ...guarded(NOBODY), data: { a: '2' } }));
    assert.deepEqual([other.status, other.reason, isChanged(other)], [422, 'Invalid', true]);
    assert.deepEqual(fieldConflicts(other), []);
    assert.deepEqual(await readObject(bench.connection, at(manifest)), object);
    const same = await apply({ ...guarded(object.metadata.uid), data: { a: '2' } });
    assert.deepEqual([same.created, same.object['data']], [false, { a: '2' }]);
    const unguarded = await apply({ ...manifest, data: { a: '2' } });
    assert.equal(unguarded.object.metadata.resourceVersion, same.object.metadata.resourceVersion);
  });

  it('with a resource version are changed only as long as nobody else did', async () => {
    const manifest = map({ a: '1' });
    const seen = (resourceVersion: string): Manifest => ({
      ...manifest,
      metadata: { ...manifest.metadata, resourceVersion },
    });
    const { object } = await apply(manifest);
    await bench.patch(objectPath(at(manifest)), { data: { b: '2' } }, { type: MERGE_PATCH });
    const stale = await failure(apply({ ...seen(object.metadata.resourceVersion), data: { a: '2' } }));
    assert.equal(isChanged(stale), true);
  });

  it('do not take fields from others, unless forced', async () => {
    const manifest = deployment({ replicas: 0 });
    await apply(manifest);
    await bench.patch(
      objectPath(at(manifest)),
      { spec: { replicas: 0, minReadySeconds: 3 } },
      { type: MERGE_PATCH, query: { fieldManager: 'somebody' } },
    );
    const spec = manifest['spec'] as object;
    const wanted = { ...manifest, spec: { ...spec, minReadySeconds: 5 } };
    const error = await failure(apply(wanted));
    assert.deepEqual([error.status, error.reason], [409, 'Conflict']);
    const conflicts = fieldConflicts(error);
    assert.deepEqual(
      conflicts.map(({ field }) => field),
      ['.spec.minReadySeconds'],
    );
    assert.match(conflicts[0]?.message ?? '', /"somebody"/);
    assert.equal(isChanged(error), false);
    const dry = await failure(apply(wanted, { dryRun: true }));
    assert.equal(fieldConflicts(dry).length, 1);
    const forced = await apply(wanted, { force: true });
    assert.equal(forced.object['spec'].minReadySeconds, 5);
    const left = await apply(manifest);
    assert.equal(left.object['spec'].minReadySeconds, undefined);
  });

  it('that are being deleted take changes, and say so', async () => {
    const manifest = map({ a: '1' }, { finalizers: ['example.org/hold'] });
    const { object } = await apply(manifest);
    assert.equal(await deleteObject(bench.connection, at(manifest), { uid: object.metadata.uid }), 'deleted');
    const late = await apply({ ...manifest, data: { a: '2' } });
    assert.deepEqual([late.created, late.ending, late.object['data']], [false, true, { a: '2' }]);
    assert.equal(late.object.metadata.uid, object.metadata.uid);
    await apply({ ...manifest, metadata: { ...manifest.metadata, finalizers: [] } });
    await bench.gone(objectPath(at(manifest)));
    const anew = await apply(map({ a: '1' }, { name: manifest.metadata.name }));
    assert.deepEqual([anew.created, anew.ending], [true, false]);
    assert.notEqual(anew.object.metadata.uid, object.metadata.uid);
  });

  it('are refused in a namespace that is not there', async () => {
    for (const dryRun of [false, true]) {
      const error = await failure(apply(map({}, { namespace: 'nowhere' }), { dryRun }));
      assert.ok(isNotFound(error), error.message);
      assert.equal(error.message, 'namespaces "nowhere" not found');
      assert.deepEqual(error.details, { name: 'nowhere', kind: 'namespaces' });
    }
  });

  it('that do not fit their kind are refused as if the server were at fault', async () => {
    const wrongs = [
      map({ a: 1 }),
      map({ a: { b: 'c' } }),
      { ...map({}), dta: {} },
      { ...deployment(), metadata: { ...deployment().metadata, lables: {} } },
      deployment({ replica: 1 }),
      deployment({ replicas: 'two' }),
      deployment({ template: { spec: { containers: [{ name: 'web', imag: 'web:1' }] } } }),
    ];
    for (const [index, wrong] of wrongs.entries())
      for (const dryRun of [true, false]) {
        const error = await failure(apply(wrong, { dryRun }));
        assert.deepEqual(
          [error.status, error.reason],
          [500, undefined],
          `${String(index)}: ${error.message}`,
        );
        assert.deepEqual([isUnfit(error), isChanged(error), fieldConflicts(error)], [true, false, []]);
      }
    // A value of the right type that is wrong all the same.
    const negative = await failure(apply(deployment({ replicas: -1 }), { dryRun: true }));
    assert.deepEqual([negative.status, isUnfit(negative)], [422, false]);
  });

  it('are deleted only when they are what was seen', async () => {
    const manifest = map({ a: '1' });
    const { object } = await apply(manifest);
    const remove = (options: object) => deleteObject(bench.connection, at(manifest), options);
    const { uid, resourceVersion } = object.metadata;
    assert.equal(await remove({ uid: NOBODY }), 'changed');
    const changed = await apply({ ...manifest, data: { a: '2' } });
    assert.equal(await remove({ uid, resourceVersion }), 'changed');
    assert.equal(await remove({ uid: NOBODY, dryRun: true }), 'changed');
    assert.ok(await readObject(bench.connection, at(manifest)));
    const now = changed.object.metadata.resourceVersion;
    assert.equal(await remove({ uid, resourceVersion: now }), 'deleted');
    assert.equal(await remove({ uid }), 'gone');
    assert.equal(await readObject(bench.connection, at(manifest)), undefined);
  });

  it('that are deleted twice are still being deleted, a namespace too', async () => {
    const held = map({}, { finalizers: ['example.org/hold'] });
    const { object } = await apply(held);
    for (let times = 0; times < 2; times += 1)
      assert.equal(await deleteObject(bench.connection, at(held), { uid: object.metadata.uid }), 'deleted');
    const name = uniqueName('contract');
    const reference = { apiVersion: 'v1', kind: 'Namespace', name };
    const space = await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const inside = map({}, { namespace: name, finalizers: ['example.org/hold'] });
    await apply(inside);
    const { uid } = space.object.metadata;
    assert.equal(await deleteObject(bench.connection, reference, { uid }), 'deleted');
    assert.equal(await deleteObject(bench.connection, reference, { uid }), 'deleted');
    assert.equal(await deleteObject(bench.connection, reference, { uid: NOBODY }), 'changed');
    const late = await failure(apply(map({}, { namespace: name })));
    assert.deepEqual([late.status, late.reason], [403, 'Forbidden']);
    assert.deepEqual(
      late.details?.causes?.map(({ reason }) => reason),
      ['NamespaceTerminating'],
    );
    await apply({ ...inside, metadata: { ...inside.metadata, finalizers: [] } });
    await apply({ ...held, metadata: { ...held.metadata, finalizers: [] } });
    await bench.gone(objectPath(reference));
    assert.equal(await deleteObject(bench.connection, reference, { uid }), 'gone');
  });

  it('take along what they own in the way that is asked for', async () => {
    const manifest = deployment({ replicas: 1 });
    const { object } = await apply(manifest);
    const path = objectPath(at(manifest));
    await bench.until(path, ({ status }) => status?.replicas === 1);
    const options = { uid: object.metadata.uid, propagationPolicy: 'Foreground' as const };
    assert.equal(await deleteObject(bench.connection, at(manifest), options), 'deleted');
    await bench.gone(path);
    const selector = { labelSelector: `app=${manifest.metadata.name}` };
    assert.deepEqual((await bench.list(bench.path('replicasets', '/apis/apps/v1'), selector)).items, []);
  });

  it('of a kind that is not served are no objects that are gone', async () => {
    const budget = { kind: 'PodDisruptionBudget', namespace: bench.namespace, name: 'nobody' };
    const apis = new ServedApis(bench.connection);
    for (const apiVersion of MANAGED_KINDS.PodDisruptionBudget.apiVersions) {
      const reference = { ...budget, apiVersion };
      if (await apis.serves(reference)) {
        assert.equal(await readObject(bench.connection, reference), undefined);
        assert.equal(await deleteObject(bench.connection, reference), 'gone');
        continue;
      }
      for (const attempt of [readObject, deleteObject]) {
        const error = await failure(attempt(bench.connection, reference));
        assert.deepEqual([error.status, isNotFound(error)], [404, false]);
      }
    }
  });
});
