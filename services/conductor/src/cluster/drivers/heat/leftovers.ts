import type { StackResourceState } from '../openstack/stack-failure.ts';
import { membersOf } from './group-failures.ts';
import { groupName, RESOURCE } from './template/names.ts';
import { countsOf } from './worker-groups.ts';

/**
 * What Heat is going to delete, or could not delete, and still has under its name. Asked for such a name again it takes up what is left, and
 * fails for good where a stack stands behind it: "Updating a stack when it is deleting is not supported", or "The Stack could not be found".
 * So the deletion has to end first, or the name must not be used.
 */
export interface Leftovers {
  /** Whether there is something left of a group of workers that the stack's template has no more. */
  isGroup(key: string | null): boolean;
  /** Names of members of a group that there is something left of. */
  members(key: string | null): string[];
}

/**
 * @param parameters of the stack
 * @param resources of the stack and of the stacks of its groups; none for a stack that is complete, which has no leftovers
 */
export function leftoversOf(
  parameters: Readonly<Record<string, string>>,
  resources: readonly StackResourceState[],
): Leftovers {
  const told = countsOf(parameters);
  const groups = new Map(
    resources
      .filter(({ parent_resource }) => parent_resource == null)
      .map((resource) => [resource.resource_name, resource]),
  );
  const groupOf = (key: string | null): StackResourceState | undefined =>
    groups.get(groupName(RESOURCE.workers, key));
  return {
    isGroup: (key) => !told.has(key) && groupOf(key) !== undefined,
    members: (key) => {
      const group = groupOf(key);
      const members = group === undefined ? [] : membersOf(group, resources);
      return members.filter(isGoing).map(({ resource_name }) => resource_name);
    },
  };
}

function isGoing({ resource_status }: StackResourceState): boolean {
  return resource_status.startsWith('DELETE_');
}
