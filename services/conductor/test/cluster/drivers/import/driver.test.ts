import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { readKubeconfig } from '@cetus/kubernetes/kubeconfig';
import type { KubernetesObject, ListPage } from '@cetus/kubernetes/objects';
import { certificateInfo, createAuthority, createSigningRequest } from '@cetus/shared/pki';
import type { StoredCluster } from '@cetus/shared/schemas';
import { ImportDriver } from '../../../../src/cluster/drivers/import/driver.ts';
import { kubeconfigFor } from '../../../../src/cluster/drivers/import/kubeconfig.ts';
import { accepted, context, secrets, targets, type Target } from './support.ts';

for (const target of targets) {
  describe(`the import driver on ${target.name}`, () => {
    const driver = new ImportDriver({ secrets });
    let kubeconfig: string;
    let started: Awaited<ReturnType<Target['start']>>;
    let admin: KubernetesConnection;
    /** A cluster that was taken in. */
    let cluster: StoredCluster;

    before(async () => {
      started = await target.start();
      kubeconfig = started.kubeconfig;
      admin = KubernetesConnection.fromKubeconfig(kubeconfig);
      const asked = await accepted(driver, kubeconfig);
      const result = await driver.apply(asked, context);
      assert.equal(result.phase, 'done');
      cluster = {
        ...asked,
        status: { ...asked.status, ...(result.facts as Partial<StoredCluster['status']>) },
      };
    });

    after(async () => {
      await admin.close();
      await started.close();
    });

    const check = (text: string, using?: string) =>
      driver.check(
        {
          projectId: 'p',
          userId: 'u',
          references: {},
          imported: { clusterId: 'c', kubeconfig: text, context: using },
        },
        context.signal,
      );
    /** The kubeconfig with other credentials. */
    const as = (user: { token: string } | { clientCertificate: string; clientKey: string }): string => {
      const { server, skipTlsVerify, authorityCertificate } = readKubeconfig(kubeconfig);
      const authority = authorityCertificate === undefined ? {} : { authorityCertificate };
      return kubeconfigFor({ server, skipTlsVerify, ...authority, user: 'u', ...user });
    };
    /** Credentials that the cluster itself has certified. */
    const certified = async (commonName: string): Promise<string> => {
      const { request, key } = createSigningRequest({ commonName, organizations: ['dev'] });
      const clientCertificate = await driver.signCertificate(cluster, request, context.signal);
      return as({ clientCertificate, clientKey: key });
    };

    it('takes a cluster in: what it is, how many nodes it has, when its certificates end', () => {
      const access = readKubeconfig(kubeconfig);
      const { status } = cluster;
      assert.equal(status.api_address, access.server);
      assert.match(status.coe_version ?? '', /^v\d+\.\d+\.\d+/);
      assert.ok((status.actual_node_count ?? 0) + (status.actual_master_count ?? 0) >= 1);
      const addresses = [...status.node_addresses, ...status.master_addresses];
      assert.equal(addresses.length, (status.actual_node_count ?? 0) + (status.actual_master_count ?? 0));
      assert.deepEqual(status.certificates, {
        ca_expires_at: new Date(new X509Certificate(access.authorityCertificate ?? '').validTo),
        client_expires_at: new Date(new X509Certificate(access.clientCertificate ?? '').validTo),
      });
    });

    it('keeps the kubeconfig sealed, and of it only what is used', async () => {
      const other = { name: 'other', user: { token: 'token-of-another-cluster' } };
      const config = JSON.parse(JSON.stringify((await import('yaml')).parse(kubeconfig))) as {
        users: unknown[];
      };
      const { imported } = await check(JSON.stringify({ ...config, users: [...config.users, other] }));
      assert.ok(imported);
      const kept = secrets.open(imported.kubeconfig, { id: 'c', field: 'spec.imported.kubeconfig' });
      assert.doesNotMatch(kept, /token-of-another-cluster/);
      assert.deepEqual({ ...readKubeconfig(kept), user: '' }, { ...readKubeconfig(kubeconfig), user: '' });
    });

    it('finds the cluster as it is, at every look', async () => {
      const { facts, failure, drift } = await driver.inspect(cluster, context);
      assert.deepEqual({ failure, drift }, { failure: null, drift: null });
      assert.equal(facts.actual_node_count, cluster.status.actual_node_count);
      assert.deepEqual(facts.driver_state, cluster.status.driver_state);
      assert.equal(facts.kubeconfig, undefined);
    });

    it('notices that another cluster answers', async () => {
      const status = { ...cluster.status, driver_state: { cluster_uid: 'that-of-the-first' } };
      const { failure } = await driver.inspect({ ...cluster, status }, context);
      assert.equal(failure?.code, 'cluster_replaced');
      const applied = await driver.apply({ ...cluster, status }, context);
      assert.equal(applied.phase === 'failed' && applied.failure.code, 'cluster_replaced');
    });

    it('refuses a kubeconfig of another cluster than the one that it is for', async () => {
      const verdict = (of: StoredCluster) =>
        driver.check(
          {
            projectId: 'p',
            userId: 'u',
            references: {},
            imported: { clusterId: of._id, kubeconfig, cluster: of },
          },
          context.signal,
        );
      assert.ok((await verdict(cluster)).imported);
      const withState = (driver_state: Record<string, unknown>) =>
        verdict({ ...cluster, status: { ...cluster.status, driver_state } });
      const { problems, imported } = await withState({ cluster_uid: 'that-of-the-first' });
      assert.deepEqual(
        problems.map(({ field, code }) => [field, code]),
        [['kubeconfig', 'cluster_replaced']],
      );
      assert.equal(imported, undefined);
      // One that was never taken in may be any.
      assert.ok((await withState({})).imported);
    });

    it('refuses a server of another authority', async () => {
      const { certificate } = createAuthority({ commonName: 'other', days: 1 });
      const text = kubeconfigFor({ ...readKubeconfig(kubeconfig), authorityCertificate: certificate });
      const { problems } = await check(text);
      assert.deepEqual(
        problems.map(({ field, code }) => [field, code]),
        [['kubeconfig', 'cluster_untrusted']],
      );
    });

    it('refuses credentials that the cluster does not accept', async () => {
      const { problems, imported } = await check(as({ token: 'made-up' }));
      assert.deepEqual(
        problems.map(({ code }) => code),
        ['cluster_credentials_rejected'],
      );
      assert.equal(imported, undefined);
    });

    it('lists all that the credentials do not allow', async () => {
      const { problems } = await check(await certified('nobody-special'));
      assert.equal(problems[0]?.code, 'cluster_permissions_missing');
      for (const missing of [/get namespaces/, /list nodes/, /watch nodes/]) {
        assert.match(problems[0].detail, missing);
      }
    });

    it('begins to use credentials that replace the old ones, and fails when they do not do', async () => {
      const clusterId = cluster._id;
      const { imported } = await driver.check(
        { projectId: 'p', userId: 'u', references: {}, imported: { clusterId, kubeconfig } },
        context.signal,
      );
      const renewed = await driver.apply(
        { ...cluster, spec: { ...cluster.spec, imported: imported ?? null } },
        context,
      );
      assert.equal(renewed.phase, 'done');
      const place = { id: clusterId, field: 'spec.imported.kubeconfig' };
      const revoked = { kubeconfig: secrets.seal(as({ token: 'revoked' }), place), server: 'https://x' };
      const result = await driver.apply(
        { ...cluster, spec: { ...cluster.spec, imported: revoked } },
        context,
      );
      assert.equal(result.phase === 'failed' && result.failure.code, 'cluster_credentials_rejected');
    });

    it('shows the authority, and none that it does not know', async () => {
      const pem = await driver.authority(cluster, 'kubernetes');
      assert.equal(pem, readKubeconfig(kubeconfig).authorityCertificate);
      await assert.rejects(driver.authority(cluster, 'etcd'), { code: 'unsupported' });
    });

    it('lets the cluster sign certificates that it accepts, and leaves nothing behind', async () => {
      const { request, key } = createSigningRequest({ commonName: 'ann', organizations: ['dev', 'ops'] });
      const pem = await driver.signCertificate(cluster, request, context.signal);
      const { commonName, organizations } = certificateInfo(pem);
      assert.deepEqual([commonName, organizations.sort()], ['ann', ['dev', 'ops']]);
      const certificate = new X509Certificate(pem);
      assert.ok(certificate.checkPrivateKey(createPrivateKey(key)));
      const authority = new X509Certificate(await driver.authority(cluster, 'kubernetes'));
      assert.ok(certificate.verify(authority.publicKey));

      const ann = KubernetesConnection.fromKubeconfig(as({ clientCertificate: pem, clientKey: key }));
      await assert.rejects(ann.get('/api/v1/nodes'), { status: 403 });
      await ann.close();
      const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
      const left = await admin.get<ListPage<KubernetesObject>>(path);
      assert.deepEqual(
        left.items.filter(({ metadata }) => metadata.name.startsWith(`cetus-${cluster._id}`)),
        [],
      );
    });

    it('does not ask for the group that Kubernetes certifies to nobody', async () => {
      const { request } = createSigningRequest({ commonName: 'ann', organizations: ['system:masters'] });
      await assert.rejects(driver.signCertificate(cluster, request, context.signal), {
        code: 'invalid_field',
        field: 'csr',
      });
    });

    it('forgets a cluster that is removed, and does nothing to it', async () => {
      const before = await admin.get<ListPage<KubernetesObject>>('/api/v1/namespaces');
      const result = await driver.remove();
      assert.deepEqual(result, { phase: 'done', facts: { kubeconfig: null } });
      const after = await admin.get<ListPage<KubernetesObject>>('/api/v1/namespaces');
      assert.deepEqual(
        after.items.map(({ metadata }) => metadata.uid),
        before.items.map(({ metadata }) => metadata.uid),
      );
    });
  });
}
