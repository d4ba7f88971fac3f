import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';
import { formatVersion, isAtLeast } from '../../../src/magnum.ts';
import { magnumContract } from './bench.ts';

magnumContract('versions', (bench) => {
  const raw = (path: string, version?: string) =>
    bench.session.request('container-infra', 'GET', path, {
      endpoint: bench.url,
      headers: version === undefined ? {} : { 'openstack-api-version': version },
    });

  it('uses the highest microversion both know', async () => {
    const { min, max, used } = await bench.magnum.versions();
    assert.equal(formatVersion(min), '1.1');
    assert.ok(isAtLeast(max, 9));
    assert.equal(used.minor, Math.min(max.minor, 14));
    const answer = await raw('/clusters', `container-infra ${formatVersion(used)}`);
    assert.equal(answer.headers['openstack-api-version'], `container-infra ${formatVersion(used)}`);
    assert.equal(answer.headers['openstack-api-minimum-version'], 'container-infra 1.1');
    assert.equal(answer.headers['openstack-api-maximum-version'], `container-infra ${formatVersion(max)}`);
    assert.equal(answer.headers['vary'], 'OpenStack-API-Version');
  });

  it('answers in the oldest one when none is asked for, in the newest for `latest`', async () => {
    const { max } = await bench.magnum.versions();
    assert.equal((await raw('/clusters')).headers['openstack-api-version'], 'container-infra 1.1');
    assert.equal(
      (await raw('/clusters', 'container-infra latest')).headers['openstack-api-version'],
      `container-infra ${formatVersion(max)}`,
    );
  });

  it('refuses one it does not know, and says which it does', async () => {
    await assert.rejects(raw('/clusters', 'container-infra 1.999'), (error) => {
      assert.ok(error instanceof OpenStackError);
      assert.deepEqual([error.status, error.code], [406, 'magnum.microversion-unsupported']);
      const [body] = (error.body as { errors: { min_version: string; max_version: string }[] }).errors;
      assert.equal(body?.min_version, '1.1');
      assert.match(body.max_version, /^1\.\d+$/);
      return true;
    });
  });

  it('hides node groups from who does not ask for 1.9', async () => {
    await assert.rejects(
      raw('/clusters/no-such/nodegroups', 'container-infra 1.8'),
      (error) => error instanceof OpenStackError && (error.status === 404 || error.status === 406),
    );
  });
});
