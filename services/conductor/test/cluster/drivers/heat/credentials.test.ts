import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { certificateInfo, createSigningRequest } from '@cetus/shared/pki';
import { CetusError } from '@cetus/shared/errors';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import type { StoredCluster } from '@cetus/shared/schemas';
import { ClusterSecretStore } from '../../../../src/cluster/drivers/heat/cluster-secret-store.ts';
import {
  certificatesOf,
  kubeconfigFor,
  renewAdministrator,
  signForClient,
} from '../../../../src/cluster/drivers/heat/credentials.ts';
import { openKubeconfig } from '../../../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { storedCluster } from '../../stored-cluster.ts';

const SERVER = 'https://203.0.113.7:6443';
const DAY_MS = 86_400_000;

describe('the credentials of a cluster that the heat driver made', () => {
  const box = new SecretBox(KeyRing.parse(`test:${randomBytes(32).toString('base64')}`));
  const store = new ClusterSecretStore(box);
  let cluster: StoredCluster;

  const clientOf = (one: StoredCluster): string => {
    const { users } = parse(openKubeconfig(box, one)) as {
      users: { user: { 'client-certificate-data': string } }[];
    };
    return Buffer.from(users[0]!.user['client-certificate-data'], 'base64').toString();
  };

  before(async () => {
    cluster = storedCluster({ status: { api_address: SERVER } });
    const secrets = await store.create(cluster);
    cluster = { ...cluster, status: { ...cluster.status, secrets } };
    cluster.status.kubeconfig = kubeconfigFor(cluster, SERVER, store);
  });

  it('have an authority for each purpose but the kubelets', () => {
    const names = (['kubernetes', 'etcd', 'front-proxy'] as const).map(
      (kind) => certificateInfo(store.authority(cluster, kind).certificate).commonName,
    );
    assert.deepEqual(names, ['kubernetes', 'etcd-ca', 'front-proxy-ca']);
    assert.throws(
      () => store.authority(cluster, 'kubelet'),
      (error) => error instanceof CetusError && error.code === 'unsupported',
    );
    assert.throws(
      () => store.authority({ ...cluster, status: { ...cluster.status, secrets: null } }, 'kubernetes'),
      (error) => error instanceof CetusError && error.code === 'conflict',
    );
  });

  it('sign what a client asks for, for clients only, for a year', () => {
    const { request } = createSigningRequest({ commonName: 'jane', organizations: ['developers'] });
    const signed = signForClient(cluster, request, store);
    const certificate = new X509Certificate(signed);
    const { certificate: ca } = store.authority(cluster, 'kubernetes');
    assert.ok(certificate.verify(new X509Certificate(ca).publicKey));
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    const info = certificateInfo(signed);
    assert.equal(info.commonName, 'jane');
    assert.deepEqual(info.organizations, ['developers']);
    const days = (info.notAfter.getTime() - Date.now()) / DAY_MS;
    assert.ok(days > 364 && days < 366);
  });

  it('are made anew for the administrator, with all else as it was', () => {
    const facts = renewAdministrator(cluster, store);
    const renewed: StoredCluster = { ...cluster, status: { ...cluster.status, ...facts } as never };
    const { admin: before, ...others } = store.open(cluster);
    const { admin: after, ...kept } = store.open(renewed);
    assert.deepEqual(kept, others);
    assert.notEqual(after.certificate, before.certificate);
    assert.equal(clientOf(cluster), before.certificate);
    assert.equal(clientOf(renewed), after.certificate);
    assert.deepEqual(certificatesOf(renewed, store), facts.certificates);
    assert.deepEqual(facts.certificates?.client_expires_at, certificateInfo(after.certificate).notAfter);
  });

  it('are made anew without a kubeconfig while the cluster has no address', () => {
    const nowhere = { ...cluster, status: { ...cluster.status, api_address: null } };
    assert.equal(renewAdministrator(nowhere, store).kubeconfig, undefined);
  });
});
