import assert from 'node:assert/strict';
import { createAuthority } from '@cetus/shared/pki';
import { KubernetesConnection } from '../../src/connection.ts';
import { KubernetesUnreachableError } from '../../src/errors.ts';
import { readKubeconfig } from '../../src/kubeconfig.ts';
import type { ResourceList } from '../../src/objects.ts';
import { kubernetesContract, refusal } from './bench.ts';

kubernetesContract('discovery', (bench) => {
  const resources = async (path: string): Promise<Map<string, ResourceList['resources'][number]>> => {
    const { resources } = await bench.connection.get<ResourceList>(path);
    return new Map(resources.map((resource) => [resource.name, resource]));
  };

  it('says its version', async () => {
    const version = await bench.connection.get<Record<string, string>>('/version');
    assert.match(version['gitVersion'] ?? '', /^v\d+\.\d+\.\d+/);
    assert.match(version['platform'] ?? '', /^linux\//);
  });

  it('says part by part whether it is ready', async () => {
    for (const path of ['/readyz', '/livez', '/healthz']) {
      const { body, headers } = await bench.connection.request('GET', path);
      assert.equal(body, 'ok');
      assert.match(headers['content-type'] ?? '', /^text\/plain/);
      const verbose = await bench.connection.get<string>(path, { query: { verbose: '' } });
      assert.match(verbose, /^\[\+\]ping ok$/m);
      assert.match(verbose, /^\[\+\]etcd ok$/m);
      assert.match(verbose, new RegExp(`^${path.slice(1)} check passed$`, 'm'));
    }
  });

  it('lists what it serves', async () => {
    const versions = await bench.connection.get<{ kind: string; versions: string[] }>('/api');
    assert.deepEqual([versions.kind, versions.versions], ['APIVersions', ['v1']]);
    const groups = await bench.connection.get<{
      kind: string;
      groups: { name: string; preferredVersion: { groupVersion: string } }[];
    }>('/apis');
    assert.equal(groups.kind, 'APIGroupList');
    const preferred = new Map(
      groups.groups.map((group) => [group.name, group.preferredVersion.groupVersion]),
    );
    assert.equal(preferred.get('apps'), 'apps/v1');
    for (const group of [
      'batch',
      'autoscaling',
      'policy',
      'networking.k8s.io',
      'storage.k8s.io',
      'rbac.authorization.k8s.io',
      'authorization.k8s.io',
      'certificates.k8s.io',
      'apiextensions.k8s.io',
      'coordination.k8s.io',
    ]) {
      assert.ok(preferred.has(group), group);
    }
    const apps = await bench.connection.get<{ kind: string; name: string }>('/apis/apps');
    assert.deepEqual([apps.kind, apps.name], ['APIGroup', 'apps']);
  });

  it('says what can be done with each resource', async () => {
    const core = await resources('/api/v1');
    assert.deepEqual(
      [core.get('pods')?.kind, core.get('pods')?.namespaced, core.get('nodes')?.namespaced],
      ['Pod', true, false],
    );
    assert.deepEqual([...(core.get('pods')?.verbs ?? [])].sort(), [
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
    const eviction = core.get('pods/eviction');
    assert.deepEqual([eviction?.kind, eviction?.group], ['Eviction', 'policy']);
    const apps = await resources('/apis/apps/v1');
    for (const name of [
      'deployments',
      'statefulsets',
      'daemonsets',
      'replicasets',
      'deployments/scale',
      'deployments/status',
    ]) {
      assert.ok(apps.has(name), name);
    }
    assert.equal(apps.get('deployments/scale')?.kind, 'Scale');
    assert.ok((await resources('/apis/batch/v1')).has('jobs'));
  });

  it('knows nothing of what is not served', async () => {
    for (const path of [
      '/api/v1/nothings',
      '/api/v9/pods',
      '/apis/apps/v1/things',
      '/apis/apps/v9/deployments',
    ]) {
      const error = await refusal(bench.get(path), 404, 'NotFound');
      assert.equal(error.message, 'the server could not find the requested resource');
      assert.equal(error.details?.name, undefined);
    }
    await assert.rejects(bench.get('/apis/nowhere.example.org/v1/things'), {
      name: 'KubernetesError',
      status: 404,
      body: '404 page not found\n',
    });
    await refusal(bench.put('/api/v1/nodes', {}), 405, 'MethodNotAllowed');
  });

  it('refuses a stranger, and who does not trust it', async () => {
    const access = readKubeconfig(bench.cluster.kubeconfig);
    const { clientCertificate: _, clientKey: __, ...server } = access;
    const stranger = new KubernetesConnection({ ...server, token: 'no-such-token' });
    const wary = new KubernetesConnection({ ...server, token: 'x', authorityCertificate: OTHER_AUTHORITY });
    try {
      const error = await refusal(stranger.get('/api/v1/nodes'), 401, 'Unauthorized');
      assert.equal(error.message, 'Unauthorized');
      await assert.rejects(wary.get('/version'), KubernetesUnreachableError);
    } finally {
      await Promise.all([stranger.close(), wary.close()]);
    }
  });
});

const OTHER_AUTHORITY = createAuthority({ commonName: 'other', days: 1 }).certificate;
