import type { SwitchBoard } from '../switches.ts';
import { HeatError } from './errors.ts';
import { isTrue, resolve } from './functions.ts';
import { goalOf } from './goal.ts';
import { GROUP } from './resource-types.ts';
import { stackScope } from './scope.ts';
import type { StackStore } from './store.ts';
import { statusOf, type EventRecord, type ResourceRecord, type StackRecord } from './types.ts';

interface Link {
  href: string;
  rel: string;
}

/** Heat's times: UTC without fractions. */
export function heatTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Heat's answers about stacks, as JSON values. */
export class HeatViews {
  readonly #store: StackStore;
  readonly #switches: SwitchBoard;
  readonly #base: () => string;

  constructor(store: StackStore, switches: SwitchBoard, base: () => string) {
    this.#store = store;
    this.#switches = switches;
    this.#base = base;
  }

  /** Address of a stack. */
  href(stack: StackRecord): string {
    return `${this.#base()}/orchestration/v1/${stack.projectId}/stacks/${encodeURIComponent(stack.name)}/${stack.id}`;
  }

  links(stack: StackRecord): Link[] {
    return [{ href: this.href(stack), rel: 'self' }];
  }

  /** A stack in a list. */
  summary(stack: StackRecord, withProject: boolean): unknown {
    return {
      id: stack.id,
      links: this.links(stack),
      ...(withProject ? { project: stack.projectId } : {}),
      stack_name: stack.name,
      description: goalOf(stack.definition).template.description ?? '',
      ...this.#common(stack),
      tags: stack.tags.length === 0 ? null : stack.tags,
    };
  }

  /** A stack by itself; a deleted one has no outputs. */
  stack(stack: StackRecord, resolveOutputs: boolean): unknown {
    const goal = goalOf(stack.definition);
    const description = goal.template.description ?? 'No description';
    return {
      ...this.#common(stack),
      id: stack.id,
      stack_name: stack.name,
      links: this.links(stack),
      notification_topics: [],
      parameters: {
        'OS::stack_id': stack.id,
        'OS::project_id': stack.projectId,
        'OS::stack_name': stack.name,
        ...goal.parameters.shown,
      },
      description,
      template_description: description,
      capabilities: [],
      disable_rollback: stack.disableRollback,
      timeout_mins: stack.timeoutMins,
      tags: stack.tags,
      ...(resolveOutputs && stack.deletedAt === null
        ? { outputs: this.outputKeys(stack).map((key) => this.output(stack, key)) }
        : {}),
    };
  }

  /** Keys of the outputs whose condition is true. */
  outputKeys(stack: StackRecord): string[] {
    const { outputs } = goalOf(stack.definition).template;
    const scope = stackScope(this.#store, this.#switches, stack);
    return Object.entries(outputs)
      .filter(([, output]) => output.condition === undefined || isTrue(output.condition, scope))
      .map(([key]) => key);
  }

  /** An output with its value. */
  output(stack: StackRecord, key: string): unknown {
    const output = goalOf(stack.definition).template.outputs[key];
    const view = { output_key: key, description: output?.description ?? 'No description given' };
    try {
      const value = resolve(output?.value, stackScope(this.#store, this.#switches, stack));
      return { ...view, output_value: value ?? null };
    } catch (error) {
      if (!(error instanceof HeatError)) throw error;
      return { ...view, output_error: error.message, output_value: null };
    }
  }

  /** A resource; `parentName` for one of a nested stack. */
  resource(
    stack: StackRecord,
    record: ResourceRecord,
    parentName: string | undefined,
  ): Record<string, unknown> {
    const nested = record.nestedId === null ? undefined : this.#store.byId(record.nestedId);
    const links: Link[] = [
      { href: `${this.href(stack)}/resources/${encodeURIComponent(record.name)}`, rel: 'self' },
      { href: this.href(stack), rel: 'stack' },
    ];
    if (nested !== undefined) links.push({ href: this.href(nested), rel: 'nested' });
    const requiredBy = stack.resources.filter(
      (other) => !other.obsolete && other.requires.includes(record.name),
    );
    const planned = [...goalOf(stack.definition).resources].filter(([, wanted]) =>
      wanted.requires.includes(record.name),
    );
    return {
      updated_time: heatTime(record.updatedAt),
      creation_time: heatTime(record.createdAt),
      logical_resource_id: record.name,
      resource_name: record.name,
      physical_resource_id: record.physicalId ?? '',
      resource_status: statusOf(record),
      resource_status_reason: record.reason,
      resource_type: record.type,
      links,
      required_by: [...new Set([...requiredBy.map(({ name }) => name), ...planned.map(([name]) => name)])],
      ...(parentName === undefined ? {} : { parent_resource: parentName }),
    };
  }

  /** A resource by itself. */
  resourceDetail(stack: StackRecord, record: ResourceRecord): unknown {
    const attributes =
      record.type === GROUP
        ? { refs: null, refs_map: null, removed_rsrc_list: record.data['removed'] ?? [], attributes: null }
        : {};
    return { ...this.resource(stack, record, undefined), description: '', attributes };
  }

  event(
    event: EventRecord,
    owner: { name: string; projectId: string },
    root: StackRecord | undefined,
  ): unknown {
    const stackHref = `${this.#base()}/orchestration/v1/${owner.projectId}/stacks/${encodeURIComponent(owner.name)}/${event.stackId}`;
    const resourceHref = `${stackHref}/resources/${encodeURIComponent(event.resourceName)}`;
    return {
      id: event.id,
      links: [
        { href: `${resourceHref}/events/${event.id}`, rel: 'self' },
        { href: resourceHref, rel: 'resource' },
        { href: stackHref, rel: 'stack' },
        ...(root === undefined ? [] : [{ href: this.href(root), rel: 'root_stack' }]),
      ],
      event_time: heatTime(event.time),
      logical_resource_id: event.resourceName,
      resource_name: event.resourceName,
      physical_resource_id: event.physicalId,
      resource_status: statusOf(event),
      resource_status_reason: event.reason,
    };
  }

  #common(stack: StackRecord): Record<string, unknown> {
    return {
      stack_status: statusOf(stack),
      stack_status_reason: stack.reason,
      creation_time: heatTime(stack.createdAt),
      updated_time: stack.updatedAt === null ? null : heatTime(stack.updatedAt),
      deletion_time: stack.deletedAt === null ? null : heatTime(stack.deletedAt),
      stack_owner: stack.owner,
      parent: stack.parent?.stackId ?? null,
      stack_user_project_id: stack.userProjectId,
    };
  }
}

/** The records to show: the living one of each name, or the one that is being deleted where there is no other. */
export function shownResources(stack: StackRecord): ResourceRecord[] {
  const shown = new Map<string, ResourceRecord>();
  for (const record of stack.resources) {
    const other = shown.get(record.name);
    if (other === undefined || other.obsolete) shown.set(record.name, record);
  }
  return [...shown.values()];
}
