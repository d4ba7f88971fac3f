import assert from 'node:assert/strict';
import { CetusError } from '@cetus/shared/errors';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import { openValues, sealValues } from '../../src/application/application-secrets.ts';

describe('the secrets of an application', () => {
  const box = new SecretBox(KeyRing.parse(`k1:${Buffer.alloc(32, 7).toString('base64')}`));

  it('are sealed for it alone, and told by their keys', () => {
    const answer = sealValues(
      box,
      { id: 'a', secrets: { db: { user: 'me', password: 'hidden-1' } }, pull_password: 'hidden-2' },
      null,
    );
    assert.deepEqual(answer.keys, { db: ['password', 'user'] });
    assert.doesNotMatch(JSON.stringify(answer), /hidden/);
    const { salt, ...values } = openValues(box, 'a', answer.sealed) ?? { salt: '' };
    assert.deepEqual(values, {
      secrets: { db: { user: 'me', password: 'hidden-1' } },
      pull_password: 'hidden-2',
    });
    assert.match(salt, /^[0-9a-f]{32}$/);
    assert.throws(() => openValues(box, 'b', answer.sealed));
  });

  it('stay as they were where a change leaves them out, and go where it does not name them', () => {
    const first = { kept: { a: '1' }, gone: { b: '2' } };
    const before = sealValues(box, { id: 'a', secrets: first, pull_password: 'p' }, null).sealed;
    const request = { id: 'a', secrets: { kept: null, added: { c: '3' } }, pull_password: null };
    const { sealed, keys } = sealValues(box, request, before);
    assert.deepEqual(keys, { kept: ['a'], added: ['c'] });
    assert.deepEqual(openValues(box, 'a', sealed), {
      secrets: { kept: { a: '1' }, added: { c: '3' } },
      pull_password: 'p',
      salt: openValues(box, 'a', before)?.salt,
    });
    const same = { id: 'a', secrets: { kept: { a: '1' }, added: null }, pull_password: 'p' };
    assert.deepEqual(sealValues(box, same, sealed).sealed, sealed, 'nothing is different');
    for (const lacking of [{ secrets: { other: null } }, { secrets: {}, pull_password: null }])
      assert.throws(
        () => sealValues(box, { id: 'b', ...lacking }, null),
        (error) => error instanceof CetusError && error.code === 'missing_field',
      );
  });

  it('are nothing where there are none', () => {
    const request = { id: 'a', secrets: { gone: { b: '2' } }, pull_password: 'p' };
    const before = sealValues(box, request, null).sealed;
    assert.deepEqual(sealValues(box, { id: 'a', secrets: {} }, before), { sealed: null, keys: {} });
    assert.equal(openValues(box, 'a', null), null);
  });
});
