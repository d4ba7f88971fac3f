import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  certificateInfo,
  createAuthority,
  createSigningRequest,
  issueCertificate,
  readSigningRequest,
  signRequest,
  type KeyPair,
} from '../../src/pki/index.ts';

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

describe('pki', () => {
  let directory: string;
  let authority: KeyPair;

  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return name;
  };
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { cwd: directory, timeout: 15_000, stdio: 'pipe' }).toString();
  /** A request made by openssl, PEM. */
  const foreignRequest = (key: string[], ...args: string[]): string =>
    openssl('req', '-new', '-nodes', '-keyout', 'foreign.key', ...key, ...args);
  const refused = (pem: string, detail: RegExp): void =>
    assert.throws(() => readSigningRequest(pem), { code: 'invalid_field', field: 'csr', message: detail });

  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'cetus-pki-'));
    authority = createAuthority({ commonName: 'test-ca', days: 3650 });
    file('ca.crt', authority.certificate);
    file('other.crt', createAuthority({ commonName: 'test-ca', days: 3650 }).certificate);
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  describe('certificates', () => {
    it('make chains that openssl verifies for their usage, and only under their own authority', () => {
      const client = issueCertificate(authority, { commonName: 'bøb', usages: ['client'], days: 1 });
      const server = issueCertificate(authority, {
        commonName: 'api',
        usages: ['server'],
        dnsNames: ['api.example.org'],
        ipAddresses: ['127.0.0.5', 'fd00::5'],
        days: 1,
      });
      file('client.crt', client.certificate);
      file('server.crt', server.certificate);
      const verify = (purpose: string, ca: string, name: string): string =>
        openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, name);
      assert.match(verify('sslclient', 'ca.crt', 'client.crt'), /OK/);
      assert.match(verify('sslserver', 'ca.crt', 'server.crt'), /OK/);
      assert.throws(() => verify('sslserver', 'ca.crt', 'client.crt'));
      assert.throws(() => verify('sslclient', 'ca.crt', 'server.crt'));
      assert.throws(() => verify('sslclient', 'other.crt', 'client.crt'));
      assert.match(openssl('verify', '-CAfile', 'ca.crt', '-verify_ip', 'fd00::5', 'server.crt'), /OK/);
      assert.throws(() => openssl('verify', '-CAfile', 'ca.crt', '-verify_ip', '127.0.0.6', 'server.crt'));
      const parsed = new X509Certificate(server.certificate);
      assert.ok(parsed.checkHost('api.example.org') && parsed.checkIP('127.0.0.5'));
      assert.ok(parsed.checkPrivateKey(createPrivateKey(server.key)));
      assert.ok(server.key.startsWith('-----BEGIN PRIVATE KEY-----\n'));
    });

    it('say whom they name, and for how long', () => {
      const now = new Date('2030-01-01T00:00:00.500Z');
      const ca = createAuthority({ commonName: 'long', days: 10_000, now });
      const { certificate } = issueCertificate(ca, {
        commonName: 'admin',
        organizations: ['system:masters', 'ops'],
        usages: ['client'],
        days: 2,
        now,
      });
      const info = certificateInfo(certificate);
      assert.equal(info.commonName, 'admin');
      assert.deepEqual(info.organizations, ['system:masters', 'ops']);
      assert.equal(info.notBefore.toISOString(), '2029-12-31T23:00:00.000Z');
      assert.equal(info.notAfter.toISOString(), '2030-01-03T00:00:00.000Z');
      file('long.crt', ca.certificate);
      assert.match(openssl('x509', '-in', 'long.crt', '-noout', '-enddate'), /May 19 00:00:00 2057 GMT/);
      assert.equal(
        openssl('x509', '-in', 'long.crt', '-noout', '-fingerprint', '-sha256').trim().split('=')[1],
        certificateInfo(ca.certificate + certificate).fingerprint256,
      );
    });

    it('end with the authority at the latest', () => {
      const short = createAuthority({ commonName: 'short', days: 3 });
      const { certificate } = issueCertificate(short, { commonName: 'a', usages: ['client'], days: 365 });
      assert.deepEqual(certificateInfo(certificate).notAfter, certificateInfo(short.certificate).notAfter);
    });

    it('are not read from other texts', () => {
      for (const text of ['', 'certificate', authority.key, authority.certificate.replace('MII', 'AAA')]) {
        assert.throws(() => certificateInfo(text), { code: 'invalid_field', field: 'certificate' });
      }
    });
  });

  describe('signing requests', () => {
    it('are made so that openssl accepts them, and read back', () => {
      const { request, key } = createSigningRequest({ commonName: 'ann', organizations: ['dev'] });
      file('own.csr', request);
      assert.match(openssl('req', '-in', 'own.csr', '-noout', '-verify', '-subject'), /O = dev, CN = ann/);
      const { publicKey, ...names } = readSigningRequest(request);
      assert.deepEqual(names, { commonName: 'ann', organizations: ['dev'], dnsNames: [], ipAddresses: [] });
      const certificate = signRequest(authority, request, { usages: ['client'], days: 1 });
      assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
      assert.ok(new X509Certificate(certificate).publicKey.equals(publicKey));
    });

    const kinds: Record<string, string[]> = {
      'RSA 2048': ['-newkey', 'rsa:2048'],
      'RSA 3072 with SHA-512': ['-newkey', 'rsa:3072', '-sha512'],
      'EC P-256': EC,
      'EC P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-sha384'],
      'EC P-521': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521', '-sha512'],
      Ed25519: ['-newkey', 'ed25519'],
    };
    for (const [kind, key] of Object.entries(kinds)) {
      it(`of openssl with ${kind} are granted: names and key kept`, () => {
        const names = 'subjectAltName=DNS:a.example.org,DNS:*.b.example.org,IP:10.0.0.1,IP:fd00::1';
        const pem = foreignRequest(key, '-subj', '/C=DE/O=one/O=two/CN=node/OU=unit', '-addext', names);
        const request = readSigningRequest(pem);
        assert.equal(request.commonName, 'node');
        assert.deepEqual(request.organizations, ['one', 'two']);
        assert.deepEqual(request.dnsNames, ['a.example.org', '*.b.example.org']);
        assert.deepEqual(request.ipAddresses, ['10.0.0.1', 'fd00::1']);

        file('granted.crt', signRequest(authority, request, { usages: ['client', 'server'], days: 1 }));
        assert.match(openssl('verify', '-x509_strict', '-CAfile', 'ca.crt', 'granted.crt'), /OK/);
        const text = openssl('x509', '-in', 'granted.crt', '-noout', '-text');
        assert.match(text, /Subject: O = one, O = two, CN = node\n/);
        assert.match(
          text,
          /DNS:a\.example\.org, DNS:\*\.b\.example\.org, IP Address:10\.0\.0\.1, IP Address:FD00/,
        );
        assert.equal(
          openssl('x509', '-in', 'granted.crt', '-noout', '-pubkey'),
          openssl('pkey', '-in', 'foreign.key', '-pubout'),
        );
      });
    }

    it('cannot make themselves an authority', () => {
      const pem = foreignRequest(EC, '-subj', '/CN=evil', '-addext', 'basicConstraints=critical,CA:TRUE');
      const certificate = new X509Certificate(signRequest(authority, pem, { usages: ['client'], days: 1 }));
      assert.equal(certificate.ca, false);
      assert.deepEqual(certificate.keyUsage, [CLIENT_AUTH]);
    });

    it('that were changed are refused, wherever', () => {
      const { request } = createSigningRequest({ commonName: 'ann', organizations: ['dev'] });
      const der = Buffer.from(request.replace(/-----.*-----/g, ''), 'base64');
      const pem = (bytes: Buffer): string =>
        `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
      assert.equal(readSigningRequest(pem(der)).commonName, 'ann');
      // All that is signed, which begins after the outer header; and the signature after its own.
      const signed = { from: 3, to: 5 + der.readUInt8(4) };
      const indexes = Array.from(der.keys()).filter(
        (index) => (index >= signed.from && index < signed.to) || index >= signed.to + 15,
      );
      for (const index of indexes) {
        const changed = Buffer.from(der);
        changed[index] = (changed[index] ?? 0) ^ 1;
        assert.throws(() => readSigningRequest(pem(changed)), { code: 'invalid_field' }, `octet ${index}`);
      }
      const promoted = Buffer.from(der.toString('latin1').replace('dev', 'ops'), 'latin1');
      refused(pem(promoted), /not signed by its own key/);
      refused(pem(der.subarray(0, 60)), /not a PKCS#10/);
    });

    it('with weak keys, weak signatures or names that cannot be kept are refused', () => {
      refused(foreignRequest(['-newkey', 'rsa:1024'], '-subj', '/CN=a'), /at least 2048 bits/);
      const secp256k1 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'];
      refused(foreignRequest(secp256k1, '-subj', '/CN=a'), /P-256/);
      refused(foreignRequest(['-newkey', 'rsa:2048', '-sha1'], '-subj', '/CN=a'), /SHA-256/);
      refused(foreignRequest(EC, '-subj', '/O=nobody'), /common name/);
      refused(foreignRequest(EC, '-subj', '/CN=a/CN=b'), /exactly one/);
      refused(foreignRequest(EC, '-subj', '/CN=a', '-addext', 'subjectAltName=email:a@b.c'), /alternative/);
      refused('', /PEM/);
      refused(authority.certificate, /PEM/);
    });

    it('are granted by an RSA authority of another make', () => {
      openssl(
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'rsa.key', '-out', 'rsa.crt'],
        ...['-subj', '/CN=foreign', '-days', '30', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      );
      const rsa = { certificate: openssl('x509', '-in', 'rsa.crt'), key: openssl('pkey', '-in', 'rsa.key') };
      const { request } = createSigningRequest({ commonName: 'ann' });
      file('ann.crt', signRequest(rsa, request, { usages: ['client', 'server'], days: 1 }));
      assert.match(openssl('verify', '-x509_strict', '-CAfile', 'rsa.crt', 'ann.crt'), /OK/);
      const { certificate } = issueCertificate(rsa, { commonName: 's', usages: ['server'], days: 1 });
      assert.deepEqual(new X509Certificate(certificate).keyUsage, [SERVER_AUTH]);
    });
  });
});
