import assert from 'node:assert/strict';
import { kubernetesContract, refusal } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('objects', (bench) => {
  const maps = (): string => bench.path('configmaps');
  const make = async (data: Record<string, string> = { a: '1' }, labels: Record<string, string> = {}) =>
    bench.post(maps(), { metadata: { name: uniqueName('map'), labels }, data });

  it('gives a new object what only the server knows', async () => {
    const name = uniqueName('map');
    const { status, body } = await bench.connection.request<Awaited<ReturnType<typeof make>>>(
      'POST',
      maps(),
      {
        body: { metadata: { name }, data: { a: '1' } },
      },
    );
    assert.equal(status, 201);
    assert.deepEqual([body.apiVersion, body.kind], ['v1', 'ConfigMap']);
    assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/);
    assert.match(body.metadata.resourceVersion, /^\d+$/);
    assert.match(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(
      [body.metadata.name, body.metadata.namespace, body['data']],
      [name, bench.namespace, { a: '1' }],
    );
    assert.deepEqual(await bench.get(`${maps()}/${name}`), body);
  });

  it('makes a name from a prefix', async () => {
    const made = await bench.post(maps(), { metadata: { generateName: 'prefix-' } });
    assert.match(made.metadata.name, /^prefix-[a-z0-9]{5}$/);
    assert.equal(made.metadata.generateName, 'prefix-');
  });

  it('refuses a name that is taken', async () => {
    const { metadata } = await make();
    const error = await refusal(
      bench.post(maps(), { metadata: { name: metadata.name } }),
      409,
      'AlreadyExists',
    );
    assert.equal(error.message, `configmaps "${metadata.name}" already exists`);
    assert.deepEqual(error.details, { name: metadata.name, kind: 'configmaps' });
  });

  it('says that an object is not there, and which', async () => {
    for (const method of ['GET', 'DELETE']) {
      const error = await refusal(bench.connection.request(method, `${maps()}/nobody`), 404, 'NotFound');
      assert.equal(error.message, 'configmaps "nobody" not found');
      assert.deepEqual(error.details, { name: 'nobody', kind: 'configmaps' });
    }
    const error = await refusal(
      bench.get(bench.path('deployments/nobody', '/apis/apps/v1')),
      404,
      'NotFound',
    );
    assert.equal(error.message, 'deployments.apps "nobody" not found');
    assert.deepEqual(error.details, { name: 'nobody', group: 'apps', kind: 'deployments' });
  });

  it('refuses to make something in a namespace that is not there', async () => {
    const error = await refusal(
      bench.post('/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'x' } }),
      404,
      'NotFound',
    );
    assert.equal(error.message, 'namespaces "nowhere" not found');
  });

  it('says field by field what is wrong', async () => {
    const error = await refusal(bench.post(maps(), { metadata: { name: 'Not_A_Name' } }), 422, 'Invalid');
    assert.deepEqual(
      [
        error.details?.kind,
        error.details?.name,
        error.details?.causes?.map(({ field, reason }) => [field, reason]),
      ],
      ['ConfigMap', 'Not_A_Name', [['metadata.name', 'FieldValueInvalid']]],
    );
    const noName = await refusal(bench.post(maps(), { metadata: {} }), 422, 'Invalid');
    assert.deepEqual(
      noName.details?.causes?.map(({ field, reason }) => [field, reason]),
      [['metadata.name', 'FieldValueRequired']],
    );
    assert.match(noName.message, /name or generateName is required/);
  });

  it('refuses what is no object', async () => {
    const pod = bench.path('pods');
    await refusal(bench.post(pod, { metadata: { name: 'x' }, spec: 'none' }), 400, 'BadRequest');
    await refusal(
      bench.post(maps(), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }),
      400,
      'BadRequest',
    );
    const other = { metadata: { name: 'x', namespace: 'another' } };
    const error = await refusal(bench.post(maps(), other), 400, 'BadRequest');
    assert.equal(
      error.message,
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  });

  it('replaces an object, but not one that has changed meanwhile', async () => {
    const first = await make({ a: '1' });
    const path = `${maps()}/${first.metadata.name}`;
    const second = await bench.put(path, { ...first, data: { b: '2' } });
    assert.deepEqual(second['data'], { b: '2' });
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.metadata.uid, first.metadata.uid);
    const error = await refusal(bench.put(path, { ...first, data: { c: '3' } }), 409, 'Conflict');
    assert.equal(
      error.message,
      `Operation cannot be fulfilled on configmaps "${first.metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
    );
    // Without a resource version whatever is there is replaced.
    const third = await bench.put(path, { metadata: { name: first.metadata.name }, data: { d: '4' } });
    assert.deepEqual(third['data'], { d: '4' });
  });

  it('leaves the resource version alone when nothing changes', async () => {
    const first = await make();
    const again = await bench.put(`${maps()}/${first.metadata.name}`, first);
    assert.equal(again.metadata.resourceVersion, first.metadata.resourceVersion);
  });

  it('counts generations of what is asked for only', async () => {
    const path = bench.path('deployments', '/apis/apps/v1');
    const name = uniqueName('generation');
    const labels = { app: name };
    const deployment = await bench.post(path, {
      metadata: { name },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: bench.cluster.image }] } },
      },
    });
    assert.equal(deployment.metadata.generation, 1);
    const merge = { type: 'application/merge-patch+json' };
    const labelled = await bench.patch(`${path}/${name}`, { metadata: { labels: { x: 'y' } } }, merge);
    assert.equal(labelled.metadata.generation, 1);
    const changed = await bench.patch(`${path}/${name}`, { spec: { minReadySeconds: 1 } }, merge);
    assert.equal(changed.metadata.generation, 2);
    await bench.until(`${path}/${name}`, (d) => d['status'].observedGeneration === 2);
  });

  it('does nothing in a dry run', async () => {
    const name = uniqueName('dry');
    const dry = { dryRun: 'All' };
    const made = await bench.post(maps(), { metadata: { name } }, dry);
    assert.equal(made.metadata.name, name);
    assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/);
    await refusal(bench.get(`${maps()}/${name}`), 404, 'NotFound');
    const kept = await make({ a: '1' });
    const path = `${maps()}/${kept.metadata.name}`;
    assert.deepEqual((await bench.put(path, { ...kept, data: {} }, dry))['data'], undefined);
    await bench.delete(path, undefined, dry);
    assert.deepEqual((await bench.get(path))['data'], { a: '1' });
    await refusal(bench.post(maps(), { metadata: { name: kept.metadata.name } }, dry), 409, 'AlreadyExists');
    await refusal(bench.post(maps(), { metadata: { name } }, { dryRun: 'Some' }), 422, 'Invalid');
  });

  it('deletes an object, and only the one that is meant', async () => {
    const { metadata } = await make();
    const path = `${maps()}/${metadata.name}`;
    const uid = '00000000-0000-0000-0000-000000000000';
    const error = await refusal(bench.delete(path, { preconditions: { uid } }), 409, 'Conflict');
    assert.match(error.message, /UID in (the )?precondition/);
    const said = await bench.delete(path, { preconditions: { uid: metadata.uid } });
    assert.deepEqual(
      [said.kind, said['status'], said['details']],
      ['Status', 'Success', { name: metadata.name, kind: 'configmaps', uid: metadata.uid }],
    );
    await refusal(bench.get(path), 404, 'NotFound');
  });

  it('deletes what a selector finds', async () => {
    const group = uniqueName('group');
    await make({}, { group, keep: 'no' });
    await make({}, { group, keep: 'no' });
    await make({}, { group, keep: 'yes' });
    await bench.delete(maps(), undefined, { labelSelector: `group=${group},keep!=yes` });
    const left = await bench.list(maps(), { labelSelector: `group=${group}` });
    assert.deepEqual(
      left.items.map((item) => item.metadata.labels?.['keep']),
      ['yes'],
    );
  });

  it('selects by labels and fields', async () => {
    const group = uniqueName('group');
    const one = await make({}, { group, tier: 'front' });
    const two = await make({}, { group, tier: 'back', extra: '' });
    const names = async (labelSelector: string, fieldSelector?: string): Promise<string[]> => {
      const { items } = await bench.list(maps(), {
        labelSelector: `group=${group}${labelSelector}`,
        fieldSelector,
      });
      return items.map((item) => item.metadata.name).sort();
    };
    const both = [one.metadata.name, two.metadata.name].sort();
    assert.deepEqual(await names(''), both);
    assert.deepEqual(await names(',tier=front'), [one.metadata.name]);
    assert.deepEqual(await names(',tier!=front'), [two.metadata.name]);
    assert.deepEqual(await names(',tier in (front,back)'), both);
    assert.deepEqual(await names(',tier notin (front)'), [two.metadata.name]);
    assert.deepEqual(await names(',extra'), [two.metadata.name]);
    assert.deepEqual(await names(',!extra'), [one.metadata.name]);
    assert.deepEqual(await names('', `metadata.name=${one.metadata.name}`), [one.metadata.name]);
    assert.deepEqual(await names('', `metadata.name!=${one.metadata.name}`), [two.metadata.name]);
    await refusal(bench.list(maps(), { labelSelector: 'a=b=c' }), 400, 'BadRequest');
    await refusal(bench.list(maps(), { fieldSelector: 'data.a=1' }), 400, 'BadRequest');
  });
});
