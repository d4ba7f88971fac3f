import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { readObject } from '@cetus/kubernetes/apply';
import { KubernetesConnection, type RequestOptions } from '@cetus/kubernetes/connection';
import { namespaceOf } from '@cetus/shared/applications';
import type { StoredApplication, StoredCluster } from '@cetus/shared/schemas';
import { APPLICATION, CLUSTER } from '@cetus/shared/store';
import { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { waitFor } from '@cetus/test-kit';
import {
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  type KubernetesObject,
} from '@kubernetes/client-node';
import type { Collection, Filter } from 'mongodb';
import type { CetusClient } from '../integration/support/cetus-client.ts';
import type { Installation, Member } from '../integration/support/installation.ts';
import type { BenchSystem } from './bench-system.ts';
import { cpuSeconds, peakMb, report, residentMb, round, socketsOf } from './figures.ts';
import { BENCH_KEYS, seedCluster, seedClusters } from './simulated-clusters.ts';

/** Applications on one API server: a real one when `CETUS_LAB_KUBECONFIG` names it, which must have room for as many pods as it is told. */
const ON_ONE = Number(process.env['BENCH_APPLICATIONS'] ?? 1000);
const CLUSTERS = Number(process.env['BENCH_CLUSTERS'] ?? 200);
const ON_EACH = Number(process.env['BENCH_APPLICATIONS_EACH'] ?? 100);
const IN_FLIGHT = 32;
const LONGEST_MS = 3_600_000;
/** How long who follows them is left alone, to see what that costs when nothing happens. */
const REST_MS = 60_000;
/** As Node gives itself in a container of twice as much: on a large machine it would let much lie about before it cleans up. */
const HEAP_MB = 256;
/** A node of Kubernetes takes 110, some of which are the cluster's own. */
const PODS_OF_A_NODE = 100;
/** An instance costs a node more than it costs an API server: with none, the API server is what is measured. */
const REPLICAS = Number(process.env['BENCH_REPLICAS'] ?? 1);

/** Many applications on one API server, beside a bare loop of the same applies; then many on many, and what one conductor needs to follow them. */
export async function applications(system: BenchSystem): Promise<void> {
  await onOne(system);
  await onMany(system);
}

async function onOne(system: BenchSystem): Promise<void> {
  const host = new KubernetesHost();
  const stage = await Stage.start(system, 'bench_applications_one');
  const lab = process.env['CETUS_LAB_KUBECONFIG'];
  try {
    const id =
      lab === undefined
        ? [...(await stage.simulate(host, 1, Math.ceil((2 * ON_ONE) / PODS_OF_A_NODE))).keys()][0]
        : await stage.seed(readFileSync(lab, 'utf8'));
    const kubeconfig = stage.kubeconfigs.get(id ?? '') ?? '';
    const seconds = await stage.create(ON_ONE, [id ?? '']);
    const conductorMb = residentMb(stage.conductor.service.pid);
    const manifests = await manifestsIn(kubeconfig, stage.namespace);
    const bare = await bareLoop([{ kubeconfig, manifests }], { untilReady: true });
    const gone = await stage.removeAll();
    report({
      bench: 'applications',
      what: `${ON_ONE} applications on one ${lab === undefined ? 'simulated' : 'real'} API server`,
      accepted_s: round(seconds.accepted),
      until_all_are_applied_s: round(seconds.applied),
      bare_applies_s: round(bare.applied),
      ratio_applied: round(bare.applied / seconds.applied),
      until_all_are_complete_s: round(seconds.all),
      bare_until_all_are_ready_s: round(bare.ready),
      ratio: round(bare.ready / seconds.all),
      objects: manifests.length,
      until_all_are_gone_s: round(gone),
      bare_until_its_namespace_is_gone_s: round(bare.gone),
      conductor_mb: conductorMb,
    });
  } finally {
    await stage.close();
    await host.close();
  }
}

async function onMany(system: BenchSystem): Promise<void> {
  const host = new KubernetesHost();
  const stage = await Stage.start(system, 'bench_applications_many');
  try {
    const emptyMb = residentMb(stage.conductor.service.pid);
    const ids = [...(await stage.simulate(host, CLUSTERS)).keys()];
    const seconds = await stage.create(CLUSTERS * ON_EACH, ids);
    await waitFor(async () => (await stage.observed('Running')) === CLUSTERS * ON_EACH, {
      timeoutMs: LONGEST_MS,
      what: 'all are told to run',
    });
    const { pid } = stage.conductor.service;
    const [atEndMb, atMostMb] = [residentMb(pid), peakMb(pid)];
    const watches = (): number => ids.reduce((sum, id) => sum + (host.get(id)?.watches.size ?? 0), 0);
    const needed = watches();
    const sample = await stage.manifests(ids.slice(0, Math.ceil(CLUSTERS / 10)));
    const { applied: bare } = await bareLoop(sample);
    const all = CLUSTERS * ON_EACH;
    report({
      bench: 'applications',
      what: `${all} applications on ${CLUSTERS} simulated clusters, one conductor`,
      until_all_are_complete_s: round(seconds.all),
      accepted_s: round(seconds.accepted),
      bare_applies_s: round(bare),
      bare_applies_of_clusters: sample.length,
      ratio: round(bare / (sample.length * ON_EACH) / (seconds.all / all)),
      mb_at_the_end: atEndMb,
      mb_at_most: atMostMb,
    });
    await stage.conductor.kill9();
    await waitFor(() => watches() === 0, { what: 'nobody follows them' });
    const again = performance.now();
    await stage.conductor.restart();
    await waitFor(() => watches() >= needed, { timeoutMs: LONGEST_MS, what: 'all are followed again' });
    const followed = (performance.now() - again) / 1_000;
    const { pid: next } = stage.conductor.service;
    const used = cpuSeconds(next);
    await delay(REST_MS);
    const mb = residentMb(next);
    report({
      bench: 'applications',
      what: `${all} applications on ${CLUSTERS} simulated clusters, followed by one conductor`,
      until_all_are_followed_s: round(followed),
      mb,
      mb_at_most: peakMb(next),
      mb_without: emptyMb,
      cpu_percent: round((100_000 * (cpuSeconds(next) - used)) / REST_MS),
      watches_per_cluster: round(watches() / CLUSTERS),
      sockets_per_cluster: round(socketsOf(next) / CLUSTERS),
      budget: '<= 400 MB',
      met: mb <= 400,
    });
  } finally {
    await stage.close();
    await host.close();
  }
}

/** An installation with one API and one conductor, and clusters that are there already. */
class Stage {
  readonly kubeconfigs = new Map<string, string>();
  readonly conductor: Member;
  private readonly installation: Installation;
  private readonly client: CetusClient;
  private readonly clusters: Collection<StoredCluster>;
  private readonly stored: Collection<StoredApplication>;
  namespace = '';

  private constructor(
    parts: Pick<Stage, 'conductor'> & {
      installation: Installation;
      client: CetusClient;
      clusters: Collection<StoredCluster>;
      stored: Collection<StoredApplication>;
    },
  ) {
    this.conductor = parts.conductor;
    this.installation = parts.installation;
    this.client = parts.client;
    this.clusters = parts.clusters;
    this.stored = parts.stored;
  }

  static async start(system: BenchSystem, database: string): Promise<Stage> {
    const installation = await system.installation(database);
    const api = await installation.add('api');
    const conductor = await installation.add('conductor', {
      settings: { CETUS_SECRET_KEYS: BENCH_KEYS, CETUS_LOG_LEVEL: 'info' },
      nodeArgs: [`--max-old-space-size=${HEAP_MB}`],
    });
    const db = system.client.db(database);
    const client = await installation.signIn(api);
    const clusters = db.collection<StoredCluster>(CLUSTER.collection);
    const stored = db.collection<StoredApplication>(APPLICATION.collection);
    return new Stage({ installation, conductor, client, clusters, stored });
  }

  async simulate(host: KubernetesHost, count: number, workers = 5): Promise<Map<string, string>> {
    const project = this.client.projectId;
    const made = await seedClusters(host, this.clusters, { count, workers, projectOf: () => project });
    for (const [id, text] of made) this.kubeconfigs.set(id, text);
    return made;
  }

  async seed(text: string): Promise<string> {
    const kubeconfig = (): Promise<string> => Promise.resolve(text);
    const { id } = await seedCluster(this.clusters, {
      name: 'lab',
      project: this.client.projectId,
      kubeconfig,
    });
    this.kubeconfigs.set(id, text);
    return id;
  }

  /** Asks for applications, evenly on some clusters, and waits until all are complete. */
  async create(
    count: number,
    clusters: readonly string[],
  ): Promise<{ accepted: number; applied: number; all: number }> {
    const begun = performance.now();
    const seconds = (): number => (performance.now() - begun) / 1_000;
    await inFlight(count, async (i) => {
      await this.client.ok('/v1/applications', {
        method: 'POST',
        body: form(i, clusters[i % clusters.length] ?? ''),
      });
    });
    const accepted = seconds();
    const all = (what: string, filter: Filter<StoredApplication>): Promise<unknown> =>
      waitFor(async () => (await this.stored.countDocuments(filter)) === count, {
        timeoutMs: LONGEST_MS,
        what: `all are ${what}`,
      });
    await all('applied', { 'status.placements.applied_generation': 1 });
    const applied = seconds();
    await all('complete', { 'status.state': 'CREATE_COMPLETE' });
    const one = await this.stored.findOne({});
    this.namespace = namespaceOf(one?.project_id ?? '', one?.user_id ?? '');
    return { accepted, applied, all: seconds() };
  }

  /** What Cetus applied in clusters. */
  manifests(ids: readonly string[]): Promise<Applied[]> {
    return Promise.all(
      ids.map(async (id) => {
        const kubeconfig = this.kubeconfigs.get(id) ?? '';
        return { kubeconfig, manifests: await manifestsIn(kubeconfig, this.namespace) };
      }),
    );
  }

  observed(phase: string): Promise<number> {
    return this.stored.countDocuments({
      $expr: { $in: [phase, { $map: { input: { $objectToArray: '$observed' }, in: '$$this.v.phase' } }] },
    });
  }

  /** Deletes all, and answers how long it took until they were gone, in seconds. */
  async removeAll(): Promise<number> {
    const begun = performance.now();
    const ids = await this.stored.find({ deleted_at: null }, { projection: { _id: 1 } }).toArray();
    await inFlight(ids.length, async (i) => {
      await this.client.ok(`/v1/applications/${ids[i]?._id ?? ''}`, { method: 'DELETE' });
    });
    await waitFor(async () => (await this.stored.countDocuments({ deleted_at: null })) === 0, {
      timeoutMs: LONGEST_MS,
      what: 'all are gone',
    });
    return (performance.now() - begun) / 1_000;
  }

  close(): Promise<void> {
    return this.installation.close();
  }
}

function form(index: number, cluster: string): object {
  return {
    name: `app-${index}`,
    kind: 'stateless',
    replicas: REPLICAS,
    placements: [{ cluster }],
    containers: [{ name: 'web', image: 'registry.local/web:1', ports: [{ port: 8080 }] }],
    exposure: { type: 'cluster_ip', ports: [{ port: 80, target_port: 8080 }] },
  };
}

/** The objects that Cetus applied, as they would be applied again. */
async function manifestsIn(kubeconfig: string, namespace: string): Promise<KubernetesObject[]> {
  const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
  const found: KubernetesObject[] = [];
  try {
    for (const [apiVersion, kind, path] of [
      ['v1', 'Service', `/api/v1/namespaces/${namespace}/services`],
      ['apps/v1', 'Deployment', `/apis/apps/v1/namespaces/${namespace}/deployments`],
    ] as const) {
      const { items } = await connection.get<{
        items: {
          metadata: { name: string; labels: Record<string, string> };
          spec: Record<string, unknown>;
        }[];
      }>(path);
      for (const { metadata, spec } of items) {
        const { clusterIP: _ip, clusterIPs: _ips, ...rest } = spec;
        const { name, labels } = metadata;
        found.push({
          apiVersion,
          kind,
          metadata: { name, namespace: 'bench-bare', labels },
          spec: rest,
        } as KubernetesObject);
      }
    }
  } finally {
    await connection.close();
  }
  return found;
}

interface Applied {
  kubeconfig: string;
  manifests: readonly KubernetesObject[];
}

/**
 * The same applies by the client library, as many at once, into a namespace of their own. Answers how long that took, and how long until their
 * cluster had done all that they ask for, and until the namespace with all of them was gone, in seconds.
 */
async function bareLoop(
  clusters: readonly Applied[],
  { untilReady = false } = {},
): Promise<{ applied: number; ready: number; gone: number }> {
  const todo = clusters.flatMap(({ kubeconfig, manifests }) => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const api = KubernetesObjectApi.makeApiClient(config);
    return manifests.map((manifest) => ({ api, manifest }));
  });
  const path = '/api/v1/namespaces';
  await inNamespaces(clusters, 'POST', path, { body: { metadata: { name: 'bench-bare' } } });
  const begun = performance.now();
  await inFlight(todo.length, async (i) => {
    const one = todo[i];
    await one?.api.patch(one.manifest, undefined, undefined, 'bench', true, PatchStrategy.ServerSideApply);
  });
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const applied = seconds();
  if (untilReady) for (const { kubeconfig } of clusters) await allReady(kubeconfig);
  const ready = seconds();
  await inNamespaces(clusters, 'DELETE', `${path}/bench-bare`);
  const begunToGo = performance.now();
  if (untilReady) for (const { kubeconfig } of clusters) await namespaceGone(kubeconfig);
  return { applied, ready, gone: (performance.now() - begunToGo) / 1_000 };
}

