import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { hasStatus } from '@cetus/kubernetes/errors';
import { requireOrSkip, waitFor } from '@cetus/test-kit';
import { Applications, type Application } from './support/applications.ts';
import { IMAGE, removeLeftovers } from './support/lab-cluster.ts';
import { figure, live } from './support/suite.ts';

const MANAGED = 'labelSelector=app.kubernetes.io/managed-by%3Dcetus';
/** What an application may leave behind in a namespace. */
const COLLECTIONS = [
  '/api/v1/pods',
  '/api/v1/services',
  '/api/v1/configmaps',
  '/api/v1/secrets',
  '/api/v1/persistentvolumeclaims',
  '/apis/apps/v1/deployments',
  '/apis/apps/v1/replicasets',
  '/apis/apps/v1/statefulsets',
  '/apis/apps/v1/daemonsets',
  '/apis/batch/v1/jobs',
  '/apis/batch/v1beta1/cronjobs',
  '/apis/networking.k8s.io/v1/networkpolicies',
  '/api/v1/namespaces',
];

/**
 * How long instances may take to be gone: a kubelet that misses the end of a pod's sandbox keeps the pod until it collects what is left, once a
 * minute.
 */
const GONE = { timeoutMs: 120_000 };
const READY = { http: { port: 8080 }, period_seconds: 1 };
const web = (more: Record<string, unknown> = {}) => ({
  name: 'web',
  image: IMAGE,
  ports: [{ port: 8080 }],
  ...more,
});
const nodePort = { type: 'node_port', ports: [{ port: 80, target_port: 8080 }] };
const shell = (script: string) => ({ name: 'main', image: IMAGE, command: ['/bin/sh', '-c', script] });

