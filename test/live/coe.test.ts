import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigningRequest } from '@cetus/shared/pki';
import { requireOrSkip, waitFor } from '@cetus/test-kit';
import { Coe, CoeError, rowsOf } from './support/coe.ts';
import { live, type Live } from './support/suite.ts';

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** What a suite works with besides the installation. */
interface Story {
  on: Live;
  coe: Coe;
  admin: Coe;
  /** Where the client writes its files. */
  folder: string;
}

/** A suite in which `openstack coe` finds Cetus by the catalog. */
function coeStory(driver: string, define: (story: Story) => void): void {
  live(
    `OpenStack's own client, with the driver ${driver}`,
    (on) => {
      const region = `cetus-live-${randomBytes(3).toString('hex')}`;
      const story = { on } as Story;
      let registered = false;

      before('registers Cetus in the catalog', async function () {
        story.folder = mkdtempSync(join(tmpdir(), 'cetus-coe-'));
        const { keystoneUrl: authUrl, password } = on.lab;
        await on.lab.register(this, on.cetus.urls[0] ?? '', region);
        registered = true;
        story.coe = Coe.start(this, { authUrl, username: 'demo', password, region }, story.folder);
        story.admin = Coe.start(this, { authUrl, username: 'admin', password, region }, story.folder);
      });

      after('takes it out again', async () => {
        story.coe?.stop();
        story.admin?.stop();
        rmSync(story.folder, { recursive: true, force: true });
        if (registered) await on.lab.unregister(region);
      });

      define(story);
    },
    () => ({
      conductor: { CETUS_CLUSTER_DRIVERS: [...new Set([driver, 'heat', 'magnum', 'import'])].join(',') },
    }),
  );
}

const refusal =
  (pattern: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof CoeError, String(error));
    assert.match(error.run.stderr, pattern);
    return true;
  };

/** Reads the authority, and has a request signed: what is signed is signed by what is shown. */
async function certificates({ coe, folder }: Story, cluster: string, organization: string): Promise<void> {
  const authority = /-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/.exec(
    await coe.run('ca', 'show', cluster),
  )?.[0];
  assert.ok(authority, 'the certificate of the authority');
  writeFileSync(join(folder, 'ca.crt'), authority);
  writeFileSync(
    join(folder, 'me.csr'),
    createSigningRequest({ commonName: 'me', organizations: [organization] }).request,
  );
  const signed = /-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/.exec(
    await coe.run('ca', 'sign', cluster, join(folder, 'me.csr')),
  )?.[0];
  assert.ok(signed, 'the signed certificate');
  writeFileSync(join(folder, 'me.crt'), signed);
  const verify = ['verify', '-CAfile', join(folder, 'ca.crt'), join(folder, 'me.crt')];
  assert.match(execFileSync('openssl', verify, { encoding: 'utf8' }), /OK/);
}

