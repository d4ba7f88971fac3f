import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '@cetus/shared/service';
import { allInOneConfig } from '../src/config.ts';
import { writeOpenrc } from '../src/openrc.ts';

describe('all-in-one: openrc', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cetus-openrc-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('gives a shell exactly the values, whatever is in them, and nobody else', async () => {
    const file = join(folder, '.cetus', 'openrc');
    const account = {
      authUrl: 'http://127.0.0.1:9511/identity/v3',
      username: 'demo',
      password: `a'b"c $(touch ${join(folder, 'pwned')}) \\ ; #`,
      projectName: 'demo project',
      userDomainName: 'Default',
      projectDomainName: 'Default',
      region: 'RegionOne',
    };
    await writeOpenrc(file, { ...account, password: 'an older one' });
    await writeOpenrc(file, account);
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', '. "$1"; env', 'sh', file], { env: {} });
    const variables = Object.fromEntries(stdout.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
    assert.equal(variables.OS_PASSWORD, account.password);
    assert.equal(variables.OS_PROJECT_NAME, 'demo project');
    assert.equal(variables.OS_AUTH_URL, account.authUrl);
    assert.equal(variables.OS_IDENTITY_API_VERSION, '3');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(folder, '.cetus')), ['openrc']);
    assert.deepEqual(await readdir(folder), ['.cetus']);
  });
});

describe('all-in-one: configuration', () => {
  it('needs nothing', () => {
    const config = loadConfig(allInOneConfig, {});
    assert.equal(config.CETUS_DATA_DIR, '.cetus');
    assert.equal(config.CETUS_API_HOST, '127.0.0.1');
    assert.equal(config.CETUS_API_PORT, 9511);
    assert.equal(config.CETUS_MONGODB_URL, undefined);
    assert.equal(config.CETUS_REGION, 'RegionOne');
  });
});
