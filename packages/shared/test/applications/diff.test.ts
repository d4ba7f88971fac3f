import assert from 'node:assert/strict';
import { diffSpecs } from '../../src/applications/index.ts';
import type { SealedSecret } from '../../src/schemas/index.ts';
import { specOf } from './forms.ts';

const container = (name: string, more: object = {}) => ({ name, image: 'web:1', ...more });
const sealed = (ciphertext: string): SealedSecret => ({
  v: 1,
  key_id: 'k',
  nonce: 'n',
  ciphertext,
  tag: 't',
});

describe('the difference of two specifications', () => {
  it('is nothing between equal ones', () => {
    assert.deepEqual(diffSpecs(specOf(), structuredClone(specOf())), []);
  });

  it('is by field, with parts of lists by what they are called', () => {
    const before = specOf({
      replicas: 2,
      containers: [
        container('web', {
          env: [
            { name: 'MODE', value: 'fast' },
            { name: 'GONE', value: '1' },
          ],
        }),
        container('old'),
      ],
    });
    const after = specOf({
      paused: true,
      labels: { 'example.org/a': 'b' },
      containers: [
        container('web', {
          image: 'web:2',
          env: [{ name: 'MODE', value: 'slow' }],
          ports: [{ port: 80 }],
          mounts: [{ volume: 'v', path: '/data/x' }],
        }),
      ],
    });
    const found = Object.fromEntries(diffSpecs(before, after).map(({ path, ...values }) => [path, values]));
    assert.deepEqual(found, {
      replicas: { before: 2, after: null },
      paused: { before: false, after: true },
      labels: { before: null, after: { 'example.org/a': 'b' } },
      'containers/web/image': { before: 'web:1', after: 'web:2' },
      'containers/web/env/MODE/value': { before: 'fast', after: 'slow' },
      'containers/web/env/GONE': { before: { name: 'GONE', value: '1' }, after: null },
      'containers/web/ports': { before: null, after: [{ port: 80 }] },
      'containers/web/mounts': { before: null, after: [{ volume: 'v', path: '/data/x' }] },
      'containers/old': { before: container('old'), after: null },
    });
  });

  it('names parts that have no name by what makes them one, and escapes slashes', () => {
    const before = specOf({
      containers: [
        container('web', { ports: [{ port: 53, protocol: 'UDP' }], mounts: [{ volume: 'v', path: '/a' }] }),
      ],
    });
    const after = specOf({
      containers: [
        container('web', {
          ports: [{ port: 53 }, { port: 53, protocol: 'UDP' }],
          mounts: [{ volume: 'w', path: '/a' }],
        }),
      ],
    });
    assert.deepEqual(diffSpecs(before, after), [
      { path: 'containers/web/ports/53-TCP', before: null, after: { port: 53 } },
      { path: 'containers/web/mounts/~1a/volume', before: 'v', after: 'w' },
    ]);
  });

  it('tells another order', () => {
    const init = (names: string[]) => specOf({ init_containers: names.map((name) => container(name)) });
    assert.deepEqual(diffSpecs(init(['a', 'b']), init(['b', 'a'])), [
      { path: 'init_containers', before: ['a', 'b'], after: ['b', 'a'] },
    ]);
    const changes = diffSpecs(init(['a', 'b']), init(['b']));
    assert.deepEqual(
      changes.map(({ path }) => path),
      ['init_containers/a'],
    );
  });

  it('takes lists of what has no name as one value', () => {
    const command = (words: string[]) => specOf({ containers: [container('web', { command: words })] });
    assert.deepEqual(diffSpecs(command(['a', 'b']), command(['a', 'c'])), [
      { path: 'containers/web/command', before: ['a', 'b'], after: ['a', 'c'] },
    ]);
  });

  it('tells of secrets that they changed, not how', () => {
    const secrets = [{ name: 'database', keys: ['password'] }];
    const changes = diffSpecs(
      specOf({ secrets, sealed: sealed('one') }),
      specOf({ secrets: [{ name: 'database', keys: ['password', 'user'] }], sealed: sealed('two') }),
    );
    assert.deepEqual(changes, [
      { path: 'secrets/database/keys', before: ['password'], after: ['password', 'user'] },
      { path: 'sealed', before: 'changed', after: 'changed' },
    ]);
    assert.deepEqual(diffSpecs(specOf(), specOf({ sealed: sealed('one') })), [
      { path: 'sealed', before: null, after: 'changed' },
    ]);
    assert.deepEqual(diffSpecs(specOf({ sealed: sealed('one') }), specOf({ sealed: sealed('one') })), []);
  });
});
