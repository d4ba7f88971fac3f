import { createAuthority, issueCertificate } from '@cetus/shared/pki';
import { newObject } from '@cetus/shared/operations';
import type { StoredCluster } from '@cetus/shared/schemas';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import { CLUSTER } from '@cetus/shared/store';
import type { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import type { Collection } from 'mongodb';

/** What the kubeconfigs of seeded clusters are sealed with. */
export const BENCH_KEYS = `bench:${Buffer.alloc(32, 9).toString('base64')}`;

export interface SeedOptions {
  count: number;
  /** Besides the master. */
  workers: number;
  projectOf: (index: number) => string;
}

/** Clusters that run, each with an authority of its own, and their documents. Answers their kubeconfigs, by id. */
export async function seedClusters(
  host: KubernetesHost,
  clusters: Collection<StoredCluster>,
  { count, workers, projectOf }: SeedOptions,
): Promise<Map<string, string>> {
  const kubeconfigs = new Map<string, string>();
  for (let i = 0; i < count; i += 1) {
    const kubeconfig = (id: string): Promise<string> => simulate(host, id, workers);
    const { id, text } = await seedCluster(clusters, { name: `c${i}`, project: projectOf(i), kubeconfig });
    kubeconfigs.set(id, text);
  }
  return kubeconfigs;
}

/** The document of a cluster that is there. */
export async function seedCluster(
  clusters: Collection<StoredCluster>,
  {
    name,
    project,
    kubeconfig,
  }: { name: string; project: string; kubeconfig: (id: string) => Promise<string> },
): Promise<{ id: string; text: string }> {
  const box = new SecretBox(KeyRing.parse(BENCH_KEYS));
  const made = newObject<StoredCluster['spec'], StoredCluster['status']>({
    kind: CLUSTER,
    caller: { userId: 'u', projectId: project, requestId: 'bench' },
    name,
    spec: { driver: 'heat', node_groups: [], labels: {}, imported: null } as unknown as StoredCluster['spec'],
    status: { node_groups: [] } as unknown as StoredCluster['status'],
    deadlineMs: null,
  });
  const text = await kubeconfig(made._id);
  await clusters.insertOne({
    ...made,
    status: { ...made.status, kubeconfig: box.seal(text, { id: made._id, field: 'status.kubeconfig' }) },
    pending_events: [],
    sequence: 0,
    health: null,
    follow: null,
  });
  return { id: made._id, text };
}

/** Answers its kubeconfig. */
async function simulate(host: KubernetesHost, id: string, workers: number): Promise<string> {
  const authority = createAuthority({ commonName: id, days: 1 });
  const version = 'v1.33.2';
  const nodes = Array.from({ length: workers + 1 }, (_, i) => ({
    name: i === 0 ? 'master-0' : `worker-${i}`,
    role: i === 0 ? ('master' as const) : ('worker' as const),
    address: `10.0.0.${i + 1}`,
    version,
  }));
  await host.apply({ id, address: '127.0.0.1', port: 0, authority, version, nodes });
  const admin = {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client' as const],
    days: 1,
  };
  const { certificate, key } = issueCertificate(authority, admin);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [
      {
        name: 'c',
        cluster: {
          server: host.get(id)?.url,
          'certificate-authority-data': base64(authority.certificate),
        },
      },
    ],
    users: [
      {
        name: 'u',
        user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) },
      },
    ],
  });
}
