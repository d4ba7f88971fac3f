import assert from 'node:assert/strict';
import { KubernetesError, KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import { CetusError } from '@cetus/shared/errors';
import { SecretError } from '@cetus/shared/secrets';
import { DifferentClusterError, troubleOf } from '../../src/health/trouble.ts';

const REQUEST = { method: 'GET', path: '/readyz' };
const answered = (status: number, body: unknown = { kind: 'Status', reason: 'Some' }) =>
  troubleOf(new KubernetesError(REQUEST, status, body))?.reason ?? null;
const failed = (code: string) =>
  troubleOf(new KubernetesUnreachableError(REQUEST, code, { code, maybeSent: false, cause: undefined }))
    ?.reason;

describe('What a failed request says about reaching a cluster', () => {
  it('tells a refusal from silence, and both from an answer', () => {
    assert.equal(answered(401), 'CredentialsRefused');
    assert.equal(answered(403), 'CredentialsRefused');
    assert.equal(answered(500), null);
    assert.equal(answered(429), null);
    assert.equal(answered(503), null, 'the API server itself says so');
    assert.equal(answered(503, 'no backend'), 'NoAnswer');
    for (const code of ['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'TIMEOUT', 'ENOTFOUND'])
      assert.equal(failed(code), 'NoAnswer');
  });

  it('says no more than a person reads', () => {
    const body = { kind: 'Status', reason: 'Forbidden', message: 'x'.repeat(1_000_000) };
    assert.ok((troubleOf(new KubernetesError(REQUEST, 403, body))?.message.length ?? 0) < 1_000);
  });

  it('tells whose certificate is not accepted', () => {
    for (const code of [
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'CERT_SIGNATURE_FAILURE',
    ])
      assert.equal(failed(code), 'CertificateRejected', code);
    for (const code of [
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
    ])
      assert.equal(failed(code), 'CredentialsRefused', code);
  });

  it('knows another cluster and a kubeconfig that cannot be used, and nothing else', () => {
    assert.equal(troubleOf(new DifferentClusterError('another'))?.reason, 'DifferentCluster');
    assert.equal(troubleOf(new CetusError('invalid_field', 'no'))?.reason, 'KubeconfigInvalid');
    assert.equal(troubleOf(new SecretError('key_unknown', 'no'))?.reason, 'KubeconfigInvalid');
    assert.throws(() => troubleOf(new TypeError('oops')), TypeError);
    assert.throws(() => troubleOf(new CetusError('store_unavailable', 'no')), CetusError);
  });
});
