import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { promisify } from 'node:util';
import {
  ADD,
  AppsV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1Node,
  type V1Status,
} from '@kubernetes/client-node';
import { requireOrSkip } from '@cetus/test-kit';
import { ClusterBench, deployment, kubeconfig } from './support.ts';

const run = promisify(execFile);

describe('clients of a simulated cluster', () => {
  const bench = new ClusterBench();
  beforeEach(() => bench.open());
  afterEach(() => bench.close());

  it('@kubernetes/client-node lists, makes, applies and follows', async () => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig(bench.cluster));
    const core = config.makeApiClient(CoreV1Api);
    assert.equal((await core.listNode()).items.length, 3);
    const objects = KubernetesObjectApi.makeApiClient(config);
    const applied = deployment('web', 1) as Parameters<typeof objects.patch>[0];
    await objects.patch(applied, undefined, undefined, 'test', undefined, PatchStrategy.ServerSideApply);
    const made = await config
      .makeApiClient(AppsV1Api)
      .readNamespacedDeployment({ namespace: 'default', name: 'web' });
    assert.equal(made.metadata?.managedFields?.[0]?.manager, 'test');
    assert.ok(made.metadata.creationTimestamp instanceof Date);
    const informer = makeInformer<V1Node>(config, '/api/v1/nodes', () => core.listNode());
    const added = new Promise<string | undefined>((resolve, reject) => {
      informer.on(ADD, (node) => {
        if (node.metadata?.name === 'worker-9') resolve(node.metadata.name);
      });
      informer.on('error', reject);
    });
    await informer.start();
    await core.createNode({ body: { metadata: { name: 'worker-9' } } });
    assert.equal(await added, 'worker-9');
    await informer.stop();
  });

  it('@kubernetes/client-node runs a program', async () => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig(bench.cluster));
    const pods = '/api/v1/namespaces/default/pods';
    const spec = { containers: [{ name: 'c', image: 'web:1' }] };
    await bench.send('POST', pods, { metadata: { name: 'p' }, spec });
    await bench.until(`${pods}/p`, ({ status }) => status?.phase === 'Running');
    const stdout = new PassThrough();
    const stdin = Readable.from([Buffer.from('typed\n')]);
    const command = ['sh', '-c', 'read a; echo $a; exit 7'];
    const ended = new Promise<V1Status>((resolve, reject) => {
      const exec = new Exec(config);
      exec.exec('default', 'p', 'c', command, stdout, null, stdin, false, resolve).catch(reject);
    });
    const { status, reason, details } = await ended;
    assert.equal(String(stdout.read()), 'typed\n');
    assert.deepEqual([status, reason, details?.causes?.[0]?.message], ['Failure', 'NonZeroExitCode', '7']);
  });

  describe('kubectl', () => {
    let folder: string;
    let kubectl: (...words: string[]) => Promise<string>;
    before(async function () {
      const version = await run('kubectl', ['version', '--client']).catch(() => undefined);
      requireOrSkip(this, version !== undefined, 'kubectl is not installed');
      folder = await mkdtemp(join(tmpdir(), 'kubectl-'));
    });
    after(async () => {
      if (folder !== undefined) await rm(folder, { recursive: true });
    });
    beforeEach(async () => {
      const file = join(folder, 'kubeconfig');
      await writeFile(file, kubeconfig(bench.cluster));
      kubectl = async (...words) =>
        (await run('kubectl', ['--kubeconfig', file, '--cache-dir', join(folder, 'cache'), ...words])).stdout;
    });

    it('creates, applies, waits, shows, drains and deletes', async function () {
      this.timeout(60_000);
      assert.match(await kubectl('get', 'nodes'), /worker-0 +Ready +<none>/);
      assert.match(await kubectl('auth', 'can-i', 'create', 'pods'), /^yes/);
      await kubectl('create', 'deployment', 'made', '--image=web:1', '--replicas=2');
      const file = join(folder, 'web.json');
      await writeFile(file, JSON.stringify(deployment('web', 2)));
      await kubectl('apply', '-f', file);
      assert.match(
        await kubectl('rollout', 'status', 'deployment/web', '--timeout=20s'),
        /successfully rolled out/,
      );
      await writeFile(file, JSON.stringify(deployment('web', 3, 'web:2')));
      assert.match(await kubectl('apply', '-f', file), /configured/);
      assert.match(await kubectl('apply', '-f', file), /unchanged/);
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=20s');
      assert.match(await kubectl('logs', 'deployment/web'), /^ready$/m);
      assert.match(await kubectl('drain', 'worker-0', '--ignore-daemonsets', '--timeout=20s'), /drained/);
      const places = await kubectl(
        'get',
        'pods',
        '-l',
        'app=web',
        '-o',
        'jsonpath={.items[*].spec.nodeName}',
      );
      assert.ok(!places.includes('worker-0'), places);
      await kubectl('delete', '-f', file, '--timeout=20s');
      assert.match(await kubectl('get', 'deployments', '-o', 'name'), /^deployment.apps\/made\s*$/);
    });
  });
});
