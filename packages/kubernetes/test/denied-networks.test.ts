import assert from 'node:assert/strict';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import { CetusError } from '@cetus/shared/errors';

const denied = new DeniedNetworks('169.254.0.0/16, fe80::/10, 127.0.0.0/8, ::1/128');

describe('DeniedNetworks', () => {
  it('holds networks of both families, and addresses of the one written as the other', () => {
    for (const address of ['169.254.169.254', '127.0.0.1', 'fe80::1', '::ffff:169.254.169.254'])
      assert.ok(denied.includes(address), address);
    for (const address of ['10.0.0.1', '2001:db8::1']) assert.ok(!denied.includes(address), address);
    assert.ok(!new DeniedNetworks('').includes('127.0.0.1'), 'none');
  });

  it('refuses what is no network', () => {
    for (const text of ['10.0.0.0', '10.0.0.0/33', 'fe80::/129', 'somewhere/8', '10.0.0.0/'])
      assert.throws(() => new DeniedNetworks(text), CetusError, text);
  });

  it('lets no connection lead there, by address or by name', async () => {
    const access = { server: 'https://169.254.169.254', user: 'x', skipTlsVerify: false };
    const field = (error: unknown): boolean => error instanceof CetusError && error.field === 'kubeconfig';
    assert.throws(() => new KubernetesConnection(access, { deniedNetworks: denied }), field);
    assert.throws(
      () => new KubernetesConnection({ ...access, server: 'https://[::1]:6443' }, { deniedNetworks: denied }),
      field,
    );
    const named = new KubernetesConnection(
      { ...access, server: 'https://localhost:6443' },
      { deniedNetworks: denied },
    );
    try {
      await assert.rejects(named.get('/version'), /lets no cluster be in/);
    } finally {
      await named.close();
    }
  });
});
