import assert from 'node:assert/strict';
import { APPLY_PATCH, MERGE_PATCH } from '../../src/connection.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('server-side apply', (bench) => {
  const apply = (name: string, data: object, query: Record<string, string | boolean>): Promise<Thing> =>
    bench.patch(
      `${bench.path('configmaps')}/${name}`,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...data },
      { type: APPLY_PATCH, query },
    );
  const managers = (thing: Thing): [string | undefined, string | undefined][] =>
    (thing.metadata.managedFields ?? []).map(({ manager, operation }) => [manager, operation]);

  it('makes what is not there, then does nothing', async () => {
    const name = uniqueName('applied');
    const path = `${bench.path('configmaps')}/${name}`;
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1' } };
    const options = { body, contentType: APPLY_PATCH, query: { fieldManager: 'one' } };
    const first = await bench.connection.request<Thing>('PATCH', path, options);
    assert.equal(first.status, 201);
    assert.deepEqual(managers(first.body), [['one', 'Apply']]);
    assert.deepEqual(first.body.metadata.managedFields?.[0]?.fieldsV1, { 'f:data': { 'f:a': {} } });
    const second = await bench.connection.request<Thing>('PATCH', path, options);
    assert.equal(second.status, 200);
    assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  });

  it('removes what its manager does not name any more, and only that', async () => {
    const name = uniqueName('applied');
    await apply(name, { data: { a: '1', b: '2' } }, { fieldManager: 'one' });
    await apply(name, { data: { c: '3' } }, { fieldManager: 'two' });
    const left = await apply(name, { data: { a: '1' } }, { fieldManager: 'one' });
    assert.deepEqual(left['data'], { a: '1', c: '3' });
    assert.deepEqual(new Set(managers(left).map(([manager]) => manager)), new Set(['one', 'two']));
  });

  it('refuses to change what another manages, unless forced', async () => {
    const name = uniqueName('applied');
    await apply(name, { data: { a: '1' } }, { fieldManager: 'one' });
    const error = await refusal(apply(name, { data: { a: '2' } }, { fieldManager: 'two' }), 409, 'Conflict');
    assert.match(error.message, /^Apply failed with 1 conflict: conflict with "one"/);
    assert.deepEqual(
      error.details?.causes?.map(({ field, reason }) => [field, reason]),
      [['.data.a', 'FieldManagerConflict']],
    );
    const forced = await apply(name, { data: { a: '2' } }, { fieldManager: 'two', force: true });
    assert.deepEqual(forced['data'], { a: '2' });
    const back = await refusal(apply(name, { data: { a: '1' } }, { fieldManager: 'one' }), 409, 'Conflict');
    assert.match(back.message, /conflict with "two"/);
  });

  it('lets two share what they agree on', async () => {
    const name = uniqueName('applied');
    await apply(name, { data: { a: '1' } }, { fieldManager: 'one' });
    await apply(name, { data: { a: '1' } }, { fieldManager: 'two' });
    const one = await apply(name, { data: {} }, { fieldManager: 'one' });
    assert.deepEqual(one['data'], { a: '1' });
  });

  it('counts an update as somebody who manages', async () => {
    const name = uniqueName('applied');
    await apply(name, { data: { a: '1' } }, { fieldManager: 'one' });
    const path = `${bench.path('configmaps')}/${name}`;
    const edited = await bench.patch(
      path,
      { data: { a: '2' } },
      { type: MERGE_PATCH, query: { fieldManager: 'editor' } },
    );
    assert.deepEqual(managers(edited).at(-1), ['editor', 'Update']);
    const error = await refusal(apply(name, { data: { a: '1' } }, { fieldManager: 'one' }), 409, 'Conflict');
    assert.match(error.message, /conflict with "editor" using v1/);
  });

  it('merges lists by their keys', async () => {
    const name = uniqueName('applied');
    const path = `${bench.path('deployments', '/apis/apps/v1')}/${name}`;
    const labels = { app: name };
    const apply = (containers: unknown[], manager: string, more: object = {}): Promise<Thing> =>
      bench.patch(
        path,
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name },
          spec: {
            ...more,
            selector: { matchLabels: labels },
            template: { metadata: { labels }, spec: { containers } },
          },
        },
        { type: APPLY_PATCH, query: { fieldManager: manager } },
      );
    await apply([{ name: 'one', image: 'one:1' }], 'one', { replicas: 0 });
    const two = await apply([{ name: 'two', image: 'two:1' }], 'two');
    const names = (thing: Thing): string[] =>
      thing['spec'].template.spec.containers.map((container: { name: string }) => container.name);
    assert.deepEqual(names(two), ['one', 'two']);
    const left = await apply([], 'two').catch((error: unknown) => error);
    assert.ok(!(left instanceof Error), String(left));
    assert.deepEqual(names(left as Thing), ['one']);
    // What is not applied any more goes back to the default.
    const scaled = await bench.patch(
      path,
      { spec: { replicas: 0 } },
      { type: MERGE_PATCH, query: { fieldManager: 'scaler' } },
    );
    assert.equal(scaled['spec'].replicas, 0);
  });

  it('must say who applies, and what', async () => {
    const name = uniqueName('applied');
    await refusal(apply(name, {}, {}), 422, 'Invalid');
    const path = `${bench.path('configmaps')}/${name}`;
    const query = { fieldManager: 'one' };
    await refusal(bench.patch(path, { metadata: { name } }, { type: APPLY_PATCH, query }), 400, 'BadRequest');
    await refusal(apply(name, { metadata: { name: 'another' } }, query), 400, 'BadRequest');
  });

  it('does nothing in a dry run', async () => {
    const name = uniqueName('applied');
    await apply(name, { data: { a: '1' } }, { fieldManager: 'one', dryRun: 'All' });
    await refusal(bench.get(`${bench.path('configmaps')}/${name}`), 404, 'NotFound');
  });
});
