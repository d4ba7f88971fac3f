import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateInfo } from '@cetus/shared/pki';
import { parse } from 'yaml';
import { createKubeconfig } from '../../../../src/cluster/kubeconfig/create-kubeconfig.ts';
import {
  createBootstrapToken,
  createClusterSecrets,
  discoveryHash,
  issueAdminCertificate,
  type ClusterSecrets,
} from '../../../../src/cluster/drivers/heat/pki.ts';

describe('the secrets of a cluster', () => {
  let directory: string;
  let secrets: ClusterSecrets;

  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { cwd: directory, timeout: 15_000, stdio: 'pipe' }).toString();

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cetus-pki-'));
    secrets = await createClusterSecrets();
    writeFileSync(join(directory, 'ca.crt'), secrets.ca.certificate);
    writeFileSync(join(directory, 'etcd.crt'), secrets.etcdCa.certificate);
    writeFileSync(join(directory, 'admin.crt'), secrets.admin.certificate);
    writeFileSync(join(directory, 'sa.key'), secrets.serviceAccount.privateKey, { mode: 0o600 });
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  it('make a chain that openssl verifies for a TLS client, and only with its own authority', () => {
    assert.match(
      openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', 'ca.crt', 'admin.crt'),
      /admin\.crt: OK/,
    );
    assert.match(openssl('verify', '-x509_strict', '-CAfile', 'etcd.crt', 'etcd.crt'), /OK/);
    assert.throws(() => openssl('verify', '-CAfile', 'etcd.crt', 'admin.crt'));
  });

  it('give the administrator the group and the usage Kubernetes looks for', () => {
    const admin = new X509Certificate(secrets.admin.certificate);
    assert.equal(admin.subject, 'O=system:masters\nCN=cetus-admin');
    assert.equal(admin.issuer, 'CN=kubernetes');
    assert.equal(admin.ca, false);
    assert.deepEqual(admin.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.ok(admin.verify(new X509Certificate(secrets.ca.certificate).publicKey));
  });

  it('hold keys that belong to their certificates, in a form Go reads', () => {
    for (const pair of [secrets.ca, secrets.etcdCa, secrets.frontProxyCa, secrets.admin]) {
      assert.ok(pair.key.startsWith('-----BEGIN EC PRIVATE KEY-----\n'));
      assert.ok(pair.certificate.endsWith('-----END CERTIFICATE-----\n'));
      assert.ok(new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.key)));
    }
    const { privateKey, publicKey } = secrets.serviceAccount;
    assert.equal(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(), publicKey);
  });

  it('name three different authorities, each its own', () => {
    const authorities = [secrets.ca, secrets.etcdCa, secrets.frontProxyCa].map(
      ({ certificate }) => new X509Certificate(certificate),
    );
    assert.deepEqual(
      authorities.map(({ subject }) => subject),
      ['CN=kubernetes', 'CN=etcd-ca', 'CN=front-proxy-ca'],
    );
    assert.ok(authorities.every(({ ca }) => ca));
    assert.equal(new Set(authorities.map(({ serialNumber }) => serialNumber)).size, 3);
  });

  it('have the discovery hash that openssl computes', () => {
    const spki = openssl('x509', '-in', 'ca.crt', '-pubkey', '-noout');
    writeFileSync(join(directory, 'ca.pub'), spki);
    openssl('pkey', '-pubin', '-in', 'ca.pub', '-outform', 'der', '-out', 'ca.der');
    const digest = openssl('dgst', '-sha256', '-r', 'ca.der').split(' ')[0];
    assert.equal(discoveryHash(secrets.ca.certificate), `sha256:${digest}`);
  });

  it('last as long as asked, and begin in the past', async () => {
    const now = new Date('2030-01-01T00:00:00Z');
    const { ca, admin } = await createClusterSecrets({ now, caDays: 10_000, adminDays: 2 });
    assert.equal(certificateInfo(admin.certificate).notAfter.toISOString(), '2030-01-03T00:00:00.000Z');
    // Beyond 2049 X.509 writes dates in another type.
    assert.equal(certificateInfo(ca.certificate).notAfter.toISOString(), '2057-05-19T00:00:00.000Z');
    assert.ok(new Date(new X509Certificate(ca.certificate).validFrom) < now);
  });

  it('renew the administrator under the same authority', () => {
    const renewed = issueAdminCertificate(secrets.ca, 30);
    assert.notEqual(renewed.certificate, secrets.admin.certificate);
    writeFileSync(join(directory, 'renewed.crt'), renewed.certificate);
    assert.match(openssl('verify', '-CAfile', 'ca.crt', 'renewed.crt'), /OK/);
  });

  it('have bootstrap tokens of the form kubeadm demands, never twice the same', () => {
    const tokens = Array.from({ length: 200 }, createBootstrapToken);
    for (const token of tokens) assert.match(token, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    assert.equal(new Set(tokens).size, tokens.length);
  });

  it('make a kubeconfig with one context, the authority and the certificate', () => {
    const text = createKubeconfig({
      clusterName: 'demo',
      server: 'https://203.0.113.7:6443',
      caCertificate: secrets.ca.certificate,
      client: secrets.admin,
    });
    const config = parse(text);
    assert.equal(config['current-context'], 'demo');
    assert.equal(config.clusters[0].cluster.server, 'https://203.0.113.7:6443');
    assert.equal(config.contexts[0].context.user, config.users[0].name);
    const authority = Buffer.from(
      config.clusters[0].cluster['certificate-authority-data'],
      'base64',
    ).toString();
    assert.equal(authority, secrets.ca.certificate);
    const client = Buffer.from(config.users[0].user['client-certificate-data'], 'base64').toString();
    assert.equal(client, secrets.admin.certificate);
  });
});
