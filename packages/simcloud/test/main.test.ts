import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { ServiceNotReadyError, spawnService, type SpawnedService } from '@cetus/test-kit';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

describe('the simulated cloud alone', () => {
  const running: SpawnedService[] = [];
  afterEach(async () => {
    for (const service of running.splice(0)) await service.kill9();
  });
  const start = async (
    env: Record<string, string> = {},
  ): Promise<{ service: SpawnedService; url: string }> => {
    const command = [process.execPath, '--conditions=@cetus/source', '--import=tsx', 'src/main.ts'] as const;
    const service = await spawnService([...command], { cwd: PACKAGE, env });
    running.push(service);
    const [, url] = /^ready (http:\/\/127\.0\.0\.1:\d+)$/.exec(service.readyLine) ?? [];
    assert.ok(url !== undefined, service.output());
    return { service, url };
  };

  it('says when it is ready and where, serves as it is told to, and ends at SIGTERM', async () => {
    const other = 'http://127.0.0.1:9511/v1';
    const { service, url } = await start({ SIMCLOUD_CONTAINER_INFRA_URL: other });
    const session = new KeystoneSession({
      authUrl: `${url}/identity/v3`,
      credentials: { type: 'password', username: 'demo', password: 'devpw', projectName: 'demo' },
    });
    try {
      assert.equal(await session.endpoint('container-infra'), other);
      // The session's connection stays open: it must not keep the process.
      assert.deepEqual(await service.stop(), { code: 0, signal: null });
    } finally {
      await session.close();
    }
    assert.equal(service.output(), `ready ${url}\n`);
  });

  it('ends at SIGINT', async () => {
    const { service } = await start();
    service.signal('SIGINT');
    assert.deepEqual(await service.exited, { code: 0, signal: null });
  });

  it('does not start where another listens', async () => {
    const { url } = await start();
    await assert.rejects(start({ SIMCLOUD_PORT: new URL(url).port }), (error) => {
      assert.ok(error instanceof ServiceNotReadyError);
      assert.match(error.message, /ended \(1\)/);
      assert.match(error.message, /EADDRINUSE/);
      return true;
    });
  });
});
