import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { magnumContract } from './bench.ts';
import { refused } from './refusal.ts';

magnumContract('certificates', (bench) => {
  let uuid: string;
  before(async () => {
    const template = await bench.template();
    uuid = await bench.create({ cluster_template_id: template.uuid, node_count: 0 });
    await bench.reaches(uuid, 'CREATE_COMPLETE');
  });

  const authority = async (): Promise<X509Certificate> =>
    new X509Certificate((await bench.magnum.getCaCertificate(uuid)).pem);

  it('shows the authority and signs requests by it', async () => {
    const shown = await bench.magnum.getCaCertificate(uuid);
    assert.equal(shown.cluster_uuid, uuid);
    const ca = new X509Certificate(shown.pem);
    assert.equal(ca.ca, true);
    const csr = signingRequest('admin', 'system:masters');
    const signed = await bench.magnum.signCertificate({ cluster_uuid: uuid, csr });
    assert.equal(signed.csr, csr);
    const certificate = new X509Certificate(signed.pem);
    assert.ok(certificate.verify(ca.publicKey));
    assert.deepEqual(certificate.subject.split('\n').sort(), ['CN=admin', 'O=system:masters']);
    assert.equal(certificate.issuer, ca.subject);
  });

  it('are of the cluster’s project alone: even the administrator needs a token for it', async () => {
    for (const [user, project] of [
      ['admin', 'admin'],
      ['demo2', 'demo2'],
    ] as const) {
      const other = bench.client(bench.cloud.session(user, project));
      await refused(other.getCaCertificate(uuid), 404, /could not be found/);
    }
    const { projectId } = await bench.session.identity();
    const grantRoles = ['admin'];
    const service = bench.cloud.session('admin', 'admin', { grantRoles }).forProject(projectId ?? '');
    const seen = await bench.client(service).getCaCertificate(uuid);
    assert.equal(seen.pem, (await bench.magnum.getCaCertificate(uuid)).pem);
  });

  it('refuses an unknown cluster', async () => {
    await refused(bench.magnum.getCaCertificate('no-such'), 404, /could not be found/);
    const csr = signingRequest('admin', 'system:masters');
    await refused(bench.magnum.signCertificate({ cluster_uuid: 'no-such', csr }), 400, /could not be found/);
  });

  it('is given another authority', async () => {
    const before = await authority();
    await bench.magnum.rotateCa(uuid);
    await bench.reaches(uuid, 'UPDATE_COMPLETE');
    const after = await authority();
    assert.notEqual(after.fingerprint256, before.fingerprint256);
    const signed = await bench.magnum.signCertificate({ cluster_uuid: uuid, csr: signingRequest('a', 'b') });
    const certificate = new X509Certificate(signed.pem);
    assert.ok(certificate.verify(after.publicKey));
    assert.ok(!certificate.verify(before.publicKey));
  });
});

/** A PKCS#10 request of openssl's, with a new key. */
function signingRequest(commonName: string, organization: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'contract-'));
  try {
    const out = join(folder, 'csr');
    const subject = `/CN=${commonName}/O=${organization}`;
    const args = ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, '-keyout', '/dev/null'];
    execFileSync('openssl', [...args, '-out', out], { stdio: 'ignore' });
    return readFileSync(out, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
