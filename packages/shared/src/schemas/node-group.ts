import type { IdempotencyRecord } from './object.ts';
import type { Failure, ObjectState } from './state.ts';

/** A taint as Kubernetes has it. */
export interface NodeTaint {
  key: string;
  value: string;
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** The groups that every cluster begins with, as in Magnum. */
export const DEFAULT_MASTER = 'default-master';
export const DEFAULT_WORKER = 'default-worker';

/** The role of groups that hold control planes. Any other word is a role of workers. */
export const MASTER_ROLE = 'master';
export const WORKER_ROLE = 'worker';

/** Nodes of one kind, as they are asked for: a part of a cluster's spec. */
export interface NodeGroupSpec {
  uuid: string;
  /** Unique in its cluster. */
  name: string;
  role: string;
  is_default: boolean;
  node_count: number;
  /** Bounds for whoever scales the group; the count of an accepted request lies within. */
  min_node_count: number;
  max_node_count: number | null;
  /** The template that its image and its version are from; an upgrade changes it. */
  cluster_template_id: string;
  image_id: string;
  flavor_id: string | null;
  /** GiB. */
  docker_volume_size: number | null;
  /** What counts: the cluster's labels and the group's, put together as `merge_labels` says; `kube_tag` is its version. */
  labels: Record<string, string>;
  labels_requested: Record<string, string> | null;
  merge_labels: boolean;
  /** Labels and taints that its Kubernetes nodes get. */
  node_labels: Record<string, string>;
  node_taints: NodeTaint[];
  /** Nodes that go when the newest resize makes the group smaller: ids of servers. */
  nodes_to_remove: string[];
  /** The group shall not be any more. Its entry goes with a later change of the cluster. */
  deleted: boolean;
  /** Present when it was asked for with an Idempotency-Key. */
  idempotency?: IdempotencyRecord;
  created_at: Date;
  updated_at: Date | null;
}

/** What a driver found of a group. */
export interface NodeGroupFacts {
  uuid: string;
  /** The back end's object, when the group has one of its own. */
  stack_id: string | null;
  actual_node_count: number | null;
  node_addresses: string[];
  /** The Kubernetes version of all of its nodes; null: not known, or more than one. */
  version: string | null;
  /** How far a rolling change is: nodes that are as asked, of all. Null: none goes on, or the back end does not tell. */
  rollout: { updated: number; total: number } | null;
}

/** What the conductor wrote of a group: a part of a cluster's status. An entry that is missing means that there is nothing of it. */
export interface NodeGroupStatus extends NodeGroupFacts {
  /** How the last operation on the group ended; see {@link nodeGroupStateOf} for what a reader is told. */
  state: ObjectState;
  state_reason: string | null;
  failure: Failure | null;
}

interface HasNodeGroups {
  node_groups: readonly NodeGroupSpec[];
}

/** The groups that shall be there. */
export function nodeGroupsOf(spec: HasNodeGroups): NodeGroupSpec[] {
  return spec.node_groups.filter(({ deleted }) => !deleted);
}

export function isMaster({ role }: Pick<NodeGroupSpec, 'role'>): boolean {
  return role === MASTER_ROLE;
}

/** How many nodes that are no masters are asked for, in all groups. */
export function nodeCountOf(spec: HasNodeGroups): number {
  return sum(nodeGroupsOf(spec).filter((group) => !isMaster(group)));
}

export function masterCountOf(spec: HasNodeGroups): number {
  return sum(nodeGroupsOf(spec).filter(isMaster));
}

export function defaultMasterOf(spec: HasNodeGroups): NodeGroupSpec | undefined {
  return spec.node_groups.find((group) => group.is_default && isMaster(group));
}

export function defaultWorkerOf(spec: HasNodeGroups): NodeGroupSpec | undefined {
  return spec.node_groups.find((group) => group.is_default && !isMaster(group));
}

/** The spec with one group changed. */
export function withNodeGroup<S extends HasNodeGroups>(
  spec: S,
  uuid: string,
  change: (group: NodeGroupSpec) => NodeGroupSpec,
): S {
  return {
    ...spec,
    node_groups: spec.node_groups.map((group) => (group.uuid === uuid ? change(group) : group)),
  };
}

function sum(groups: readonly NodeGroupSpec[]): number {
  return groups.reduce((total, { node_count }) => total + node_count, 0);
}
