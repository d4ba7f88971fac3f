import assert from 'node:assert/strict';
import { applyObject, deleteObject, fieldConflicts, isChanged, isUnfit } from '../src/apply.ts';
import { KubernetesError } from '../src/errors.ts';
import { ApiServer, bodyOf, sendJson, status } from './support/api-server.ts';

const SPACE = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' };
const CONFLICT = status(409, 'Conflict', 'no', { details: { name: 'shop', kind: 'namespaces' } });

describe('deleting an object', () => {
  let api: ApiServer;
  let found: object | undefined;
  beforeEach(async () => {
    api = await new ApiServer().start();
    api.answer = (request, response) => {
      if (request.method === 'DELETE') return sendJson(response, 409, CONFLICT);
      if (found !== undefined) return sendJson(response, 200, { ...SPACE, metadata: found });
      return sendJson(response, 404, status(404, 'NotFound', 'gone', { details: { name: 'shop' } }));
    };
  });
  afterEach(() => api.close());
  const remove = (options: object): Promise<string> => deleteObject(api.connect(), SPACE, options);

  it('tells by the object itself why the server refuses', async () => {
    found = { uid: '2', resourceVersion: '7' };
    assert.equal(await remove({ uid: '1' }), 'changed');
    assert.equal(await remove({ uid: '2', resourceVersion: '6' }), 'changed');
    found = { uid: '2', resourceVersion: '7', deletionTimestamp: '2026-01-01T00:00:00Z' };
    assert.equal(await remove({ uid: '2' }), 'deleted');
    assert.equal(await remove({}), 'deleted');
    found = undefined;
    assert.equal(await remove({ uid: '2' }), 'gone');
  });

  it('does not hide a refusal for another reason', async () => {
    found = { uid: '2', resourceVersion: '7' };
    await assert.rejects(remove({ uid: '2', resourceVersion: '7' }), KubernetesError);
    await assert.rejects(remove({}), KubernetesError);
    api.answer = (_request, response) => sendJson(response, 404, status(404, 'NotFound', 'no such page'));
    await assert.rejects(remove({}), KubernetesError);
  });

  it('says all in the body', async () => {
    let sent: unknown;
    api.answer = (request, response) => {
      void bodyOf(request).then((body) => {
        sent = { url: request.url, body: JSON.parse(body) as unknown };
        sendJson(response, 200, status(200, '', ''));
      });
    };
    await remove({ uid: '2', propagationPolicy: 'Orphan', gracePeriodSeconds: 0, dryRun: true });
    assert.deepEqual(sent, {
      url: '/base/api/v1/namespaces/shop',
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: '2' },
        propagationPolicy: 'Orphan',
        gracePeriodSeconds: 0,
        dryRun: ['All'],
      },
    });
  });
});

describe('applying an object', () => {
  let api: ApiServer;
  beforeEach(async () => {
    api = await new ApiServer().start();
  });
  afterEach(() => api.close());
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop' } };

  it('asks for what is wanted, as whom', async () => {
    api.answer = (_request, response) => sendJson(response, 201, { ...map });
    const applied = await applyObject(api.connect(), map);
    assert.deepEqual([applied.created, applied.ending], [true, false]);
    await applyObject(api.connect(), map, { fieldManager: 'x', force: true, dryRun: true });
    const path = 'PATCH /base/api/v1/namespaces/shop/configmaps/a';
    assert.deepEqual(api.requests, [
      `${path}?fieldManager=cetus`,
      `${path}?fieldManager=x&force=true&dryRun=All`,
    ]);
  });

  it('tells the refusals apart by what is in them', async () => {
    const causes = [
      { reason: 'FieldManagerConflict', message: 'conflict with "x"', field: '.data.a' },
      { reason: 'Other', field: '.data.b' },
    ];
    const cases: [number, object | string, { fields: string[]; changed: boolean; unfit: boolean }][] = [
      [
        409,
        status(409, 'Conflict', '', { details: { causes } }),
        { fields: ['.data.a'], changed: false, unfit: false },
      ],
      [409, status(409, 'Conflict', ''), { fields: [], changed: true, unfit: false }],
      [409, status(409, 'AlreadyExists', ''), { fields: [], changed: true, unfit: false }],
      [
        422,
        status(422, 'Invalid', '', { details: { causes: [{ field: 'metadata.uid' }] } }),
        { fields: [], changed: true, unfit: false },
      ],
      [
        422,
        status(422, 'Invalid', '', { details: { causes: [{ field: 'data' }] } }),
        { fields: [], changed: false, unfit: false },
      ],
      [500, { kind: 'Status', code: 500, message: 'x' }, { fields: [], changed: false, unfit: true }],
      [500, status(500, 'InternalError', ''), { fields: [], changed: false, unfit: false }],
      [500, 'a proxy', { fields: [], changed: false, unfit: false }],
      [503, { kind: 'Status', code: 503 }, { fields: [], changed: false, unfit: false }],
    ];
    for (const [code, body, wanted] of cases) {
      api.answer = (_request, response) => sendJson(response, code, body);
      await assert.rejects(applyObject(api.connect(), map), (error) => {
        const fields = fieldConflicts(error).map(({ field }) => field);
        assert.deepEqual({ fields, changed: isChanged(error), unfit: isUnfit(error) }, wanted, String(code));
        return true;
      });
    }
    for (const judge of [isChanged, isUnfit]) assert.equal(judge(new Error('other')), false);
  });
});
