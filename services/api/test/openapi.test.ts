import { strict as assert } from 'node:assert';
import { shareRepeated } from '../src/http/openapi-sharing.ts';
import { startApi, type TestApi } from './support/api.ts';

type Json = Record<string, unknown>;

/** Every object of a document, with the document itself. */
function* objectsOf(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Json;
  for (const one of Object.values(value)) yield* objectsOf(one);
}

function target(document: unknown, ref: string): unknown {
  const [root, ...path] = ref.split('/');
  assert.equal(root, '#', ref);
  return path.reduce((at, key) => (at as Json | undefined)?.[key], document);
}

/** A document in which what its components hold is where it is referred to. */
function expanded(document: Json, value: unknown = document): unknown {
  if (Array.isArray(value)) return value.map((one) => expanded(document, one));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: string };
  if ($ref !== undefined) return expanded(document, target(document, $ref));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expanded(document, one)]));
}

describe('api: the OpenAPI document', () => {
  let api: TestApi;
  let document: Json;
  before(async () => {
    api = await startApi();
    document = (await api.request({ url: '/openapi.json', token: null })).json();
  });
  after(() => api.close());

  it('has everything that it refers to', () => {
    const refs = [...objectsOf(document)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    assert.ok(refs.length > 100);
    for (const ref of new Set(refs)) assert.equal(typeof target(document, ref), 'object', ref);
  });

  it('shows nothing large twice', () => {
    const seen = new Set<string>();
    for (const one of objectsOf(document)) {
      const text = JSON.stringify(one);
      if (text.length < 1_000) continue;
      assert.ok(!seen.has(text), `give it a title: ${text.slice(0, 200)}`);
      seen.add(text);
    }
  });

  it('shows the parts of forms by name', () => {
    const { schemas } = document['components'] as { schemas: Record<string, { properties: Json }> };
    const containers = { type: 'array', items: { $ref: '#/components/schemas/Container' } };
    for (const form of ['ApplicationCreate', 'ApplicationReplace', 'Application'])
      assert.deepEqual(schemas[form]?.properties['containers'], { ...containers, minItems: 1, maxItems: 16 });
    assert.deepEqual(schemas['Overrides']?.properties['exposure'], { $ref: '#/components/schemas/Exposure' });
    assert.equal((schemas['Container'] as Json)['additionalProperties'], false);
  });
});

describe('shareRepeated', () => {
  const part = { type: 'object', properties: { title: { type: 'string' }, size: { type: 'integer' } } };
  const titled = { title: 'Part', ...part };
  const whole = { title: 'Whole', type: 'object', properties: { part: titled, parts: { items: titled } } };
  const limit = { name: 'limit', in: 'query', schema: { type: 'integer' } };
  const other = { ...limit, schema: { type: 'string' } };
  const answer = (name: string) => ({
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
  });
  const empty = { description: 'No body.' };
  const document = {
    info: { title: 'Cetus' },
    paths: {
      '/a': {
        get: { parameters: [other], responses: { 200: answer('List'), '4XX': answer('Errors') } },
        post: { parameters: [limit], requestBody: { schema: whole }, responses: { 204: empty } },
      },
      '/b': { get: { parameters: [limit], responses: { 204: empty, '4XX': answer('Errors') } } },
      '/c': { get: { parameters: [other, limit], summary: 'c' } },
    },
    components: {
      securitySchemes: { token: { name: 'X-Auth-Token' } },
      schemas: { List: { type: 'array', items: titled }, Errors: { type: 'object' } },
    },
  };

  it('shows schemas by their title, and the most frequent of parameters and answers by name', () => {
    const { paths, components, info } = shareRepeated(document) as unknown as {
      [part in 'paths' | 'components' | 'info']: Json;
    };
    assert.deepEqual(info, document.info);
    const ref = (place: string, name: string) => ({ $ref: `#/components/${place}/${name}` });
    assert.deepEqual(components, {
      securitySchemes: document.components.securitySchemes,
      schemas: {
        List: { type: 'array', items: ref('schemas', 'Part') },
        Errors: { type: 'object' },
        Part: part,
        Whole: {
          type: 'object',
          properties: { part: ref('schemas', 'Part'), parts: { items: ref('schemas', 'Part') } },
        },
      },
      parameters: { limit },
      responses: { Errors: answer('Errors') },
    });
    const shared = ref('parameters', 'limit');
    const errors = ref('responses', 'Errors');
    assert.deepEqual(paths, {
      '/a': {
        get: { parameters: [other], responses: { 200: answer('List'), '4XX': errors } },
        post: {
          parameters: [shared],
          requestBody: { schema: ref('schemas', 'Whole') },
          responses: { 204: empty },
        },
      },
      '/b': { get: { parameters: [shared], responses: { 204: empty, '4XX': errors } } },
      '/c': { get: { parameters: [other, shared], summary: 'c' } },
    });
  });

  it('says the same as before', () => {
    const untitled = JSON.parse(JSON.stringify(document).replaceAll(/"title":"(Part|Whole)",/g, '')) as Json;
    const { paths } = shareRepeated(document);
    const made = expanded(shareRepeated(document)) as Json;
    assert.ok(JSON.stringify(paths).includes('$ref'));
    assert.deepEqual(made['paths'], expanded(untitled, untitled['paths']));
  });

  it('refuses two schemas of one name', () => {
    const twice = (schemas: object) => () => shareRepeated({ paths: {}, components: { schemas } });
    assert.throws(twice({ a: { items: titled }, b: { items: { ...titled, type: 'array' } } }), /called Part/);
    assert.throws(twice({ Part: { type: 'string' }, a: { items: titled } }), /called Part/);
    assert.doesNotThrow(twice({ a: { items: titled }, b: { items: titled } }));
  });
});
