import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, type KeyPair } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import type { SimCluster } from '../../../src/kubernetes/kubernetes-host.ts';
import {
  DEFAULT_PASSWORD,
  startSimCloud,
  type SimCloud,
  type SimCloudOptions,
} from '../../../src/sim-cloud.ts';
import { ask, client } from '../support.ts';

const authority = createAuthority({ commonName: 'kubernetes', days: 1 });

interface NodeFiles {
  role: string;
  name: string;
  version: string;
}

/** What a machine of that role finds at its first boot. */
function filesOf({ role, name, version }: NodeFiles): Record<string, string> {
  return {
    '/etc/cetus/node.env': `NODE_ROLE='${role}'\nNODE_NAME='${name}'\nNODE_ADDRESS=''\nAPI_ADDRESS='__ADDRESS__'\nAPI_PORT='6443'\nKUBE_VERSION='${version}'\n`,
    '/etc/cetus/kubeadm.yaml': `kind: JoinConfiguration\nnodeRegistration:\n  kubeletExtraArgs: [{ name: node-labels, value: "group=${role}" }]\n`,
    '/etc/cetus/pki/ca.crt': authority.certificate,
    '/etc/cetus/upgrade.sh': '#!/bin/bash\n',
    ...(role === 'worker' ? {} : { '/etc/cetus/pki/ca.key': authority.key }),
  };
}

function cloudConfig(node: NodeFiles): string {
  const files = Object.entries(filesOf(node)).map(([path, content]) =>
    path.endsWith('ca.key')
      ? { path, encoding: 'b64', content: Buffer.from(content).toString('base64') }
      : { path, content },
  );
  return `#cloud-config\n${JSON.stringify({ write_files: files })}`;
}

function ignition(node: NodeFiles): string {
  const files = Object.entries(filesOf(node)).map(([path, content]) => ({
    path,
    contents: {
      source: content.includes('__')
        ? `data:,${encodeURIComponent(content).replaceAll('%25index%25', '%index%')}`
        : `data:;base64,${Buffer.from(content).toString('base64')}`,
    },
  }));
  return JSON.stringify({ ignition: { version: '3.2.0' }, storage: { files } });
}

/** A stack with a master, a group of workers and a floating address. */
function template(userData: (node: NodeFiles) => string, workers: number, version = 'v1.33.2'): object {
  const server = (role: string, name: string): object => ({
    type: 'OS::Nova::Server',
    properties: {
      user_data: {
        str_replace: {
          template: userData({ role, name, version }),
          params: { __ADDRESS__: '10.0.0.1' },
        },
      },
    },
  });
  return {
    heat_template_version: '2018-08-31',
    resources: {
      address: { type: 'OS::Neutron::FloatingIP', properties: { floating_network: 'public' } },
      master: server('init', 'master-0'),
      workers: {
        type: 'OS::Heat::ResourceGroup',
        properties: { count: workers, resource_def: server('worker', 'worker-%index%') },
      },
    },
    outputs: { address: { value: { get_attr: ['address', 'floating_ip_address'] } } },
  };
}

