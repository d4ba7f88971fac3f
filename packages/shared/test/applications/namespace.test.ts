import assert from 'node:assert/strict';
import fc from 'fast-check';
import { namespaceOf } from '../../src/applications/namespace.ts';

describe('the namespace of a project and a user', () => {
  it('is always the same', () => {
    assert.equal(namespaceOf('p', 'u'), namespaceOf('p', 'u'));
    // Written down: another one would leave what is there behind.
    assert.equal(
      namespaceOf('0ad2f7c1f3b04b6c8b8a0a2f6d1b7c55', '8d1f2b3c4d5e6f708192a3b4c5d6e7f8'),
      'cetus-dnrnsipthpg2how4jpn2bhlqrv',
    );
  });

  it('is another one for any other project or user, however they are put together', () => {
    const id = fc.string({ maxLength: 40 });
    fc.assert(
      fc.property(id, id, id, id, (project, user, otherProject, otherUser) => {
        fc.pre(project !== otherProject || user !== otherUser);
        assert.notEqual(namespaceOf(project, user), namespaceOf(otherProject, otherUser));
      }),
    );
    assert.notEqual(namespaceOf('a', 'b/c'), namespaceOf('a/b', 'c'));
  });

  it('is a name that Kubernetes takes, whatever the ids are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (project, user) => {
        assert.match(namespaceOf(project, user), /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
      }),
    );
  });
});
