import assert from 'node:assert/strict';
import { canonical, references, resolve, type Scope } from '../../src/heat/functions.ts';

const scope: Scope = {
  parameter: (name) => ({ text: 'x', list: ['a', 'b'], map: { k: [1, 2] }, yes: true })[name] ?? null,
  reference: (name) => `id-of-${name}`,
  attribute: (name, path) => [name, ...path].join('/'),
  file: (name) => `content of ${name}`,
  condition: (name) => ({ isX: { equals: [{ get_param: 'text' }, 'x'] }, no: false })[name],
};

describe('template functions', () => {
  const rows: { reason: string; value: unknown; want: unknown }[] = [
    { reason: 'a parameter with a path', value: { get_param: ['map', 'k', 1] }, want: 2 },
    { reason: 'a resource', value: { get_resource: 'r' }, want: 'id-of-r' },
    {
      reason: 'an attribute, its path resolved',
      value: { get_attr: ['r', 'a', { get_param: 'text' }] },
      want: 'r/a/x',
    },
    { reason: 'a file', value: { get_file: 'f' }, want: 'content of f' },
    {
      reason: 'lists joined',
      value: { list_join: ['-', { get_param: 'list' }, [1, { a: 1 }]] },
      want: 'a-b-1-{"a":1}',
    },
    {
      reason: 'text replaced in one pass, the longest name first',
      value: { str_replace: { template: '$a $ab $a', params: { $a: '$ab', $ab: 2 } } },
      want: '$ab 2 $ab',
    },
    {
      reason: 'a template repeated over all combinations',
      value: {
        repeat: { for_each: { '<%x%>': { get_param: 'list' }, '<%y%>': [1, 2] }, template: '<%x%><%y%>' },
      },
      want: ['a1', 'a2', 'b1', 'b2'],
    },
    {
      reason: 'a template repeated side by side',
      value: {
        repeat: { for_each: { X: ['a', 'b'], Y: [1, 2] }, permutations: false, template: { X: 'Y' } },
      },
      want: [{ a: 1 }, { b: 2 }],
    },
    { reason: 'a condition by name', value: { if: ['isX', 1, 2] }, want: 1 },
    {
      reason: 'conditions combined',
      value: { if: [{ and: ['isX', { not: 'no' }, { or: ['no', true] }] }, 1, 2] },
      want: 1,
    },
    {
      reason: 'a digest',
      value: { digest: ['sha256', 'x'] },
      want: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
    },
    { reason: 'anything else as it is', value: { a: [{ b: null }], c: 1 }, want: { a: [{ b: null }], c: 1 } },
  ];
  for (const { reason, value, want } of rows)
    it(`give ${reason}`, () => assert.deepEqual(resolve(value, scope), want));

  it('refuse a wrong use', () =>
    assert.throws(() => resolve({ str_replace: { x: 1 } }, scope), /str_replace/));

  it('tell what a value refers to, branches not taken left out', () => {
    const found: string[] = [];
    const value = [
      { get_attr: ['a', 'x'] },
      { if: ['no', { get_resource: 'b' }, { deep: { get_resource: 'c' } }] },
    ];
    references(value, scope, (name) => found.push(name));
    assert.deepEqual(found, ['a', 'c']);
  });

  it('compare without regard to the order of keys', () => {
    assert.equal(canonical({ a: 1, b: { d: 1, c: 2 } }), canonical({ b: { c: 2, d: 1 }, a: 1 }));
  });
});