/** Writes a kubeconfig with a certificate of the cluster's authority. */
async function kubeconfig({ coe, folder }: Story, cluster: string): Promise<void> {
  await coe.run('cluster', 'config', cluster, '--dir', folder, '--force', '--output-certs');
  assert.match(readFileSync(join(folder, 'config'), 'utf8'), /server: https:\/\//);
  const verify = ['verify', '-CAfile', join(folder, 'ca.pem'), join(folder, 'cert.pem')];
  assert.match(execFileSync('openssl', verify, { encoding: 'utf8' }), /OK/);
}

async function createTemplate({ coe }: Story, name: string, ...more: string[]): Promise<void> {
  const image = ['--image', 'fedora-coreos-37', '--flavor', 'm1.small', '--master-flavor', 'm1.medium'];
  const network = ['--keypair', 'mine', '--external-network', 'public', '--floating-ip-disabled'];
  await coe.run('cluster', 'template', 'create', name, '--coe', 'kubernetes', ...image, ...network, ...more);
}

async function createCluster({ on, coe }: Story, name: string, template: string): Promise<string> {
  const text = await coe.run('cluster', 'create', name, '--cluster-template', template, '--node-count', '2');
  const uuid = UUID.exec(text)?.[0] ?? '';
  on.cetus.made.add(uuid);
  return uuid;
}

/** What every driver that creates lets a user do. */
function everySubcommand(story: Story, driver: string): void {
  const settled = async (cluster: string, expected: string): Promise<void> => {
    const { status, status_reason } = await story.on.demo.settled(cluster);
    assert.equal(status, expected, status_reason ?? '');
  };

  it('template create, list, show, update', async () => {
    const { coe } = story;
    await createTemplate(story, `stock-${driver}`, '--labels', 'kube_tag=v1.32.1');
    await createTemplate(story, `newer-${driver}`, '--labels', 'kube_tag=v1.33.1');
    const listed = (await coe.json('cluster', 'template', 'list')) as { name: string }[];
    assert.deepEqual(listed.map(({ name }) => name).sort(), [`newer-${driver}`, `stock-${driver}`]);
    await coe.run('cluster', 'template', 'update', `stock-${driver}`, 'replace', 'dns_nameserver=8.8.4.4');
    const shown = await coe.json('cluster', 'template', 'show', `stock-${driver}`);
    assert.deepEqual([shown.dns_nameserver, shown.image_id], ['8.8.4.4', 'fedora-coreos-37']);
  });

  it('cluster create, list, show, update, resize', async () => {
    const { coe } = story;
    const uuid = await createCluster(story, `shop-${driver}`, `stock-${driver}`);
    await settled(uuid, 'CREATE_COMPLETE');
    const [listed] = (await coe.json('cluster', 'list')) as Record<string, unknown>[];
    assert.deepEqual([listed?.['uuid'], listed?.['status']], [uuid, 'CREATE_COMPLETE']);
    await coe.run('cluster', 'update', uuid, 'replace', 'node_count=3');
    await settled(uuid, 'UPDATE_COMPLETE');
    await coe.run('cluster', 'resize', uuid, '1');
    await settled(uuid, 'UPDATE_COMPLETE');
    const shown = await coe.json('cluster', 'show', `shop-${driver}`);
    assert.deepEqual([shown.node_count, shown.master_count, shown.status], [1, 1, 'UPDATE_COMPLETE']);
  });

  it('nodegroup create, list, show, update, delete, and resize of one', async () => {
    const { coe } = story;
    const cluster = `shop-${driver}`;
    const { uuid } = await coe.json('cluster', 'show', cluster);
    await coe.run(
      'nodegroup',
      'create',
      cluster,
      'pool',
      '--node-count',
      '1',
      '--role',
      'batch',
      '--max-nodes',
      '4',
    );
    await settled(uuid, 'UPDATE_COMPLETE');
    const listed = (await coe.json('nodegroup', 'list', cluster)) as { name: string; role: string }[];
    assert.deepEqual(listed.map(({ name, role }) => [name, role]).sort(), [
      ['default-master', 'master'],
      ['default-worker', 'worker'],
      ['pool', 'batch'],
    ]);
    await coe.run('nodegroup', 'update', cluster, 'pool', 'replace', 'max_node_count=3');
    await settled(uuid, 'UPDATE_COMPLETE');
    await assert.rejects(
      coe.run('cluster', 'resize', cluster, '4', '--nodegroup', 'pool'),
      refusal(/HTTP 400/),
    );
    await coe.run('cluster', 'resize', cluster, '2', '--nodegroup', 'pool');
    await settled(uuid, 'UPDATE_COMPLETE');
    const shown = await coe.json('nodegroup', 'show', cluster, 'pool');
    assert.deepEqual([shown.node_count, shown.max_node_count, shown.is_default], [2, 3, false]);
    await coe.run('nodegroup', 'delete', cluster, 'pool');
    await settled(uuid, 'UPDATE_COMPLETE');
    assert.equal(((await coe.json('nodegroup', 'list', cluster)) as unknown[]).length, 2);
    await assert.rejects(coe.run('nodegroup', 'delete', cluster, 'default-worker'), refusal(/HTTP 400/));
  });

  it('ca show, ca sign, cluster config', async () => {
    await certificates(story, `shop-${driver}`, 'system:masters');
    await kubeconfig(story, `shop-${driver}`);
  });

  it('stats list, quotas and service list', async () => {
    const { coe, admin } = story;
    const { project_id: projectId } = await coe.json('cluster', 'show', `shop-${driver}`);
    const stats = rowsOf(await coe.run('stats', 'list', projectId));
    assert.deepEqual([stats['clusters'], stats['nodes']], ['1', '2'], JSON.stringify(stats));
    const quota = ['--project-id', projectId, '--resource', 'Cluster'];
    await admin.run('quotas', 'create', ...quota, '--hard-limit', '1');
    await assert.rejects(createCluster(story, 'too-much', `stock-${driver}`), refusal(/quota.*HTTP 403/is));
    await admin.run('quotas', 'update', ...quota, '--hard-limit', '5');
    assert.equal(rowsOf(await admin.run('quotas', 'show', ...quota))['hard_limit'], '5');
    assert.match(await admin.run('quotas', 'list', '--all-tenants'), new RegExp(projectId));
    await admin.run('quotas', 'delete', ...quota);
    const services = (await admin.json('service', 'list')) as { binary: string; state: string }[];
    const up = (binary: string): number =>
      services.filter((one) => one.binary === binary && one.state === 'up').length;
    assert.deepEqual([up('cetus-api'), up('cetus-conductor')], [2, 2]);
    await assert.rejects(coe.run('service', 'list'), refusal(/HTTP 403/));
  });

  it('cluster delete and template delete', async () => {
    const { coe, on } = story;
    const { uuid } = await coe.json('cluster', 'show', `shop-${driver}`);
    // The client says what is wrong, and ends well all the same.
    assert.match(await coe.run('cluster', 'template', 'delete', `stock-${driver}`), /failed.*in use.*HTTP/is);
    await coe.run('cluster', 'delete', uuid);
    await on.demo.gone(uuid);
    await waitFor(async () => ((await coe.json('cluster', 'list')) as unknown[]).length === 0, {
      timeoutMs: 60_000,
      what: 'no cluster is listed',
    });
    for (const name of ['stock', 'newer'])
      await coe.run('cluster', 'template', 'delete', `${name}-${driver}`);
    assert.deepEqual(await coe.json('cluster', 'template', 'list'), []);
  });
}

coeStory('heat', (story) => {
  everySubcommand(story, 'heat');

  it('is told what is wrong', async () => {
    const refused = createTemplate(story, 'wrong', '--image', 'no-such-image');
    await assert.rejects(refused, refusal(/no-such-image does not exist.*HTTP 400/s));
  });
});

coeStory('magnum', (story) => {
  everySubcommand(story, 'magnum');

  it('cluster upgrade and ca rotate', async () => {
    const { coe, on } = story;
    await createTemplate(story, 'old', '--labels', 'kube_tag=v1.23.3-rancher1');
    await createTemplate(story, 'new', '--labels', 'kube_tag=v1.23.5-rancher1');
    const uuid = await createCluster(story, 'moves', 'old');
    await on.demo.settled(uuid);
    await coe.run('cluster', 'upgrade', uuid, 'new', '--max-batch-size', '1');
    const upgraded = await on.demo.settled(uuid);
    assert.equal(upgraded.status, 'UPDATE_COMPLETE', upgraded.status_reason ?? '');
    const shown = await coe.json('cluster', 'show', uuid);
    assert.equal(shown.labels.kube_tag, 'v1.23.5-rancher1');
    const before = await coe.run('ca', 'show', uuid);
    await coe.run('ca', 'rotate', uuid);
    const rotated = await on.demo.settled(uuid);
    assert.equal(rotated.status, 'UPDATE_COMPLETE', rotated.status_reason ?? '');
    assert.notEqual(await coe.run('ca', 'show', uuid), before);
    await on.demo.remove(uuid);
    for (const name of ['old', 'new']) await coe.run('cluster', 'template', 'delete', name);
  });
});

coeStory('import', (story) => {
  let theirs = '';

  before(function () {
    const file = process.env['CETUS_LAB_KUBECONFIG'] ?? '';
    requireOrSkip(this, existsSync(file), 'no Kubernetes is up (CETUS_LAB_KUBECONFIG)');
    theirs = readFileSync(file, 'utf8');
  });

  it('shows a cluster that was taken in, has requests signed by it, and leaves it as it is', async () => {
    const { coe, on } = story;
    const answer = await on.demo.send('POST', '/v1/clusters/import', { name: 'theirs', kubeconfig: theirs });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const { uuid } = answer.body as { uuid: string };
    assert.equal((await on.demo.settled(uuid)).status, 'CREATE_COMPLETE');
    const [listed] = (await coe.json('cluster', 'list')) as Record<string, unknown>[];
    assert.deepEqual([listed?.['name'], listed?.['status']], ['theirs', 'CREATE_COMPLETE']);
    assert.equal((await coe.json('cluster', 'show', 'theirs')).name, 'theirs');
    assert.deepEqual(await coe.json('nodegroup', 'list', 'theirs'), []);
    await certificates(story, 'theirs', 'reviewers');
    // The client asks for a certificate of system:masters, which Kubernetes signs for nobody.
    await assert.rejects(kubeconfig(story, 'theirs'), refusal(/system:masters.*HTTP 400/s));
    await assert.rejects(coe.run('cluster', 'resize', uuid, '3'), refusal(/import.*HTTP 400/s));
    await coe.run('cluster', 'delete', uuid);
    await on.demo.gone(uuid);
    const env = { ...process.env, KUBECONFIG: process.env['CETUS_LAB_KUBECONFIG'] };
    assert.match(execFileSync('kubectl', ['get', 'namespaces'], { env, encoding: 'utf8' }), /kube-system/);
  });
});