async function namespaceGone(kubeconfig: string): Promise<void> {
  const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: 'bench-bare' };
  try {
    await waitFor(async () => (await readObject(connection, reference)) === undefined, {
      timeoutMs: LONGEST_MS,
      what: 'the namespace is gone',
    });
  } finally {
    await connection.close();
  }
}

interface Deployment {
  metadata: { generation: number };
  spec: { replicas: number };
  status: { observedGeneration?: number; availableReplicas?: number };
}

async function allReady(kubeconfig: string): Promise<void> {
  const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
  const path = '/apis/apps/v1/namespaces/bench-bare/deployments';
  const isReady = async (): Promise<boolean> => {
    // To ask must not be what is measured: seldom, and as the cache of the API server has them.
    await delay(1_000);
    const { items } = await connection.get<{ items: Deployment[] }>(path, {
      query: { resourceVersion: '0' },
    });
    return items.every(
      ({ metadata, spec, status }) =>
        status.observedGeneration === metadata.generation && (status.availableReplicas ?? 0) >= spec.replicas,
    );
  };
  try {
    await waitFor(isReady, { timeoutMs: LONGEST_MS, what: 'all are ready' });
  } finally {
    await connection.close();
  }
}

async function inNamespaces(
  clusters: readonly Applied[],
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<void> {
  for (const { kubeconfig } of clusters) {
    const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
    await connection.request(method, path, options).finally(() => connection.close());
  }
}

async function inFlight(count: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let i = next++; i < count; i = next++) await run(i);
    }),
  );
}
