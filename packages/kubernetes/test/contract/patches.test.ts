import assert from 'node:assert/strict';
import { JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH } from '../../src/connection.ts';
import { kubernetesContract, refusal, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

kubernetesContract('patches', (bench) => {
  const maps = (): string => bench.path('configmaps');
  const map = async (data: Record<string, string>): Promise<string> => {
    const { metadata } = await bench.post(maps(), { metadata: { name: uniqueName('patched') }, data });
    return `${maps()}/${metadata.name}`;
  };
  const deployment = async (): Promise<Thing> => {
    const name = uniqueName('patched');
    const labels = { app: name };
    return bench.post(bench.path('deployments', '/apis/apps/v1'), {
      metadata: { name },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              { name: 'one', image: 'one:1', env: [{ name: 'A', value: '1' }] },
              { name: 'two', image: 'two:1' },
            ],
          },
        },
      },
    });
  };
  const at = ({ metadata }: Thing): string =>
    `${bench.path('deployments', '/apis/apps/v1')}/${metadata.name}`;
  const containers = (thing: Thing): [string, string][] =>
    thing['spec'].template.spec.containers.map(({ name, image }: { name: string; image: string }) => [
      name,
      image,
    ]);

  it('merge: null removes', async () => {
    const path = await map({ a: '1', b: '2' });
    const patched = await bench.patch(path, { data: { a: null, c: '3' } }, { type: MERGE_PATCH });
    assert.deepEqual(patched['data'], { b: '2', c: '3' });
  });

  it('merge: a list is replaced', async () => {
    const patch = { spec: { template: { spec: { containers: [{ name: 'two', image: 'two:2' }] } } } };
    const patched = await bench.patch(at(await deployment()), patch, { type: MERGE_PATCH });
    assert.deepEqual(containers(patched), [['two', 'two:2']]);
  });

  it('merge: a resource version must be the newest', async () => {
    const path = await map({ a: '1' });
    const metadata = { resourceVersion: '1' };
    await refusal(bench.patch(path, { metadata, data: { a: '2' } }, { type: MERGE_PATCH }), 409, 'Conflict');
  });

  it('strategic: a list is merged by its key', async () => {
    const made = await deployment();
    const strategic = { type: STRATEGIC_PATCH };
    const spec = (containers: unknown[]): unknown => ({ spec: { template: { spec: { containers } } } });
    const changed = await bench.patch(at(made), spec([{ name: 'two', image: 'two:2' }]), strategic);
    assert.deepEqual(
      new Map(containers(changed)),
      new Map([
        ['one', 'one:1'],
        ['two', 'two:2'],
      ]),
    );
    const nested = await bench.patch(
      at(made),
      spec([{ name: 'one', env: [{ name: 'B', value: '2' }] }]),
      strategic,
    );
    const one = nested['spec'].template.spec.containers.find(({ name }: { name: string }) => name === 'one');
    assert.deepEqual(new Set(one.env.map(({ name }: { name: string }) => name)), new Set(['A', 'B']));
    const removed = await bench.patch(at(made), spec([{ name: 'one', $patch: 'delete' }]), strategic);
    assert.deepEqual(containers(removed), [['two', 'two:2']]);
  });

  it('JSON: operation by operation, all or none', async () => {
    const path = await map({ a: '1' });
    const type = JSON_PATCH;
    const patched = await bench.patch(
      path,
      [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'add', path: '/data/b', value: '2' },
        { op: 'replace', path: '/data/a', value: '3' },
      ],
      { type },
    );
    assert.deepEqual(patched['data'], { a: '3', b: '2' });
    const failing = [
      { op: 'remove', path: '/data/b' },
      { op: 'test', path: '/data/a', value: 'other' },
    ];
    await refusal(bench.patch(path, failing, { type }), 422, 'Invalid');
    await refusal(bench.patch(path, [{ op: 'remove', path: '/data/none' }], { type }), 422, 'Invalid');
    assert.deepEqual((await bench.get(path))['data'], { a: '3', b: '2' });
    await refusal(bench.patch(path, { data: {} }, { type }), 400, 'BadRequest');
  });

  it('of what is not there, of another type, of what must not change are refused', async () => {
    await refusal(bench.patch(`${maps()}/nobody`, { data: {} }, { type: MERGE_PATCH }), 404, 'NotFound');
    const path = await map({ a: '1' });
    await refusal(bench.patch(path, { data: {} }, { type: 'application/json' }), 415, 'UnsupportedMediaType');
    const selector = { spec: { selector: { matchLabels: { app: 'other' } } } };
    const error = await refusal(
      bench.patch(at(await deployment()), selector, { type: MERGE_PATCH }),
      422,
      'Invalid',
    );
    const fields = error.details?.causes?.map(({ field }) => field);
    assert.ok(fields?.includes('spec.selector'), String(fields));
  });
});
