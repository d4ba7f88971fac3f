import type { Node } from '@cetus/kubernetes/objects';
import { isMaster, nodeGroupsOf, type ClusterSpec, type NodeGroupSpec } from '@cetus/shared/schemas';
import { clusterResourceName } from '../template/names.ts';
import { groupKey } from '../worker-groups.ts';
import { ANNOTATION } from './annotations.ts';

/** What an upgrade needs to know of a node. */
export interface UpgradeNode {
  name: string;
  /** Its number in its group. */
  index: number;
  /** Of its kubelet. */
  version: string;
  ready: boolean;
  unschedulable: boolean;
  resourceVersion: string;
  /** What was asked of it, and what it says; see {@link ANNOTATION}. */
  asked: string | undefined;
  operation: string | undefined;
  /** Milliseconds. */
  since: number;
  cordoned: boolean;
  /** Of the operation that asks; what it said of another counts no more. */
  state: string | undefined;
  message: string;
}

/** A group and its nodes, in the order of their numbers. */
export interface UpgradeGroup {
  uuid: string;
  name: string;
  isMaster: boolean;
  /** The version that it shall have; null: whatever it has. */
  wanted: string | null;
  nodes: UpgradeNode[];
}

/**
 * The groups of a cluster in the order in which they are upgraded: masters first, then the default workers.
 * @param addresses of the machines that there are. Nobody takes away the Node of a machine that has gone: such a one is passed over.
 */
export function groupsOf(
  spec: ClusterSpec,
  uuid: string,
  nodes: readonly Node[],
  addresses: ReadonlySet<string>,
): UpgradeGroup[] {
  const rank = (group: NodeGroupSpec): number => (isMaster(group) ? 0 : group.is_default ? 1 : 2);
  return nodeGroupsOf(spec)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((group) => {
      const key = isMaster(group) ? 'master' : (groupKey(group) ?? 'worker');
      const prefix = clusterResourceName(uuid, `${key}-`);
      const mine = nodes.filter(
        ({ metadata: { name } }) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)),
      );
      return {
        uuid: group.uuid,
        name: group.name,
        isMaster: isMaster(group),
        wanted: group.labels['kube_tag'] ?? null,
        nodes: mine
          .filter((node) => isReady(node) || addressesOf(node).some((address) => addresses.has(address)))
          .map((node) => viewOf(node, Number(node.metadata.name.slice(prefix.length))))
          .toSorted((a, b) => a.index - b.index),
      };
    });
}

export function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

function addressesOf({ status }: Node): string[] {
  return (status?.addresses ?? []).map(({ address }) => address);
}

function viewOf(node: Node, index: number): UpgradeNode {
  const { metadata, spec, status } = node;
  const { name, resourceVersion, annotations = {} } = metadata;
  const operation = annotations[ANNOTATION.operation];
  const since = Date.parse(annotations[ANNOTATION.since] ?? '');
  return {
    name,
    index,
    version: status?.nodeInfo?.kubeletVersion ?? '',
    ready: isReady(node),
    unschedulable: spec?.unschedulable === true,
    resourceVersion,
    asked: annotations[ANNOTATION.version],
    operation,
    since: Number.isNaN(since) ? 0 : since,
    cordoned: annotations[ANNOTATION.cordoned] !== undefined,
    state: annotations[ANNOTATION.reported] === operation ? annotations[ANNOTATION.state] : undefined,
    message: (annotations[ANNOTATION.message] ?? '').slice(0, 400),
  };
}