live(
  'applications on a real Kubernetes',
  (on) => {
    let cluster = '';
    let applications: Applications;
    let kubernetes: KubernetesConnection;

    before('takes a cluster in', async function () {
      const file = process.env['CETUS_LAB_KUBECONFIG'] ?? '';
      requireOrSkip(this, existsSync(file), 'no Kubernetes is up (CETUS_LAB_KUBECONFIG)');
      const kubeconfig = readFileSync(file, 'utf8');
      kubernetes = KubernetesConnection.fromKubeconfig(kubeconfig);
      await removeLeftovers(kubernetes);
      const answer = await on.demo.send('POST', '/v1/clusters/import', { name: 'lab', kubeconfig });
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      cluster = (answer.body as { uuid: string }).uuid;
      assert.equal((await on.demo.settled(cluster)).status, 'CREATE_COMPLETE');
      applications = new Applications(on.demo);
    });

    afterEach('removes what a test that failed has left', async () => {
      await applications.removeAll();
    });

    after('leaves nothing in it', async () => {
      if (kubernetes === undefined) return;
      if (cluster !== '') await on.demo.remove(cluster);
      await kubernetes.close();
    });

    const form = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
      name,
      kind: 'stateless',
      placements: [{ cluster: 'lab' }],
      containers: [web({ readiness_probe: READY })],
      // What the image runs does not end when it is asked to.
      termination_grace_seconds: 1,
      ...more,
    });
    const traces = async (): Promise<string[]> => {
      const found: string[] = [];
      for (const path of COLLECTIONS) {
        try {
          const { items } = await kubernetes.get<{
            items: { metadata: { name: string; namespace?: string } }[];
          }>(`${path}?${MANAGED}`);
          // Where the first application of a user is tried out; nothing of it is kept there.
          const left = items.filter(
            ({ metadata }) => ![metadata.name, metadata.namespace].includes('cetus-trial'),
          );
          found.push(...left.map(({ metadata }) => `${path}/${metadata.name}`));
        } catch (error) {
          if (!hasStatus(error, 404)) throw error;
        }
      }
      return found;
    };
    const page = (application: Application): Promise<string> => applications.page(application);
    const reachable = (uuid: string): Promise<Application> =>
      applications.until(
        uuid,
        ({ endpoints }) => endpoints.some(({ type }) => type === 'node_port'),
        'its node port is known',
      );

    it('runs one, which answers at its node port, is scaled, is kept alive, and is gone without a trace', async function () {
      this.timeout(4 * GONE.timeoutMs);
      const asked = Date.now();
      const uuid = await applications.create(form('web', { exposure: nodePort, replicas: 2 }));
      await applications.complete(uuid);
      figure(`complete ${String(Date.now() - asked)} ms after it was asked for`);
      assert.match(await page(await reachable(uuid)), /hello from/);
      const running = await applications.until(uuid, ({ phase }) => phase === 'Running', 'it is said to run');
      assert.deepEqual(running.instances, { desired: 2, updated: 2, ready: 2, available: 2 });

      await applications.act(uuid, 'scale', { replicas: 3 });
      await applications.complete(uuid);
      assert.equal((await applications.instances(uuid)).length, 3);

      const [victim] = await applications.instances(uuid);
      const answer = await on.demo.send('DELETE', `/v1/applications/${uuid}/instances/${victim?.name ?? ''}`);
      assert.equal(answer.status, 204);
      await waitFor(
        async () => {
          const now = await applications.instances(uuid);
          return now.filter(({ ready }) => ready).length === 3 && !now.some(({ uid }) => uid === victim?.uid);
        },
        { ...GONE, what: 'another instance takes its place' },
      );

      await applications.act(uuid, 'stop');
      await applications.complete(uuid);
      await waitFor(async () => (await applications.instances(uuid)).length === 0, GONE);
      await applications.act(uuid, 'start');
      await applications.complete(uuid);
      const before = new Set((await applications.instances(uuid)).map(({ name }) => name));
      await applications.act(uuid, 'restart');
      await applications.complete(uuid);
      await waitFor(
        async () => {
          const now = await applications.instances(uuid);
          return now.length === 3 && now.every(({ name }) => !before.has(name));
        },
        { ...GONE, what: 'all instances are new' },
      );
      await applications.remove(uuid);
      assert.deepEqual(await traces(), []);
    });

    it('has its logs read and followed, and commands run in it', async () => {
      const uuid = await applications.create(
        form('talker', {
          containers: [
            shell('trap "exit 0" TERM; n=0; while :; do n=$((n+1)); echo line $n; sleep 1 & wait; done'),
          ],
          termination_grace_seconds: 1,
        }),
      );
      await applications.complete(uuid);
      const [instance] = await applications.instances(uuid);
      assert.ok(instance);
      const tail = await (await applications.log(uuid, instance.name, 'tail_lines=1')).text();
      assert.match(tail, /^line \d+\n$/);
      const end = new AbortController();
      const followed = await applications.log(uuid, instance.name, 'follow=true&tail_lines=1', end.signal);
      let text = '';
      const decoder = new TextDecoder();
      await (async () => {
        assert.ok(followed.body);
        for await (const chunk of followed.body) {
          text += decoder.decode(chunk as Uint8Array);
          if (text.split('\n').length > 3) break;
        }
      })();
      end.abort();
      const numbers = [...text.matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => (numbers[0] ?? 0) + index),
        'each line once, in order',
      );

      const echoed = await applications.exec(uuid, instance.name, ['cat'], '');
      assert.equal(echoed.status.status, 'Success');
      const failed = await applications.exec(uuid, instance.name, [
        'sh',
        '-c',
        'echo out; echo err >&2; exit 3',
      ]);
      assert.deepEqual([failed.stdout, failed.stderr], ['out\n', 'err\n']);
      assert.equal(failed.status.status, 'Failure');
      assert.equal(failed.status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message, '3');
      await applications.remove(uuid);
    });

    it('runs each other kind', async () => {
      const stateful = await applications.create(
        form('store', { kind: 'stateful', replicas: 2, exposure: nodePort }),
      );
      const daemon = await applications.create(form('agent', { kind: 'daemon', exposure: nodePort }));
      const job = await applications.create(form('once', { kind: 'job', containers: [shell('echo done')] }));
      const cron = await applications.create(
        form('nightly', {
          kind: 'cronjob',
          containers: [shell('echo tick')],
          cron: { schedule: '0 3 * * *' },
        }),
      );
      await Promise.all([stateful, daemon, job, cron].map((uuid) => applications.complete(uuid)));
      for (const uuid of [stateful, daemon]) assert.match(await page(await reachable(uuid)), /hello from/);
      assert.deepEqual(
        (await applications.instances(stateful)).map(({ name }) => name),
        ['store-0', 'store-1'],
      );
      await applications.until(job, ({ phase }) => phase === 'Succeeded', 'the job succeeds');
      await applications.act(cron, 'run');
      await applications.complete(cron);
      await waitFor(async () => (await applications.instances(cron)).length === 1, {
        timeoutMs: 60_000,
        what: 'a job of the cronjob runs now',
      });
      await Promise.all([stateful, daemon, job, cron].map((uuid) => applications.remove(uuid)));
      assert.deepEqual(await traces(), []);
    });

    it('says why: an image that is not there, a container that ends, a probe that fails, too big a request, a missing secret', async () => {
      const bad: [name: string, containers: unknown[], reason: RegExp][] = [
        ['image', [web({ image: 'registry.invalid/none:1' })], /^(ImagePullBackOff|ErrImagePull)$/],
        ['crash', [shell('echo I give up; exit 7')], /^CrashLoopBackOff$/],
        [
          'probe',
          [
            web({
              readiness_probe: {
                http: { port: 8080, path: '/none' },
                period_seconds: 1,
                failure_threshold: 1,
              },
            }),
          ],
          /^ProbeFailing$/,
        ],
        ['big', [web({ resources: { requests: { cpu: '1000' } } })], /^Unschedulable$/],
        [
          'secret',
          [web({ env: [{ name: 'A', secret: { name: 'not-there', key: 'a' } }] })],
          /^SecretMissing$/,
        ],
      ];
      const uuids = await Promise.all(
        bad.map(([name, containers]) =>
          applications.create(
            form(`bad-${name}`, {
              containers,
              progress_deadline_seconds: 40,
              // Without it, Kubernetes counts an instance that has just been started as available.
              update_strategy: { type: 'rolling', min_ready_seconds: 5 },
            }),
          ),
        ),
      );
      await Promise.all(
        bad.map(async ([name, , reason], index) => {
          const seen = await applications.until(
            uuids[index] ?? '',
            ({ cause }) => reason.test(cause?.reason ?? ''),
            `${name}: ${String(reason)} is told`,
          );
          figure(`${name}: ${seen.cause?.reason ?? ''}: ${seen.cause?.message ?? ''}`);
          if (name === 'image') assert.equal(seen.cause?.image, 'registry.invalid/none:1');
        }),
      );
      const crash = await applications.until(
        uuids[1] ?? '',
        ({ cause }) => cause?.log !== undefined,
        'the last lines of the container are told',
      );
      assert.equal(crash.cause?.exit_code, 7);
      assert.match(crash.cause?.log ?? '', /I give up/);
      const failed = await Promise.all(uuids.map((uuid) => applications.settled(uuid)));
      assert.deepEqual(
        failed.map(({ status, failure }) => [status, failure?.code]),
        [
          'image_pull_failed',
          'container_crashed',
          'probe_failed',
          'unschedulable',
          'container_config_error',
        ].map((code) => ['CREATE_FAILED', code]),
      );
      // What was wrong is mended by the next change.
      await applications.patch(uuids[0] ?? '', [
        { op: 'replace', path: '/containers/0/image', value: IMAGE },
      ]);
      await applications.complete(uuids[0] ?? '');
      await Promise.all(uuids.map((uuid) => applications.remove(uuid)));
      assert.deepEqual(await traces(), []);
    });

    it('rolls out, back by itself, and back to a revision', async () => {
      const uuid = await applications.create(
        form('rolling', {
          containers: [web({ readiness_probe: READY, env: [{ name: 'RELEASE', value: 'one' }] })],
          progress_deadline_seconds: 15,
        }),
      );
      await applications.complete(uuid);
      const release = async (): Promise<string> => {
        const instances = await applications.instances(uuid);
        const ready = instances.find(({ ready: is, phase }) => is && phase === 'Running');
        assert.ok(ready, JSON.stringify(instances));
        return (await applications.exec(uuid, ready.name, ['sh', '-c', 'echo $RELEASE'])).stdout.trim();
      };
      await applications.patch(uuid, [{ op: 'replace', path: '/containers/0/env/0/value', value: 'two' }]);
      assert.equal((await applications.complete(uuid)).revision, 2);
      assert.equal(await waitFor(async () => (await release()) === 'two' && 'two'), 'two');

      await applications.patch(
        uuid,
        [{ op: 'replace', path: '/containers/0/image', value: 'registry.invalid/none:1' }],
        '?rollback=true',
      );
      const back = await applications.until(
        uuid,
        ({ status }) => status === 'ROLLBACK_COMPLETE' || status === 'ROLLBACK_FAILED',
        'it goes back',
      );
      assert.equal(back.status, 'ROLLBACK_COMPLETE', back.status_reason ?? '');
      assert.equal(await release(), 'two');

      await applications.act(uuid, 'rollback', { revision: 1 });
      await applications.complete(uuid);
      assert.equal(await waitFor(async () => (await release()) === 'one' && 'one'), 'one');
      const diff = await on.demo.send('GET', `/v1/applications/${uuid}/revisions/2/diff?against=1`);
      assert.deepEqual((diff.body as { changes: unknown[] }).changes, [
        { path: 'containers/web/env/RELEASE/value', before: 'one', after: 'two' },
      ]);
      await applications.remove(uuid);
    });

    it('shows manifests and the verdict of the cluster without keeping anything', async () => {
      const answer = await on.demo.send(
        'POST',
        '/v1/applications?dry_run=true',
        form('try', {
          exposure: nodePort,
          secrets: [{ name: 'db', values: { password: 'hidden-password' } }],
        }),
      );
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.doesNotMatch(JSON.stringify(answer.body), /hidden-password|aGlkZGVuLXBhc3N3b3Jk/);
      const { admitted, placements } = answer.body as {
        admitted: boolean;
        placements: { objects: { kind: string }[] }[];
      };
      assert.equal(admitted, true, JSON.stringify(answer.body));
      assert.ok(placements[0]?.objects.some(({ kind }) => kind === 'Deployment'));
      assert.deepEqual((await on.demo.send('GET', '/v1/applications')).body.applications, []);
      assert.deepEqual(await traces(), []);
    });

    it('keeps what others change as it was asked for', async () => {
      const uuid = await applications.create(form('kept'));
      const { clusters } = await applications.complete(uuid);
      const path = `/apis/apps/v1/namespaces/${clusters[0]?.namespace ?? ''}/deployments/kept`;
      const replicas = async (): Promise<number> =>
        (await kubernetes.get<{ spec: { replicas: number } }>(path)).spec.replicas;
      await kubernetes.request('PATCH', path, {
        body: { spec: { template: { spec: { terminationGracePeriodSeconds: 7 } } } },
        contentType: 'application/merge-patch+json',
      });
      await kubernetes.request('DELETE', path, {});
      await waitFor(
        async () => {
          try {
            return (await replicas()) === 1;
          } catch (error) {
            if (hasStatus(error, 404)) return false;
            throw error;
          }
        },
        { timeoutMs: 60_000, what: 'it is made anew' },
      );
      await applications.remove(uuid);
      assert.deepEqual(await traces(), []);
    });

    it('is kept from other tenants', async () => {
      const uuid = await applications.create(form('mine'));
      await applications.complete(uuid);
      const stranger = on.cetus.client(0, 'demo2');
      const [instance] = await applications.instances(uuid);
      for (const [method, path, body] of [
        ['GET', `/v1/applications/${uuid}`],
        ['GET', '/v1/applications/mine'],
        ['DELETE', `/v1/applications/${uuid}`],
        ['PATCH', `/v1/applications/${uuid}`, [{ op: 'replace', path: '/replicas', value: 0 }]],
        ['POST', `/v1/applications/${uuid}/actions/restart`, {}],
        ['GET', `/v1/applications/${uuid}/instances`],
        ['GET', `/v1/applications/${uuid}/instances/${instance?.name ?? ''}/logs`],
        ['DELETE', `/v1/applications/${uuid}/instances/${instance?.name ?? ''}`],
        ['GET', `/v1/applications/${uuid}/revisions`],
        ['GET', `/v1/applications/${uuid}/events`],
      ] as const)
        assert.equal((await stranger.send(method, path, body)).status, 404, `${method} ${path}`);
      await assert.rejects(new Applications(stranger).exec(uuid, instance?.name ?? '', ['id']), /404/);
      for (const placements of [[{ cluster: 'lab' }], [{ cluster }]]) {
        const answer = await stranger.send('POST', '/v1/applications', form('theirs', { placements }));
        assert.equal(answer.status, 400);
        assert.equal(answer.body.errors[0].code, 'cluster_not_found');
      }
      for (const escape of [
        { host_network: true },
        { containers: [web({ security: { privileged: true } })] },
        { volumes: [{ name: 'root', host_path: { path: '/' } }] },
        { labels: { 'cetus.io/application': uuid } },
        { containers: [web({ mounts: [{ secret: '../other', path: '/x' }] })] },
      ]) {
        const answer = await on.demo.send('POST', '/v1/applications', form('escape', escape));
        assert.equal(answer.status, 400, JSON.stringify(escape));
      }
      await applications.remove(uuid);
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);
