import assert from 'node:assert/strict';
import { createSigningRequest } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import { Applications } from './support/applications.ts';
import { lookingIn, makingThingsIn, reachingOut, workingIn, type Belongings } from './support/attempts.ts';
import type { CetusClient } from './support/client.ts';
import { colleagueIn, type Colleague } from './support/colleague.ts';
import { IMAGE, LabCluster } from './support/lab-cluster.ts';
import { figure, live } from './support/suite.ts';
import { KubernetesUser, type Attempt } from './support/tenant.ts';

/** A user, what is his in the cluster, and his way into it past Cetus. */
interface Tenant extends Belongings {
  client: CetusClient;
  applications: Applications;
  cluster: string;
  /** Of the application. */
  uuid: string;
  kubernetes: KubernetesUser;
}

live(
  'tenants of one Kubernetes',
  (on) => {
    let lab: LabCluster;
    let colleague: Colleague;
    const clusters: [CetusClient, string][] = [];
    const tenants: Partial<Record<'one' | 'other' | 'colleague', Tenant>> = {};
    const tenant = (who: keyof typeof tenants): Tenant => {
      const found = tenants[who];
      assert.ok(found);
      return found;
    };

    const form = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
      name,
      kind: 'stateless',
      placements: [{ cluster: 'shared' }],
      containers: [{ name: 'web', image: IMAGE, ports: [{ port: 8080 }] }],
      termination_grace_seconds: 1,
      ...more,
    });
    const settle = async (client: CetusClient, cluster: string, name: string): Promise<Tenant> => {
      const applications = new Applications(client);
      const uuid = await applications.create(
        form(name, {
          config_files: [{ name: 'files', files: { 'a.txt': 'a' } }],
          secrets: [{ name: 'db', values: { password: `of-${name}` } }],
          exposure: { type: 'cluster_ip', ports: [{ port: 80, target_port: 8080 }] },
        }),
      );
      const { clusters: placed } = await applications.complete(uuid);
      const [instance] = await applications.instances(uuid);
      const namespace = placed[0]?.namespace ?? '';
      const pod = instance?.name ?? '';
      const { body } = await client.send('GET', `/v1/applications/${uuid}`);
      const { user_id: userId } = body as { user_id: string };
      const kubernetes = await KubernetesUser.signed(client, { cluster, userId, lab: lab.access });
      const { spec } = await lab.admin.get<{ spec: { nodeName: string } }>(
        `/api/v1/namespaces/${namespace}/pods/${pod}`,
      );
      return { client, applications, cluster, uuid, namespace, name, pod, node: spec.nodeName, kubernetes };
    };
    /** What of some attempts is not answered as it shall be. */
    const surprises = async (
      user: KubernetesUser,
      attempts: readonly Attempt[],
      isExpected: (status: number) => boolean,
    ): Promise<string[]> => {
      const found: string[] = [];
      for (const attempt of attempts) {
        const status = await user.status(attempt);
        if (!isExpected(status)) found.push(`${attempt.method} ${attempt.path}: ${String(status)}`);
      }
      return found;
    };
    const isRefused = (status: number): boolean => status === 403 || status === 404;

    before(
      'has two projects take one cluster in, and three users bring an application there',
      async function () {
        lab = LabCluster.require(this);
        await lab.removeLeftovers();
        colleague = await colleagueIn(on.lab, 'demo');
        const other = on.cetus.client(1, 'demo2');
        for (const client of [on.demo, other])
          clusters.push([client, await lab.importedBy(client, 'shared')]);
        const [ours = '', theirs = ''] = clusters.map(([, uuid]) => uuid);
        [tenants.one, tenants.other, tenants.colleague] = await Promise.all([
          settle(on.demo, ours, 'web'),
          // In a project of its own the name is free.
          settle(other, theirs, 'web'),
          settle(on.cetus.client(0, colleague.username, 'demo'), ours, 'of-colleague'),
        ]);
      },
    );

    after('leaves nothing', async () => {
      for (const [client, cluster] of clusters) {
        await new Applications(client).removeAll();
        await client.remove(cluster);
      }
      await Promise.all(Object.values(tenants).map(({ kubernetes }) => kubernetes.close()));
      await colleague?.remove();
      await lab?.close();
    });

    it('have a namespace each', () => {
      const namespaces = Object.values(tenants).map(({ namespace }) => namespace);
      assert.equal(new Set(namespaces).size, 3, namespaces.join());
    });

    for (const [who, whose] of [
      ['other', 'one'],
      ['one', 'other'],
      ['colleague', 'one'],
      ['one', 'colleague'],
    ] as const)
      it(`get nothing of each other from Kubernetes: ${who} of ${whose}`, async () => {
        const [thief, victim] = [tenant(who), tenant(whose)];
        const attempts = [lookingIn, workingIn, makingThingsIn, reachingOut].flatMap((kind) => kind(victim));
        assert.deepEqual(await surprises(thief.kubernetes, attempts, isRefused), []);
        figure(`${String(attempts.length)} requests refused`);
        const pods = await lab.marked('v1', 'Pod', victim.uuid);
        assert.ok(pods.includes(victim.pod), 'it is as it was');
      });

    it('work in what is their own, and make nothing there past Cetus', async () => {
      const one = tenant('one');
      const { kubernetes, namespace, pod } = one;
      const isFine = (status: number): boolean => status === 200;
      assert.deepEqual(await surprises(kubernetes, lookingIn(one), isFine), []);
      assert.deepEqual(await surprises(kubernetes, makingThingsIn(one), isRefused), []);
      assert.equal(await kubernetes.exec(namespace, pod, ['echo', 'hello']), 'hello\n');
      const path = `/api/v1/namespaces/${namespace}/pods/${pod}`;
      assert.equal(await kubernetes.status({ method: 'DELETE', path }), 200);
      const [next] = await waitFor(
        async () => {
          const ready = (await one.applications.instances(one.uuid)).filter(
            ({ name, ready: is }) => is && name !== pod,
          );
          return ready.length > 0 && ready;
        },
        { timeoutMs: 60_000, what: 'another instance takes its place' },
      );
      one.pod = next?.name ?? '';
    });

    it('have no token of the cluster in their pods, and one of the namespace would be of no use', async () => {
      const { kubernetes, namespace, pod } = tenant('one');
      const script =
        'ls /var/run/secrets/kubernetes.io 2>/dev/null; mount | grep -c serviceaccount; echo end';
      assert.equal(await kubernetes.exec(namespace, pod, ['sh', '-c', script]), '0\nend\n');
      const { body } = await lab.admin.request<{ status: { token: string } }>(
        'POST',
        `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`,
        { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
      );
      const account = KubernetesUser.withToken(lab.access, body.status.token);
      try {
        for (const whose of ['one', 'other'] as const) {
          const attempts = [lookingIn, workingIn, makingThingsIn, reachingOut].flatMap((kind) =>
            kind(tenant(whose)),
          );
          assert.deepEqual(await surprises(account, attempts, isRefused), []);
        }
        assert.equal(
          await account.status({ method: 'GET', path: '/version' }),
          200,
          'the token is a good one',
        );
      } finally {
        await account.close();
      }
    });

    it('have no certificate signed by a cluster of somebody else, or of the group that may do anything', async () => {
      const [one, other] = [tenant('one'), tenant('other')];
      const sign = (organizations: string[], cluster: string) => {
        const { request: csr } = createSigningRequest({ commonName: 'intruder', organizations });
        return one.client.send('POST', '/v1/certificates', { cluster_uuid: cluster, csr });
      };
      const foreign = await sign([], other.cluster);
      assert.deepEqual([foreign.status, foreign.body.errors[0].code], [400, 'cluster_not_found']);
      const masters = await sign(['system:masters'], one.cluster);
      assert.deepEqual([masters.status, masters.body.errors[0].field], [400, 'csr']);
    });

    it('reach no instance of each other through an application of their own', async () => {
      for (const [who, whose] of [
        ['other', 'one'],
        // Of one project each sees the other's applications; an instance is of its own application all the same.
        ['colleague', 'one'],
      ] as const) {
        const [thief, victim] = [tenant(who), tenant(whose)];
        const path = `/v1/applications/${thief.uuid}/instances/${victim.pod}`;
        for (const [method, sub] of [
          ['GET', ''],
          ['DELETE', ''],
          ['GET', '/logs'],
        ] as const)
          assert.equal((await thief.client.send(method, path + sub)).status, 404, `${who} ${method} ${sub}`);
        await assert.rejects(thief.applications.exec(thief.uuid, victim.pod, ['id']), /404/);
      }
    });

    it('do not come by a Secret or a claim of each other, by whatever name', async () => {
      const thief = tenant('other');
      // The application of the same name has a Secret of that name, in another namespace.
      const uuid = await thief.applications.create(
        form('thief', {
          containers: [
            {
              name: 'web',
              image: IMAGE,
              env: [{ name: 'A', secret: { name: 'of-colleague-db', key: 'password' } }],
            },
          ],
        }),
      );
      const seen = await thief.applications.until(
        uuid,
        ({ cause }) => cause?.reason === 'SecretMissing',
        'the Secret is missing',
      );
      assert.match(seen.cause?.message ?? '', /of-colleague-db/);
      await thief.applications.remove(uuid);
    });

    it('do not take what guards the namespace away by an application of its name', async () => {
      const { applications, namespace } = tenant('other');
      const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/cetus-default-deny`;
      const before = await lab.admin.get<{ metadata: { uid: string }; spec: unknown }>(path);
      const uuid = await applications.create(
        form('cetus-default-deny', {
          exposure: { type: 'node_port', ports: [{ port: 80, target_port: 8080 }] },
        }),
      );
      const { status, failure } = await applications.settled(uuid);
      assert.deepEqual([status, failure?.code], ['CREATE_FAILED', 'object_not_owned']);
      await applications.remove(uuid);
      const after = await lab.admin.get<{ metadata: { uid: string }; spec: unknown }>(path);
      assert.deepEqual([after.metadata.uid, after.spec], [before.metadata.uid, before.spec]);
    });

    it('do not get the node port or the host of each other', async () => {
      const [one, other] = [tenant('one'), tenant('other')];
      const exposed = (port: object, ingress: object): Record<string, unknown> => ({
        exposure: { type: 'node_port', ports: [{ port: 80, target_port: 8080, ...port }], ...ingress },
      });
      const host = { ingress: { host: 'shop.example.org' } };
      const first = await one.applications.create(form('first', exposed({}, host)));
      const { endpoints } = await one.applications.until(
        first,
        (seen) => seen.endpoints.some(({ type }) => type === 'node_port'),
        'its node port is known',
      );
      await one.applications.complete(first);
      const taken = endpoints.find(({ type }) => type === 'node_port')?.port;
      assert.ok(taken !== undefined);
      const thefts = await Promise.all(
        [exposed({ node_port: taken }, {}), exposed({}, host)].map(async (more, index) => {
          const uuid = await other.applications.create(form(`theft-${String(index)}`, more));
          const { status, failure } = await other.applications.settled(uuid);
          return [uuid, status, failure?.code] as const;
        }),
      );
      assert.deepEqual(
        thefts.map(([, ...end]) => end),
        [
          ['CREATE_FAILED', 'admission_refused'],
          ['CREATE_FAILED', 'conflict'],
        ],
      );
      const [, [thief = ''] = []] = thefts;
      assert.deepEqual(await lab.marked('networking.k8s.io/v1', 'Ingress', thief), []);
      await Promise.all([
        one.applications.remove(first),
        ...thefts.map(([uuid]) => other.applications.remove(uuid)),
      ]);
    });

    it('change an application of their project where its maker has it', async () => {
      const [one, mate] = [tenant('one'), tenant('colleague')];
      await mate.applications.act(one.uuid, 'restart');
      const { clusters: placed } = await mate.applications.complete(one.uuid);
      assert.deepEqual(
        placed.map(({ namespace }) => namespace),
        [one.namespace],
      );
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);
