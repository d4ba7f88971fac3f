import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { CetusError } from '@cetus/shared/errors';
import { createAuthority, issueCertificate } from '@cetus/shared/pki';
import { stringify } from 'yaml';
import { readKubeconfig } from '../src/kubeconfig.ts';

const authority = createAuthority({ commonName: 'test', days: 1 });
const client = issueCertificate(authority, { commonName: 'a', usages: ['client'], days: 1 });
const other = issueCertificate(authority, { commonName: 'b', usages: ['client'], days: 1 });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const SERVER = { server: 'https://api.example.org:6443' };
const CLIENT = {
  'client-certificate-data': base64(client.certificate),
  'client-key-data': base64(client.key),
};

const config = (cluster: object = SERVER, user: object = { token: 't' }): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'other', cluster: { server: 'https://other.example.org' } },
    { name: 'c', cluster },
  ],
  users: [{ name: 'u', user }],
  contexts: [
    { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'n' } },
    { name: 'y', context: { cluster: 'other', user: 'u' } },
  ],
  'current-context': 'x',
});

describe('readKubeconfig', () => {
  it('reads the context that is asked for', () => {
    const text = stringify(config({ ...SERVER, 'tls-server-name': 'api' }));
    const first = {
      server: 'https://api.example.org:6443',
      user: 'u',
      token: 't',
      skipTlsVerify: false,
      tlsServerName: 'api',
    };
    assert.deepEqual(readKubeconfig(text), first);
    assert.equal(readKubeconfig(text, { context: 'y' }).server, 'https://other.example.org');
    assert.deepEqual(readKubeconfig(JSON.stringify(config({ ...SERVER, 'tls-server-name': 'api' }))), first);
  });

  it('reads every kind of credential', () => {
    const read = (user: object) => readKubeconfig(JSON.stringify(config(SERVER, user)));
    const { clientCertificate, clientKey } = read(CLIENT);
    assert.deepEqual([clientCertificate, clientKey], [client.certificate, client.key]);
    const { username, password } = read({ username: 'me', password: 'pw' });
    assert.deepEqual([username, password], ['me', 'pw']);
    // kubectl writes empty values for what is not set.
    assert.equal(read({ token: 't', exec: null, 'client-key': '', 'auth-provider': null }).token, 't');
  });

  it('keeps the path of the server, without the last slash', () => {
    const { server } = readKubeconfig(JSON.stringify(config({ server: 'https://h/k8s/clusters/c-1/' })));
    assert.equal(server, 'https://h/k8s/clusters/c-1');
  });

  it('takes what is not secure only where that is allowed', () => {
    const insecure = [{ server: 'http://h' }, { ...SERVER, 'insecure-skip-tls-verify': true }];
    for (const cluster of insecure) {
      const text = JSON.stringify(config(cluster));
      assert.throws(() => readKubeconfig(text), CetusError);
      assert.ok(readKubeconfig(text, { allowInsecure: true }).server);
    }
    assert.equal(
      readKubeconfig(JSON.stringify(config(insecure[1])), { allowInsecure: true }).skipTlsVerify,
      true,
    );
  });

  const user = (fields: object): string => JSON.stringify(config(SERVER, fields));
  const cluster = (fields: object): string => JSON.stringify(config({ ...SERVER, ...fields }));
  const without = (field: string): string => JSON.stringify({ ...config(), [field]: undefined });
  const bombs = `a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n${stringify(config())}`;
  const refused: [what: string, text: string, field: string][] = [
    ['a program to run', user({ exec: { command: 'sh' } }), 'users/0/user/exec'],
    ['an old kind of program', user({ 'auth-provider': { name: 'gcp' } }), 'users/0/user/auth-provider'],
    ['a file with a token', user({ tokenFile: '/etc/passwd' }), 'users/0/user/tokenFile'],
    [
      'a file with a certificate',
      user({ token: 't', 'client-certificate': 'a' }),
      'users/0/user/client-certificate',
    ],
    ['a file with a key', user({ token: 't', 'client-key': 'a' }), 'users/0/user/client-key'],
    ['somebody else', user({ token: 't', as: 'admin' }), 'users/0/user/as'],
    ['a token that breaks a header', user({ token: 'a\r\nb' }), 'users/0/user/token'],
    ['a token that is no string', user({ token: 5 }), 'users/0/user/token'],
    ['no credential', user({}), 'users/0/user'],
    ['a certificate without key', user({ ...CLIENT, 'client-key-data': '' }), 'users/0/user'],
    [
      'the key of another',
      user({ ...CLIENT, 'client-key-data': base64(other.key) }),
      'users/0/user/client-key-data',
    ],
    ['nonsense as key', user({ ...CLIENT, 'client-key-data': 'eA==' }), 'users/0/user/client-key-data'],
    [
      'a file with the authority',
      cluster({ 'certificate-authority': 'a' }),
      'clusters/1/cluster/certificate-authority',
    ],
    ['a proxy', cluster({ 'proxy-url': 'http://h' }), 'clusters/1/cluster/proxy-url'],
    ['no address', cluster({ server: '' }), 'clusters/1/cluster/server'],
    ['an address that is none', cluster({ server: 'api' }), 'clusters/1/cluster/server'],
    ['another protocol', cluster({ server: 'file:///etc' }), 'clusters/1/cluster/server'],
    ['a password in the address', cluster({ server: 'https://u:p@h' }), 'clusters/1/cluster/server'],
    ['no context', without('current-context'), 'current-context'],
    ['no users', without('users'), 'users'],
    ['a context that is not there', JSON.stringify({ ...config(), 'current-context': 'z' }), 'contexts'],
    ['another kind', JSON.stringify({ ...config(), kind: 'Pod' }), 'kind'],
    ['no YAML', 'a: [', ''],
    ['no mapping', '- 1', ''],
    ['a text that is too long', 'x'.repeat(2_000_000), ''],
    ['aliases', bombs, ''],
    ['lists in lists that would take all of the stack', '- '.repeat(100_000), ''],
    ['brackets that would', '['.repeat(100_000), ''],
    ['an error in every word', `a: "${'\\u00'.repeat(40_000)}"`, ''],
  ];
  for (const [what, text, field] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => readKubeconfig(text),
        (error) => {
          assert.ok(error instanceof CetusError, String(error));
          assert.deepEqual(
            [error.code, error.field],
            ['invalid_field', field === '' ? 'kubeconfig' : `kubeconfig/${field}`],
          );
          return true;
        },
      );
    });
  }

  it('does not repeat secrets in what it says', () => {
    for (const text of [`users: [{name: u, user: {token: hidden`, 'token: |hidden\n  more'])
      assert.throws(
        () => readKubeconfig(text),
        (error) =>
          error instanceof CetusError && !inspect(error, { depth: 5, showHidden: true }).includes('hidden'),
      );
  });
});
