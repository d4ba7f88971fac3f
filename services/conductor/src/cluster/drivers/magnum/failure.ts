import { isMaster, type ClusterSpec, type Failure } from '@cetus/shared/schemas';
import { hasStatus } from '@cetus/openstack/errors';
import type { HeatClient, StackResource } from '@cetus/openstack/heat';
import type { MagnumNodeGroup } from '@cetus/openstack/magnum';
import { describeStackFailure } from '../openstack/stack-failure.ts';
import type { FoundCluster } from './find-cluster.ts';
import { isFailed, uuidOfGroup } from './groups.ts';

/** Stacks within stacks: a group, a node of it, what belongs to the node. */
const DEPTH = 3;
const EVENTS = 100;

/** Why a cluster failed, and which of its node groups, by their uuids here. */
export interface FailureReport {
  failure: Failure;
  groups: Record<string, Failure>;
}

interface StackReport {
  failure: Failure;
  /** The failed resources of the stack itself, which hold those of nested stacks. */
  roots: string[];
}

/**
 * Finds why a cluster failed. Magnum itself says only which node groups did, and Heat's reason for the stack as a whole; the resource that
 * failed, and its own reason, are found in the stack behind each failed group.
 */
export async function describeFailure(
  heat: HeatClient,
  spec: ClusterSpec,
  found: FoundCluster,
  signal: AbortSignal,
): Promise<FailureReport> {
  const failed = found.groups.filter(isFailed);
  const reports = new Map<string, Promise<StackReport | null>>();
  const reportOf = (stack: string): Promise<StackReport | null> => {
    const report = reports.get(stack) ?? reportStack(heat, spec, stack, signal);
    reports.set(stack, report);
    return report;
  };
  const groups: Record<string, Failure> = {};
  let first: Failure | null = null;
  for (const group of failed) {
    const report = group.stack_id === null ? null : await reportOf(group.stack_id);
    const failure =
      report?.failure ?? ofMagnum(`${group.name}: ${group.status_reason ?? group.status ?? ''}`);
    first ??= failure;
    const uuid = uuidOfGroup(spec, group);
    if (uuid !== undefined && (report === null || concerns(group, report.roots))) groups[uuid] = failure;
  }
  const { status_reason, status } = found.cluster;
  return { failure: first ?? ofMagnum(status_reason ?? `The cluster is ${status ?? 'unknown'}`), groups };
}

const ofMagnum = (reason: string): Failure => ({
  code: 'back_end_refused',
  message: `Magnum says: ${reason}`,
});

/** The default groups share a stack, so Magnum says of both that they failed: the name of what failed in it tells which one did. */
function concerns(group: MagnumNodeGroup, roots: readonly string[]): boolean {
  if (!group.is_default) return true;
  const other = isMaster(group) ? /minion|worker/ : /master/;
  return roots.length === 0 || roots.some((name) => !other.test(name));
}

/** @returns null when there is no such stack, or no stack has failed: Magnum failed before it came to Heat. */
async function reportStack(
  heat: HeatClient,
  spec: ClusterSpec,
  id: string,
  signal: AbortSignal,
): Promise<StackReport | null> {
  const stack = await heat.getStack(id, { resolveOutputs: false, signal });
  if (stack?.stack_status.endsWith('_FAILED') !== true) return null;
  const ref = { name: stack.stack_name, id: stack.id };
  try {
    const [resources, events] = await Promise.all([
      heat.listResources(ref, { nestedDepth: DEPTH, signal }),
      heat.listEvents(ref, { nestedDepth: DEPTH, sortDir: 'desc', limit: EVENTS, signal }),
    ]);
    const failure = describeStackFailure(stack, resources, events, {
      flavors: spec.node_groups.map(({ flavor_id }) => flavor_id ?? undefined),
      images: spec.node_groups.map(({ image_id }) => image_id),
      networks: [spec.external_network_id ?? undefined, spec.fixed_network ?? undefined],
    });
    return { failure, roots: resources.filter(isFailedRoot).map(({ resource_name }) => resource_name) };
  } catch (error) {
    // It went away while we looked.
    if (!hasStatus(error, 404)) throw error;
    return { failure: describeStackFailure(stack, [], []), roots: [] };
  }
}

const isFailedRoot = (resource: StackResource): boolean =>
  resource.parent_resource === undefined && resource.resource_status.endsWith('_FAILED');
