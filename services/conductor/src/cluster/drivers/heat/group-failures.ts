import { isMaster, type Failure, type NodeGroupSpec, type StoredCluster } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';
import {
  describeStackFailure,
  type AskedReferences,
  type StackEventState,
  type StackResourceState,
} from '../openstack/stack-failure.ts';
import { groupName, RESOURCE } from './template/names.ts';
import { groupKey } from './worker-groups.ts';

/** What Heat says of a stack that failed. */
export interface FailedStackReport {
  stack: Stack;
  /** Those of nested stacks too. */
  resources: readonly StackResourceState[];
  events: readonly StackEventState[];
  asked: AskedReferences;
}

/**
 * Which node groups failed with a stack, by uuid: those with a failed resource, each with its own deepest one, and those that did not
 * become as asked because Heat stopped before. The others are as asked.
 * @param failure that of the stack
 */
export function groupFailures(
  { spec }: Pick<StoredCluster, 'spec'>,
  report: FailedStackReport,
  failure: Failure,
): Record<string, Failure> {
  const failures = spec.node_groups.flatMap((group): [string, Failure][] => {
    const own = ownFailure(group, report);
    if (own !== null) return [[group.uuid, own]];
    return isAsAsked(group, report.resources) ? [] : [[group.uuid, failure]];
  });
  return Object.fromEntries(failures);
}

/** The resources that a group has in the stack itself; masters have all that is not a group of workers. */
function resourcesOf(group: NodeGroupSpec, resources: readonly StackResourceState[]): StackResourceState[] {
  const own = resources.filter(({ parent_resource }) => parent_resource == null);
  if (isMaster(group)) return own.filter(({ resource_type }) => resource_type !== 'OS::Heat::ResourceGroup');
  const name = groupName(RESOURCE.workers, groupKey(group));
  return own.filter(({ resource_name }) => resource_name === name);
}

function ownFailure(group: NodeGroupSpec, report: FailedStackReport): Failure | null {
  const { stack, events, asked } = report;
  const resources = resourcesOf(group, report.resources).flatMap((resource) => [
    resource,
    ...belowResource(resource, report.resources),
  ]);
  if (!resources.some(({ resource_status }) => resource_status.endsWith('_FAILED'))) return null;
  // Members of different groups have the same names.
  const ids = new Set(resources.map(({ physical_resource_id }) => physical_resource_id));
  const mine = events.filter(({ physical_resource_id }) => ids.has(physical_resource_id));
  return describeStackFailure(stack, resources, mine, asked);
}

function isAsAsked(group: NodeGroupSpec, all: readonly StackResourceState[]): boolean {
  const resources = resourcesOf(group, all);
  if (!resources.every(({ resource_status }) => resource_status.endsWith('_COMPLETE'))) return false;
  if (isMaster(group)) return true;
  if (group.deleted) return resources.length === 0;
  return resources.flatMap((resource) => membersOf(resource, all)).length === group.node_count;
}

/** What is in the stack behind a resource. */
export function membersOf(
  resource: StackResourceState,
  all: readonly StackResourceState[],
): StackResourceState[] {
  const nested = linkOf(resource, 'nested');
  return nested === undefined ? [] : all.filter((other) => linkOf(other, 'stack') === nested);
}

/** What is in all stacks behind a resource. */
export function belowResource(
  resource: StackResourceState,
  all: readonly StackResourceState[],
): StackResourceState[] {
  return membersOf(resource, all).flatMap((member) => [member, ...belowResource(member, all)]);
}

function linkOf({ links }: StackResourceState, rel: string): string | undefined {
  return links?.find((link) => link.rel === rel)?.href;
}
