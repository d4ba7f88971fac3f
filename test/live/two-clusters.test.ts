import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { requireOrSkip, TcpProxy, waitFor } from '@cetus/test-kit';
import { Applications } from './support/applications.ts';
import { live } from './support/suite.ts';

const IMAGE = process.env['CETUS_LAB_IMAGE'] ?? 'registry.local/web:1';

live(
  'an application on two real clusters',
  (on) => {
    let proxy: TcpProxy;
    let applications: Applications;
    const clusters: string[] = [];

    before('takes both in, one of them through a proxy', async function () {
      const [first = '', second = ''] = ['CETUS_LAB_KUBECONFIG', 'CETUS_LAB_KUBECONFIG_B'].map(
        (name) => process.env[name] ?? '',
      );
      requireOrSkip(this, existsSync(first), 'no Kubernetes is up (CETUS_LAB_KUBECONFIG)');
      requireOrSkip(this, existsSync(second), 'no second Kubernetes is up (CETUS_LAB_KUBECONFIG_B)');
      const text = readFileSync(second, 'utf8');
      const server = /server: "?(https:[^"\s,}]+)/.exec(text)?.[1] ?? '';
      proxy = new TcpProxy(server);
      const kubeconfigs = {
        near: readFileSync(first, 'utf8'),
        far: text.replace(server, (await proxy.start()).replace(/\/$/, '')),
      };
      for (const [name, kubeconfig] of Object.entries(kubeconfigs)) {
        const answer = await on.demo.send('POST', '/v1/clusters/import', { name, kubeconfig });
        assert.equal(answer.status, 202, JSON.stringify(answer.body));
        const { uuid } = answer.body as { uuid: string };
        clusters.push(uuid);
        assert.equal((await on.demo.settled(uuid)).status, 'CREATE_COMPLETE');
      }
      applications = new Applications(on.demo);
    });

    after(async () => {
      proxy?.restore();
      await applications.removeAll();
      for (const uuid of clusters) await on.demo.remove(uuid);
      await proxy?.stop();
    });

    it('goes on in one while the other is cut off, and catches up there', async () => {
      const uuid = await applications.create({
        name: 'both',
        kind: 'stateless',
        placements: [
          { cluster: 'near' },
          { cluster: 'far', overrides: { replicas: 2, env: { WHERE: 'far' } } },
        ],
        containers: [{ name: 'web', image: IMAGE, env: [{ name: 'RELEASE', value: 'one' }] }],
        termination_grace_seconds: 1,
      });
      await applications.complete(uuid);
      const instances = await applications.instances(uuid);
      assert.equal(instances.length, 3, 'one here, two there');

      proxy.cut();
      await applications.patch(uuid, [{ op: 'replace', path: '/containers/0/env/0/value', value: 'two' }]);
      const held = await applications.until(
        uuid,
        ({ clusters: seen }) => seen[0]?.state === 'COMPLETE',
        'it is complete in the one that answers',
      );
      assert.equal(held.status, 'UPDATE_IN_PROGRESS');
      assert.match(held.status_reason ?? '', /^far: /);
      proxy.restore();
      await applications.complete(uuid);
      const releases = async (): Promise<string[]> => {
        const all = (await applications.instances(uuid)).filter(
          ({ ready, phase }) => ready && phase === 'Running',
        );
        const said = await Promise.all(
          all.map(({ name }) => applications.exec(uuid, name, ['sh', '-c', 'echo $RELEASE-$WHERE'])),
        );
        return said.map(({ stdout }) => stdout.trim()).sort();
      };
      await waitFor(async () => (await releases()).join() === 'two-,two-far,two-far', {
        timeoutMs: 60_000,
        what: 'all instances are of the second release',
      });

      proxy.cut();
      const answer = await on.demo.send('DELETE', `/v1/applications/${uuid}`);
      assert.equal(answer.status, 204);
      await waitFor(async () => (await applications.instances(uuid)).length === 0, {
        timeoutMs: 90_000,
        what: 'nothing runs any more in the one that answers',
      });
      assert.equal((await applications.get(uuid)).status, 'DELETE_IN_PROGRESS');
      proxy.restore();
      await waitFor(async () => (await on.demo.send('GET', `/v1/applications/${uuid}`)).status === 404, {
        timeoutMs: 90_000,
        what: 'it is gone from both',
      });
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);
