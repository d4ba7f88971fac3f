import { canonical, toText } from './functions.ts';
import type { Definition, ResourceRecord, StackRecord } from './types.ts';

interface GroupProperties {
  count?: unknown;
  index_var?: unknown;
  resource_def?: { type?: unknown; properties?: unknown; metadata?: unknown };
  removal_policies?: { resource_list?: unknown }[] | null;
  removal_policies_mode?: unknown;
}

/**
 * The stack behind a ResourceGroup: one resource for each number that is not on the list of removed members, the
 * lowest numbers first. Removed are those named (by number or reference) in removal_policies, for ever in mode
 * `append`.
 *
 * @param referenceOf what `get_resource` gives for a member
 */
export function groupDefinition(
  record: ResourceRecord,
  nested: StackRecord | undefined,
  owner: Definition,
  referenceOf: (member: ResourceRecord) => string,
): Definition {
  const properties = record.properties as GroupProperties;
  const removed = removedMembers(record, nested, properties, referenceOf);
  record.data['removed'] = removed;
  const count = Number(properties.count ?? 1);
  const variable = toText(properties.index_var ?? '%index%');
  const resources: Record<string, unknown> = {};
  for (let index = 0, made = 0; made < count; index += 1) {
    const name = String(index);
    if (removed.includes(name)) continue;
    resources[name] = withIndex(properties.resource_def ?? {}, variable, name);
    made += 1;
  }
  return {
    template: { heat_template_version: '2018-08-31', resources },
    parameters: {},
    environment: { resource_registry: owner.environment.resource_registry ?? {} },
    files: owner.files,
  };
}

function removedMembers(
  record: ResourceRecord,
  nested: StackRecord | undefined,
  properties: GroupProperties,
  referenceOf: (member: ResourceRecord) => string,
): string[] {
  const before =
    properties.removal_policies_mode === 'update'
      ? []
      : ((record.data['removed'] as string[] | undefined) ?? []);
  const removed = new Set(before);
  for (const policy of properties.removal_policies ?? []) {
    const list = policy.resource_list;
    const wanted = Array.isArray(list) ? list : toText(list).split(',');
    for (const word of wanted.map(toText)) {
      // A name may be of one that could not be deleted; a reference is of one that is there.
      const member =
        nested?.resources.find(({ name }) => name === word) ??
        nested?.resources.find((one) => !one.obsolete && referenceOf(one) === word);
      if (member !== undefined) removed.add(member.name);
    }
  }
  return [...removed].sort((a, b) => Number(a) - Number(b));
}

function withIndex(value: unknown, variable: string, index: string): unknown {
  if (typeof value === 'string') return value.replaceAll(variable, index);
  if (Array.isArray(value)) return value.map((item) => withIndex(item, variable, index));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withIndex(item, variable, index)]),
    );
  }
  return value;
}

/** Living members in the order of their numbers. */
export function membersOf(nested: StackRecord): ResourceRecord[] {
  return nested.resources
    .filter((member) => !member.obsolete)
    .sort((a, b) => Number(a.name) - Number(b.name));
}

/** True when two group definitions are the same. */
export function sameDefinition(a: Definition, b: Definition): boolean {
  return (
    canonical([a.template, a.environment, a.parameters]) ===
    canonical([b.template, b.environment, b.parameters])
  );
}
