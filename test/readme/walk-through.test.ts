import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort, requireOrSkip, spawnService, type SpawnedService } from '@cetus/test-kit';

const ROOT = resolve(import.meta.dirname, '../..');
const OPENSTACK = '/usr/bin/openstack';

/** The shell blocks of one chapter of the README, as a reader would paste them. */
async function blocks(chapter: string): Promise<string[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const text = readme.split(/^## /m).find((part) => part.startsWith(chapter)) ?? '';
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
}

describe("the README's walk-through", () => {
  let folder: string;
  let port: number;
  let service: SpawnedService;

  before(async function () {
    this.timeout(90_000);
    folder = await mkdtemp(join(tmpdir(), 'cetus-readme-'));
    port = await freePort();
    service = await spawnService(
      [process.execPath, '--conditions=@cetus/source', '--import', 'tsx', 'services/all-in-one/src/main.ts'],
      {
        cwd: ROOT,
        env: {
          CETUS_DATA_DIR: join(folder, '.cetus'),
          CETUS_API_PORT: String(port),
          CETUS_LOG_LEVEL: 'warn',
        },
        ready: /^ready http/,
        readyMs: 80_000,
      },
    );
  });

  after(async function () {
    this.timeout(30_000);
    await service?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Pastes a script into a shell that stops at the first command that fails. */
  async function paste(script: string): Promise<string> {
    const pasted = script.replaceAll('http://127.0.0.1:9511', `http://127.0.0.1:${String(port)}`);
    const options = {
      cwd: folder,
      timeout: 280_000,
      env: { PATH: `/usr/bin:/bin:${process.env.PATH ?? ''}`, HOME: folder, SHELL: '/bin/bash' },
    };
    const { stdout } = await promisify(execFile)('bash', ['-c', `set -m\n${pasted}`], options);
    return stdout;
  }

  it('works when pasted', async function () {
    this.timeout(300_000);
    const scripts = (await blocks('Five minutes')).filter((block) => !block.includes('openstack coe'));
    assert.ok(scripts.length >= 5, 'the chapter has its steps');
    const output = await paste(scripts.join('\n'));
    for (const said of [
      '"status":"CREATE_IN_PROGRESS"',
      '"status":"CREATE_COMPLETE"',
      '"status":"UPDATE_COMPLETE"',
      '"actual_node_count":5',
      '"health_status":"HEALTHY"',
      '"name":"big"',
      'event: cetus.nodegroup.create.end',
      'event: cetus.cluster.create.end',
      'event: cetus.cluster.update.end',
      'event: cetus.cluster.delete.end',
      '"admitted":true',
      '"phase":"Running"',
      '"class":"Burstable"',
      'image registry.example/hello:1',
      '"status":"ROLLBACK_COMPLETE"',
      '"code":"image_os_distro_missing"',
      '"field":"image_id"',
    ]) {
      assert.ok(output.includes(said), `the output says ${said}:\n${output}`);
    }
    const nodes = new Set(output.match(/"name": *"cetus-[0-9a-f]{8}-[^"]*"/g));
    assert.equal(nodes.size, 8, `a master, five workers, and two of the group: ${[...nodes].join()}`);
  });

  it("works with OpenStack's own client", async function () {
    this.timeout(300_000);
    requireOrSkip(this, existsSync(OPENSTACK), 'python3-openstackclient is not installed');
    const scripts = (await blocks('Five minutes')).filter((block) => block.includes('openstack coe'));
    const output = await paste(`set -e\n${scripts.join('\n')}`);
    assert.match(output, /second .* 3 .* UPDATE_(IN_PROGRESS|COMPLETE)/, output);
    assert.match(output, /Request to delete cluster second has been accepted/, output);
    if (existsSync('/usr/bin/kubectl')) assert.match(output, /^cetus-\S+ +Ready +/m, output);
  });
});
