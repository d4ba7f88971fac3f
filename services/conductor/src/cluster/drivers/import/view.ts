import { isIP } from 'node:net';
import type { KubernetesConnection, Query } from '@cetus/kubernetes/connection';
import { CetusError } from '@cetus/shared/errors';
import { Type, type Static, type TSchema } from 'typebox';
import { Check } from 'typebox/value';
import type { ClusterFacts } from '../../cluster-driver.ts';
import { requirePermissions } from './permissions.ts';

/** What a look at a cluster finds. */
export interface ClusterView {
  /** Of the namespace `kube-system`, which lives as long as its cluster does: the closest that Kubernetes has to an identity. */
  uid: string;
  /** `v1.33.2`. */
  version: string;
  nodes: Node[];
}

/** Nodes that are asked for at once; one has some 10 KB. */
const PAGE = 250;
/** What Kubernetes is made for; a server that lists nodes without an end is none. */
const MAX_NODES = 5_000;
/** The oldest minor version of 1 that has every API in the version that is used: `certificates.k8s.io/v1`. */
const MIN_MINOR = 19;
const MASTER_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

// What is read of the answers. They come from a server that anybody may have named.
const Word = Type.String({ maxLength: 100 });
const VersionSchema = Type.Object({ gitVersion: Type.String({ pattern: '^v\\d+\\.\\d+', maxLength: 100 }) });
const NamespaceSchema = Type.Object({ metadata: Type.Object({ uid: Word }) });
const NodeSchema = Type.Object({
  metadata: Type.Object({ labels: Type.Optional(Type.Record(Type.String(), Type.String())) }),
  status: Type.Optional(
    Type.Object({
      addresses: Type.Optional(Type.Array(Type.Object({ type: Type.String(), address: Type.String() }))),
      nodeInfo: Type.Optional(Type.Object({ containerRuntimeVersion: Type.Optional(Word) })),
    }),
  ),
});
const NodePageSchema = Type.Object({
  metadata: Type.Object({ continue: Type.Optional(Type.String()) }),
  items: Type.Array(NodeSchema),
});
export type Node = Static<typeof NodeSchema>;

/**
 * Looks at a cluster: whether it is one, then whether all that is needed is allowed, then what there is.
 * @throws CetusError `back_end_refused`, `cluster_version_unsupported`, `cluster_permissions_missing`; what the connection throws
 */
export async function viewCluster(
  connection: KubernetesConnection,
  signal: AbortSignal,
): Promise<ClusterView> {
  const { gitVersion: version } = await read(connection, '/version', VersionSchema, { signal });
  requireVersion(version);
  await requirePermissions(connection, signal);
  const [namespace, nodes] = await Promise.all([
    read(connection, '/api/v1/namespaces/kube-system', NamespaceSchema, { signal }),
    listNodes(connection, signal),
  ]);
  return { uid: namespace.metadata.uid, version, nodes };
}

/** What the nodes of a cluster say about it. */
export function nodeFacts(nodes: readonly Node[]): ClusterFacts {
  const masters = nodes.filter(isMaster);
  const workers = nodes.filter((node) => !isMaster(node));
  const runtimes = new Set(nodes.map(({ status }) => status?.nodeInfo?.containerRuntimeVersion));
  return {
    actual_master_count: masters.length,
    actual_node_count: workers.length,
    master_addresses: masters.flatMap(addressOf),
    node_addresses: workers.flatMap(addressOf),
    // `containerd://1.7.27`; where they differ there is no one to name.
    container_version: runtimes.size === 1 ? ([...runtimes][0] ?? null) : null,
  };
}

async function read<T extends TSchema>(
  connection: KubernetesConnection,
  path: string,
  schema: T,
  options: { signal: AbortSignal; query?: Query },
): Promise<Static<T>> {
  const body = await connection.get<unknown>(path, options);
  if (Check(schema, body)) return body;
  throw new CetusError('back_end_refused', `The server does not answer ${path} as a Kubernetes API does`);
}

async function listNodes(connection: KubernetesConnection, signal: AbortSignal): Promise<Node[]> {
  const nodes: Node[] = [];
  let next: string | undefined;
  do {
    const query = { limit: PAGE, continue: next };
    const page = await read(connection, '/api/v1/nodes', NodePageSchema, { query, signal });
    nodes.push(...page.items);
    next = page.metadata.continue;
  } while (next !== undefined && next !== '' && nodes.length < MAX_NODES);
  return nodes;
}

function requireVersion(version: string): void {
  const [major, minor] = version.slice(1).split('.').map(Number);
  if (major !== 1 || minor === undefined || minor >= MIN_MINOR) return;
  throw new CetusError(
    'cluster_version_unsupported',
    `The cluster has Kubernetes ${version}; it must be v1.${String(MIN_MINOR)} or newer`,
  );
}

function isMaster({ metadata }: Node): boolean {
  return MASTER_LABELS.some((label) => metadata.labels?.[label] !== undefined);
}

function addressOf({ status }: Node): string[] {
  const addresses = (status?.addresses ?? []).filter(({ address }) => isIP(address) !== 0);
  const found =
    addresses.find(({ type }) => type === 'InternalIP') ??
    addresses.find(({ type }) => type === 'ExternalIP');
  return found === undefined ? [] : [found.address];
}
