import type { SwitchBoard } from '../switches.ts';
import { badReference, HeatError } from './errors.ts';
import { resolve, select, toText, type Scope } from './functions.ts';
import { definitionScope, goalOf } from './goal.ts';
import { membersOf } from './group.ts';
import { attributeOf, GROUP, RANDOM } from './resource-types.ts';
import type { StackStore } from './store.ts';
import type { ResourceRecord, StackRecord } from './types.ts';

/** Where functions of a stack's template get their values: its parameters and what its resources are now. */
export function stackScope(store: StackStore, switches: SwitchBoard, stack: StackRecord): Scope {
  const goal = goalOf(stack.definition);
  const values: Record<string, unknown> = {
    'OS::stack_id': stack.id,
    'OS::stack_name': stack.name,
    'OS::project_id': stack.projectId,
    ...goal.parameters.values,
  };
  const find = (name: string): ResourceRecord | undefined => {
    // While a stack is being deleted Heat no longer knows its resources' names.
    if (stack.action === 'DELETE' || !(name in goal.template.resources)) throw badReference(name, 'unknown');
    return stack.resources.find((record) => record.name === name && !record.obsolete);
  };
  return {
    ...definitionScope(stack.definition, goal.template, values),
    reference: (name) => {
      const record = find(name);
      return record === undefined ? null : referenceId(store, switches, record);
    },
    attribute: (name, path) => {
      const record = find(name);
      return record === undefined ? null : attribute(store, switches, stack, record, path);
    },
  };
}

/** The output with which a nested template says what refers to the resource that it stands behind. */
const OWN_REFERENCE = 'OS::stack_id';

/**
 * What `get_resource` gives: the value of a random string, what a nested template says itself, else the id, else (before it is made)
 * the name.
 */
export function referenceId(store: StackStore, switches: SwitchBoard, record: ResourceRecord): string {
  const nested = record.nestedId === null ? undefined : store.byId(record.nestedId);
  if (nested !== undefined && nested.action !== 'DELETE') {
    const own = outputValue(store, switches, nested, OWN_REFERENCE);
    if (own !== null) return toText(own);
  }
  if (record.type === RANDOM && typeof record.data['value'] === 'string') return record.data['value'];
  return record.physicalId ?? record.name;
}

function attribute(
  store: StackStore,
  switches: SwitchBoard,
  stack: StackRecord,
  record: ResourceRecord,
  path: readonly unknown[],
): unknown {
  const goal = goalOf(stack.definition);
  const implementation = goal.resources.get(record.name)?.implementation ?? record.type;
  const [first, ...rest] = path;
  const name = toText(first);
  const rootName = store.byId(stack.rootId)?.name ?? stack.name;
  const override = switches.attribute(name, record.name, record.type, rootName);
  if (override !== undefined) return select(override, rest);
  if (implementation !== GROUP && !(implementation in stack.definition.files)) {
    return select(attributeOf(implementation, record, name), rest);
  }
  const nested = record.nestedId === null ? undefined : store.byId(record.nestedId);
  if (name === 'removed_rsrc_list') return record.data['removed'] ?? [];
  if (nested === undefined) return null;
  const inner = (member: ResourceRecord, below: readonly unknown[]): unknown =>
    attribute(store, switches, nested, member, below);
  if (implementation !== GROUP) return select(outputValue(store, switches, nested, name), rest);
  const members = membersOf(nested);
  const made = (member: ResourceRecord): unknown => member.physicalId && referenceId(store, switches, member);
  const byName = (value: (member: ResourceRecord) => unknown): Record<string, unknown> =>
    Object.fromEntries(members.map((member) => [member.name, value(member)]));
  if (name === 'refs') return select(members.map(made), rest);
  if (name === 'refs_map') return select(byName(made), rest);
  if (name === 'attributes') return byName((member) => inner(member, rest));
  if (name.startsWith('resource.') || name === 'resource') {
    const [index, ...below] =
      name === 'resource' ? rest : [...name.slice('resource.'.length).split('.'), ...rest];
    const member = members.find((one) => one.name === toText(index));
    if (member === undefined) {
      throw new HeatError(
        404,
        'NotFound',
        `Member '${toText(index)}' not found in group resource '${record.name}'.`,
      );
    }
    return below.length === 0 ? made(member) : inner(member, below);
  }
  return members.map((member) => inner(member, path));
}

/** Value of an output; null when there is none of that name. @throws HeatError when it cannot be computed. */
export function outputValue(
  store: StackStore,
  switches: SwitchBoard,
  stack: StackRecord,
  key: string,
): unknown {
  const output = goalOf(stack.definition).template.outputs[key];
  return output === undefined ? null : resolve(output.value, stackScope(store, switches, stack));
}
