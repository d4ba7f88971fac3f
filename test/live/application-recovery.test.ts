import assert from 'node:assert/strict';
import type { WatchEvent } from '@cetus/kubernetes/watch-events';
import { waitFor, type SpawnedService } from '@cetus/test-kit';
import { Applications } from './support/applications.ts';
import { IMAGE, LabCluster } from './support/lab-cluster.ts';
import { figure, live } from './support/suite.ts';

const REPLICAS = 2;

/** What an application of the test has in a cluster, and what may be left of it. */
const KINDS = [
  ['v1', 'Secret'],
  ['v1', 'ConfigMap'],
  ['v1', 'Service'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'ReplicaSet'],
  ['v1', 'Pod'],
] as const;

live(
  'applications whose conductors die',
  (on) => {
    let lab: LabCluster;
    let cluster = '';
    let applications: Applications;
    /** Those that run. */
    let conductors: SpawnedService[];

    before('takes a cluster in', async function () {
      lab = LabCluster.require(this);
      await lab.removeLeftovers();
      conductors = [...on.cetus.conductors];
      cluster = await lab.importedBy(on.demo, 'lab');
      applications = new Applications(on.demo);
    });

    after('leaves nothing in it', async () => {
      if (cluster !== '') {
        await applications.removeAll();
        await on.demo.remove(cluster);
      }
      await lab?.close();
    });

    const form = (name: string): Record<string, unknown> => ({
      name,
      kind: 'stateless',
      replicas: REPLICAS,
      placements: [{ cluster: 'lab' }],
      containers: [
        {
          name: 'web',
          image: IMAGE,
          env: [{ name: 'RELEASE', value: 'one' }],
          readiness_probe: { http: { port: 8080 }, period_seconds: 1 },
        },
      ],
      config_files: [{ name: 'files', files: { 'a.txt': 'a' } }],
      secrets: [{ name: 'db', values: { password: 'p' } }],
      exposure: { type: 'cluster_ip', ports: [{ port: 80, target_port: 8080 }] },
      termination_grace_seconds: 1,
    });

    /** Asks for something, and has every conductor die the moment that the cluster shows a trace of it; then they are started again. */
    const interrupted = async <T>(
      [apiVersion, kind]: readonly [string, string],
      is: (event: WatchEvent) => boolean,
      ask: () => Promise<T>,
      uuidOf: (asked: T) => string,
    ): Promise<string> => {
      const end = new AbortController();
      try {
        const seen = await lab.watch(apiVersion, kind, is, end.signal);
        const asked = await ask();
        await seen();
        await Promise.all(conductors.map((one) => one.kill9()));
        const uuid = uuidOf(asked);
        const { status } = await applications.get(uuid);
        assert.match(status, /_IN_PROGRESS$/, 'they died in the middle');
        const died = Date.now();
        conductors = await Promise.all([on.cetus.addConductor(), on.cetus.addConductor()]);
        figure(`${status} at ${kind}; conductors again after ${String(Date.now() - died)} ms`);
        return uuid;
      } finally {
        end.abort();
      }
    };
    const marked = async (uuid: string): Promise<Record<string, string[]>> =>
      Object.fromEntries(
        await Promise.all(
          KINDS.map(async ([version, kind]) => [kind, await lab.marked(version, kind, uuid)] as const),
        ),
      );
    /** That everything is there once, when what goes has gone. */
    const isThereOnce = async (uuid: string, name: string, replicaSets: number): Promise<void> => {
      const found = await waitFor(
        async () => {
          const all = await marked(uuid);
          return all['Pod']?.length === REPLICAS && all;
        },
        { timeoutMs: 60_000, what: `${name} has ${String(REPLICAS)} pods` },
      );
      assert.deepEqual(
        [found['Secret'], found['ConfigMap'], found['Service'], found['Deployment']],
        [[`${name}-db`], [`${name}-files`], [name], [name]],
      );
      assert.equal(found['ReplicaSet']?.length, replicaSets);
    };
    /** The operations of an application, the oldest first, each with how it ended; and its notifications, which have no gap. */
    const history = async (uuid: string): Promise<string[]> => {
      const events = await on.demo.events(uuid);
      assert.deepEqual(
        events.map(({ sequence }) => Number(sequence)),
        events.map((_, index) => index + 1),
      );
      return events
        .map(({ type }) => type.replace('cetus.application.', ''))
        .filter((type) => /\.(start|end|error)$/.test(type));
    };
    const isAdded = ({ type }: WatchEvent): boolean => type === 'ADDED';

    for (const [apiVersion, kind] of [
      ['v1', 'Namespace'],
      ['v1', 'Secret'],
      ['apps/v1', 'Deployment'],
    ] as const)
      it(`are made once, though all die when the ${kind} is there`, async () => {
        const name = `made-${kind.toLowerCase()}`;
        const uuid = await interrupted(
          [apiVersion, kind],
          isAdded,
          () => applications.create(form(name)),
          (created) => created,
        );
        await applications.complete(uuid);
        await isThereOnce(uuid, name, 1);
        assert.deepEqual(await history(uuid), ['create.start', 'create.end']);
      });

    it('roll out once, though all die when the new ReplicaSet is there, and go, though all die when the Deployment has gone', async () => {
      const name = 'rolled';
      const uuid = await applications.create(form(name));
      await applications.complete(uuid);
      const before = await lab.marked('v1', 'Pod', uuid);
      await interrupted(
        ['apps/v1', 'ReplicaSet'],
        isAdded,
        () => applications.patch(uuid, [{ op: 'replace', path: '/containers/0/env/0/value', value: 'two' }]),
        () => uuid,
      );
      assert.equal((await applications.complete(uuid)).revision, 2);
      await waitFor(async () => !(await lab.marked('v1', 'Pod', uuid)).some((pod) => before.includes(pod)), {
        timeoutMs: 60_000,
        what: 'the pods of the release before are gone',
      });
      await isThereOnce(uuid, name, 2);
      const [instance] = await applications.instances(uuid);
      const { stdout } = await applications.exec(uuid, instance?.name ?? '', ['sh', '-c', 'echo $RELEASE']);
      assert.equal(stdout.trim(), 'two');
      assert.deepEqual((await history(uuid)).slice(2), ['update.start', 'update.end']);

      await interrupted(
        ['apps/v1', 'Deployment'],
        ({ type, object }) => type === 'DELETED' && object.metadata.name === name,
        () => on.demo.send('DELETE', `/v1/applications/${uuid}`),
        () => uuid,
      );
      await waitFor(async () => (await on.demo.send('GET', `/v1/applications/${uuid}`)).status === 404, {
        timeoutMs: 120_000,
        what: 'it is gone',
      });
      assert.deepEqual(Object.values(await marked(uuid)).flat(), [], 'nothing is left of it');
      assert.deepEqual((await history(uuid)).slice(4), ['delete.start', 'delete.end']);
    });
  },
  () => ({ conductor: { CETUS_CLUSTER_DRIVERS: 'heat,import' } }),
);
