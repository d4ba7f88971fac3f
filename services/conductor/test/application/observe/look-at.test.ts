import assert from 'node:assert/strict';
import { KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import { ServedApis } from '@cetus/kubernetes/served-apis';
import { waitFor } from '@cetus/test-kit';
import { lookAt, type LookTarget } from '../../../src/application/observe/look-at.ts';
import type { Observed } from '../../../src/application/observe/observe.ts';
import { FollowFixture, type Site } from '../follow/support.ts';

describe('A look at an application', () => {
  let fixture: FollowFixture;
  let site: Site;
  before(async () => {
    fixture = await FollowFixture.open();
    site = await fixture.site();
  });
  after(() => fixture.close());

  const application = () => ({ _id: crypto.randomUUID(), name: `web-${crypto.randomUUID().slice(0, 8)}` });
  const { signal } = new AbortController();

  function look(
    { _id, name }: { _id: string; name: string },
    changes: Partial<LookTarget> = {},
  ): Promise<Observed> {
    const { connection } = site;
    const target = {
      applicationId: _id,
      name,
      namespace: 'apps',
      spec: { kind: 'stateless', stopped: false, paused: false },
    };
    return lookAt(
      { connection, apis: new ServedApis(connection) },
      { ...target, ...changes } as LookTarget,
      signal,
    );
  }

  /** Looks until the application is in trouble for a reason. */
  const until = (of: { _id: string; name: string }, reason: string): Promise<Observed> =>
    waitFor(
      async () => {
        const seen = await look(of);
        return seen.cause?.reason === reason ? seen : undefined;
      },
      { what: reason, timeoutMs: 20_000 },
    );

  it('tells how it does', async () => {
    const web = application();
    assert.equal((await look(web)).phase, 'Missing');
    await fixture.deploy(site, web, { generation: 7 });
    const observation = await waitFor(async () => {
      const seen = await look(web);
      return seen.phase === 'Running' ? seen : undefined;
    });
    assert.deepEqual(
      [observation.generation, observation.replicas.available, observation.cause],
      [7, 2, null],
    );
  });

  it('does not take another’s workload of the same name for it', async () => {
    const web = application();
    await fixture.deploy(site, web);
    const observation = await look({ ...web, _id: crypto.randomUUID() });
    assert.equal(observation.phase, 'Missing');
  });

  it('brings the last lines of what ends again and again', async () => {
    const web = application();
    await fixture.deploy(site, web, { image: 'registry.local/crash:1', replicas: 1 });
    const observation = await until(web, 'CrashLoopBackOff');
    assert.match(observation.cause?.log ?? '', /starting web/);
  });

  it('brings what the registry has said, also when the kubelet only waits', async () => {
    const web = application();
    await fixture.deploy(site, web, { image: 'registry.local/missing:1', replicas: 1 });
    const path = `/api/v1/namespaces/apps/pods`;
    const query = { labelSelector: `cetus.io/application=${web._id}` };
    await waitFor(
      async () => JSON.stringify(await site.connection.get(path, { query })).includes('"ImagePullBackOff"'),
      { what: 'the kubelet waits' },
    );
    const observation = await look(web);
    assert.equal(observation.cause?.reason, 'ImagePullBackOff');
    assert.match(observation.cause.message, /not found/);
  });

  it('tells a secret that is not there, and a key of one, from what cannot be told', async () => {
    const web = application();
    const variable = { name: 'X', valueFrom: { secretKeyRef: { name: `s-${web.name}`, key: 'k' } } };
    await fixture.deploy(site, web, { replicas: 1, container: { env: [variable] } });
    const observation = await until(web, 'SecretMissing');
    assert.match(
      observation.cause?.message ?? '',
      new RegExp(`Secret s-${web.name}, which is not in namespace apps`),
    );
    const map = application();
    const files = { name: 'files', configMap: { name: `m-${map.name}` } };
    await fixture.deploy(site, map, { replicas: 1, pod: { volumes: [files] } });
    // Nothing is wrong with what is only being started.
    await until(map, 'ConfigMapMissing');
  }).timeout(60_000);

  it('tells an instance that no node takes from one whose claim is not there', async () => {
    const web = application();
    await fixture.deploy(site, web, { replicas: 1, pod: { nodeSelector: { no: 'such' } } });
    const observation = await until(web, 'Unschedulable');
    assert.match(observation.cause?.message ?? '', /^No node takes it: /);
    const claim = application();
    const data = { name: 'data', persistentVolumeClaim: { claimName: `c-${claim.name}` } };
    await fixture.deploy(site, claim, { replicas: 1, pod: { volumes: [data] } });
    await until(claim, 'VolumeNotReady');
  });

  it('says why pods are not even made', async () => {
    const quota = { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } };
    const path = '/api/v1/namespaces/elsewhere/resourcequotas';
    await site.connection.request('POST', path, { body: quota });
    const web = application();
    await fixture.deploy(site, web, { namespace: 'elsewhere' });
    await waitFor(
      async () => (await look(web, { namespace: 'elsewhere' })).cause?.reason === 'QuotaExceeded',
      { what: 'QuotaExceeded' },
    );
    const set = application();
    const labels = { 'app.kubernetes.io/managed-by': 'cetus', 'cetus.io/application': set._id };
    await site.connection.request('POST', '/apis/apps/v1/namespaces/elsewhere/statefulsets', {
      body: {
        metadata: { name: set.name, labels },
        spec: {
          serviceName: set.name,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { containers: [{ name: 'web', image: 'registry.local/web:1' }] },
          },
        },
      },
    });
    const spec = { kind: 'stateful', stopped: false, paused: false } as const;
    await waitFor(
      async () => (await look(set, { namespace: 'elsewhere', spec })).cause?.reason === 'QuotaExceeded',
      { what: 'QuotaExceeded' },
    );
  });

  it('asks for nothing of what was not applied, and by its name for what was', async () => {
    const web = application();
    await fixture.deploy(site, web);
    const asked: string[] = [];
    const connection = new Proxy(site.connection, {
      get: (target, name) =>
        name === 'get'
          ? (path: string, ...rest: never[]) => {
              asked.push(path);
              return target.get(path, ...rest);
            }
          : (Reflect.get(target, name, target) as unknown),
    });
    const target: LookTarget = {
      applicationId: web._id,
      name: web.name,
      namespace: 'apps',
      spec: { kind: 'stateless', stopped: false, paused: false },
      objects: [
        { api_version: 'apps/v1', kind: 'Deployment', name: web.name },
        { api_version: 'v1', kind: 'Service', name: web.name },
      ],
    };
    await lookAt({ connection, apis: new ServedApis(connection) }, target, signal);
    assert.ok(asked.some((path) => path.endsWith('/pods')));
    assert.ok(asked.some((path) => path.endsWith(`/services/${web.name}`)));
    assert.ok(!asked.some((path) => /\/(services|ingresses)$/.test(path)));
  });

  it('says nothing of a cluster that does not answer', async () => {
    const web = application();
    await site.sim.setNetwork('refused');
    try {
      await assert.rejects(look(web), KubernetesUnreachableError);
    } finally {
      await site.sim.setNetwork('up');
    }
  });
}).timeout(60_000);