describe('servers of stacks', () => {
  let cloud: SimCloud;
  let token: string;
  let heat: string;

  beforeEach(() => start());
  afterEach(() => cloud.close());

  async function start(options: SimCloudOptions = {}): Promise<void> {
    cloud = await startSimCloud({ resourceSeconds: { '*': 0.01 }, ...options });
    const domain = { name: 'Default' };
    const response = await fetch(`${cloud.keystoneUrl}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'demo', domain, password: DEFAULT_PASSWORD } },
          },
          scope: { project: { name: 'demo', domain } },
        },
      }),
    });
    token = response.headers.get('x-subject-token') ?? '';
    const { token: said } = (await response.json()) as { token: { project: { id: string } } };
    heat = `${cloud.url}/orchestration/v1/${said.project.id}/stacks`;
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async function send(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`${heat}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-auth-token': token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, text);
    // Heat answers an update with a page.
    return text.startsWith('{') ? JSON.parse(text) : undefined;
  }

  async function create(userData: (node: NodeFiles) => string): Promise<string> {
    const { stack } = await send('POST', '', { stack_name: 'one', template: template(userData, 2) });
    return stack.id as string;
  }

  const admin: KeyPair = client('admin', ['system:masters'], authority);

  async function versions(cluster: SimCluster): Promise<Record<string, string>> {
    const { body } = await ask(cluster, '/api/v1/nodes', { certificate: admin });
    const nodes = body.items as {
      metadata: { name: string };
      status: { nodeInfo: { kubeletVersion: string } };
    }[];
    return Object.fromEntries(nodes.map((node) => [node.metadata.name, node.status.nodeInfo.kubeletVersion]));
  }

  for (const [name, form] of [
    ['cloud-init', cloudConfig],
    ['Ignition', ignition],
  ] as const) {
    it(`become a cluster at the floating address, booted by ${name}, that follows them`, async () => {
      const id = await create(form);
      const cluster = await waitFor(() => {
        const found = cloud.kubernetes.get(id);
        return found?.spec.nodes.length === 3 ? found : undefined;
      });
      const { stack } = await send('GET', `/one/${id}`);
      const [output] = stack.outputs as { output_value: string }[];
      assert.equal(cluster.url, `https://${String(output?.output_value)}:6443`);
      assert.deepEqual(await versions(cluster), {
        'master-0': 'v1.33.2',
        'worker-0': 'v1.33.2',
        'worker-1': 'v1.33.2',
      });
      const { body } = await ask(cluster, '/api/v1/nodes/worker-1', { certificate: admin });
      assert.equal(body.metadata.labels.group, 'worker');
      await waitFor(async () => (await send('GET', `/one/${id}`)).stack.stack_status === 'CREATE_COMPLETE');
      // Other user data makes other servers, of the new version.
      await send('PUT', `/one/${id}`, { template: template(form, 1, 'v1.34.0') });
      await waitFor(async () => {
        // Nobody but a user takes out the Node of the server that has gone.
        const left = { 'master-0': 'v1.34.0', 'worker-0': 'v1.34.0', 'worker-1': 'v1.33.2' };
        assert.deepEqual(await versions(cluster), left);
        return true;
      });
      await ask(cluster, '/api/v1/nodes/worker-1', { method: 'DELETE', certificate: admin });
      assert.deepEqual(Object.keys(await versions(cluster)), ['master-0', 'worker-0']);
      await send('DELETE', `/one/${id}`);
      await waitFor(() => cloud.kubernetes.get(id) === undefined);
      await assert.rejects(ask(cluster, '/version'), { code: 'ECONNREFUSED' });
    });
  }

  it('are the same cluster, at the same address, after a restart', async () => {
    await cloud.close();
    const dataDir = await mkdtemp(join(tmpdir(), 'simcloud-'));
    try {
      await start({ dataDir });
      const id = await create(cloudConfig);
      const first = await waitFor(() => cloud.kubernetes.get(id));
      const { url } = first;
      const made = await ask(first, '/api/v1/namespaces', {
        method: 'POST',
        certificate: admin,
        body: { metadata: { name: 'kept' } },
      });
      await cloud.close();
      await start({ dataDir });
      const again = await waitFor(() => cloud.kubernetes.get(id));
      assert.equal(again.url, url);
      const { body } = await ask(again, '/api/v1/namespaces/kept', { certificate: admin });
      assert.equal(body.metadata.uid, made.body.metadata.uid);
    } finally {
      await cloud.close();
      await rm(dataDir, { recursive: true });
      await start();
    }
  });

  it('upgrade themselves when their Node asks for it, and stay so whatever they would boot with', async () => {
    await cloud.close();
    const dataDir = await mkdtemp(join(tmpdir(), 'simcloud-'));
    try {
      await start({ dataDir, kubernetesSeconds: { nodeUpgrade: 0.05 } });
      const id = await create(cloudConfig);
      const first = await waitFor(() => {
        const found = cloud.kubernetes.get(id);
        return found?.spec.nodes.length === 3 ? found : undefined;
      });
      const askFor = async (name: string, operation: string): Promise<void> => {
        const annotations = {
          'cetus.io/kubernetes-version': 'v1.34.0',
          'cetus.io/upgrade-operation': operation,
        };
        await ask(first, `/api/v1/nodes/${name}`, {
          method: 'PATCH',
          certificate: admin,
          type: 'application/merge-patch+json',
          body: { metadata: { annotations } },
        });
      };
      const stateOf = async (name: string): Promise<string> => {
        const { body } = await ask(first, `/api/v1/nodes/${name}`, { certificate: admin });
        const { annotations } = body.metadata as { annotations: Record<string, string> };
        return `${annotations['cetus.io/upgrade-reported'] ?? ''} ${annotations['cetus.io/upgrade-state'] ?? ''}`;
      };
      await askFor('master-0', '1');
      await waitFor(async () => (await stateOf('master-0')) === '1 done');
      assert.equal((await ask(first, '/version', { certificate: admin })).body.gitVersion, 'v1.34.0');
      first.setUpgradeFault('worker-0', { fail: 'no room' });
      await askFor('worker-0', '1');
      await waitFor(async () => (await stateOf('worker-0')) === '1 failed');
      first.setUpgradeFault('worker-0', null);
      await askFor('worker-0', '2');
      await waitFor(async () => (await stateOf('worker-0')) === '2 done');
      first.setUpgradeFault('worker-1', 'hang');
      await askFor('worker-1', '1');
      await waitFor(async () => (await stateOf('worker-1')) === '1 running');
      const upgraded = { 'master-0': 'v1.34.0', 'worker-0': 'v1.34.0', 'worker-1': 'v1.33.2' };
      assert.deepEqual(await versions(first), upgraded);

      await cloud.close();
      await start({ dataDir, kubernetesSeconds: { nodeUpgrade: 60 } });
      const again = await waitFor(() => cloud.kubernetes.get(id));
      assert.deepEqual(await versions(again), upgraded);
    } finally {
      await cloud.close();
      await rm(dataDir, { recursive: true });
      await start();
    }
  });

  it('have switches over HTTP', async () => {
    const id = await create(cloudConfig);
    const cluster = await waitFor(() => cloud.kubernetes.get(id));
    const control = async (body: object): Promise<number> => {
      const headers = { 'content-type': 'application/json' };
      const path = `${cloud.url}/_control/kubernetes/${id}`;
      return (await fetch(path, { method: 'PUT', headers, body: JSON.stringify(body) })).status;
    };
    assert.equal(await control({ network: 'refused' }), 200);
    await assert.rejects(ask(cluster, '/version'), { code: 'ECONNREFUSED' });
    assert.equal(
      await control({ network: 'up', nodes: { 'master-0': 'False' }, components: { etcd: 'gone' } }),
      200,
    );
    assert.equal((await ask(cluster, '/readyz', { certificate: admin })).status, 500);
    assert.equal(await control({ nodes: { nobody: 'False' } }), 400);
    assert.equal(await control({ upgrades: { 'worker-0': { fail: 'no room' }, 'worker-1': 'hang' } }), 200);
    assert.equal(await control({ upgrades: { nobody: 'hang' } }), 400);
    const listed = (await (await fetch(`${cloud.url}/_control/kubernetes`)).json()) as {
      id: string;
      network: string;
    }[];
    assert.deepEqual(
      listed.map((one) => [one.id, one.network]),
      [[id, 'up']],
    );
  });

  it('that start no Kubernetes are just servers', async () => {
    const server = {
      type: 'OS::Nova::Server',
      properties: { user_data: '#cloud-config\nkubeadm: not here\n' },
    };
    const { stack } = await send('POST', '', {
      stack_name: 'plain',
      template: { heat_template_version: '2018-08-31', resources: { server } },
    });
    await waitFor(
      async () => (await send('GET', `/plain/${String(stack.id)}`)).stack.stack_status === 'CREATE_COMPLETE',
    );
    assert.deepEqual(cloud.kubernetes.ids(), []);
  });
});
