import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  changedFields,
  difference,
  fieldSet,
  intersection,
  pathsOf,
  union,
  without,
  type FieldSet,
} from '../../../src/kubernetes/patch/field-set.ts';

/** Sets of fields made from objects of a few names. */
const anySet: fc.Arbitrary<FieldSet> = fc
  .object({
    key: fc.constantFrom('a', 'b', 'c'),
    maxDepth: 3,
    values: [fc.integer()],
    withNullPrototype: false,
  })
  .map((object) => fieldSet({ data: object }, 'ConfigMap'));

const members = (set: FieldSet): string[] => pathsOf(set).sort();

describe('sets of fields', () => {
  it('are joined, cut and taken apart as sets are', () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        const [inA, inB] = [new Set(members(a)), new Set(members(b))];
        assert.deepEqual(members(union(a, b)), [...new Set([...inA, ...inB])].sort());
        assert.deepEqual(
          members(intersection(a, b)),
          [...inA].filter((path) => inB.has(path)),
        );
        assert.deepEqual(
          members(difference(a, b)),
          [...inA].filter((path) => !inB.has(path)),
        );
      }),
    );
  });

  it('name items of lists by their keys, and lists without keys as a whole', () => {
    const spec = {
      template: {
        spec: {
          containers: [{ name: 'web', args: ['a'], ports: [{ containerPort: 80 }] }],
          nodeSelector: { disk: 'fast' },
        },
      },
    };
    assert.deepEqual(members(fieldSet({ metadata: { name: 'x', labels: { a: 'b' } }, spec }, 'Deployment')), [
      '.metadata.labels.a',
      '.spec.template.spec.containers[name="web"]',
      '.spec.template.spec.containers[name="web"].args',
      '.spec.template.spec.containers[name="web"].name',
      '.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]',
      '.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].containerPort',
      '.spec.template.spec.nodeSelector',
    ]);
  });

  it('hold what has changed, and what is taken out of an object is gone', () => {
    const before = { data: { a: '1', b: '2' } };
    const after = { data: { a: '1', b: '3', c: '4' } };
    const changed = changedFields(before, after, 'ConfigMap');
    assert.deepEqual(members(changed), ['.data.b', '.data.c']);
    assert.deepEqual(without(after, changed, [], 'ConfigMap'), { data: { a: '1' } });
  });
});
