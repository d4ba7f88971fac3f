import assert from 'node:assert/strict';
import { applyJsonPatch } from '../../../src/kubernetes/patch/json-patch.ts';
import { applyMergePatch } from '../../../src/kubernetes/patch/merge-patch.ts';
import { applyStrategicMerge } from '../../../src/kubernetes/patch/strategic-merge.ts';

describe('patches', () => {
  it('JSON patch does all operations, and leaves its document alone', () => {
    const document = { a: { b: [1, 2] }, 'x/y': 1 };
    const patched = applyJsonPatch(document, [
      { op: 'test', path: '/a/b/0', value: 1 },
      { op: 'add', path: '/a/b/-', value: 3 },
      { op: 'replace', path: '/a/b/0', value: 0 },
      { op: 'copy', from: '/a', path: '/c' },
      { op: 'move', from: '/x~1y', path: '/z' },
      { op: 'remove', path: '/a' },
    ]);
    assert.deepEqual(patched, { c: { b: [0, 2, 3] }, z: 1 });
    assert.deepEqual(document, { a: { b: [1, 2] }, 'x/y': 1 });
    assert.throws(() => applyJsonPatch(document, [{ op: 'remove', path: '/none' }]), { code: 422 });
    assert.throws(() => applyJsonPatch(document, [{ op: 'test', path: '/a/b/0', value: 9 }]), { code: 422 });
    assert.throws(() => applyJsonPatch(document, {}), { code: 400 });
  });

  it('merge patch takes out with null and replaces lists', () => {
    assert.deepEqual(applyMergePatch({ a: 1, b: { c: 2, d: [1] } }, { a: null, b: { d: [2] } }), {
      b: { c: 2, d: [2] },
    });
  });

  it('strategic merge merges lists by their keys, and knows its directives', () => {
    const pod = {
      spec: {
        containers: [
          { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }], args: ['x'] },
          { name: 'b', image: 'b:1' },
        ],
        tolerations: [{ key: 'a' }],
      },
      metadata: { finalizers: ['x/a', 'x/b'] },
    };
    const patched = applyStrategicMerge(
      pod,
      {
        spec: {
          containers: [
            { name: 'a', image: 'a:2', env: [{ name: 'Y', value: '2' }], args: ['y'] },
            { name: 'b', $patch: 'delete' },
            { name: 'c', image: 'c:1' },
          ],
          '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
          tolerations: [{ key: 'b' }],
        },
        metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'] },
      },
      'Pod',
    );
    assert.deepEqual(patched, {
      spec: {
        containers: [
          { name: 'c', image: 'c:1' },
          {
            name: 'a',
            image: 'a:2',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '2' },
            ],
            args: ['y'],
          },
        ],
        tolerations: [{ key: 'b' }],
      },
      metadata: { finalizers: ['x/b'] },
    });
  });
});
