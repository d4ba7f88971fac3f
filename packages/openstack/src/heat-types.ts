/** Types of the Orchestration API v1; field names as Heat writes them. */

/** `<ACTION>_<STATUS>`, e.g. `CREATE_IN_PROGRESS`. */
export type StackStatus = string;

export interface Link {
  href: string;
  rel: string;
}

export interface StackOutput {
  output_key: string;
  /** Null while it cannot be computed. */
  output_value?: unknown;
  output_error?: string;
  description: string;
}

/** A stack in a list. Times are ISO 8601 in UTC without fractions. */
export interface StackSummary {
  id: string;
  stack_name: string;
  stack_status: StackStatus;
  stack_status_reason: string;
  creation_time: string;
  updated_time: string | null;
  deletion_time: string | null;
  description: string;
  stack_owner: string;
  parent: string | null;
  tags: string[] | null;
  links: Link[];
}

/** A stack by itself. */
export interface Stack extends StackSummary {
  /** Values of the parameters as text; hidden ones as stars. */
  parameters: Record<string, string>;
  /** Absent when not asked for, and for a deleted stack. */
  outputs?: StackOutput[];
  timeout_mins: number | null;
  disable_rollback: boolean;
  template_description: string;
  stack_user_project_id: string;
}

export interface StackResource {
  resource_name: string;
  logical_resource_id: string;
  /** Empty while there is none. */
  physical_resource_id: string;
  resource_type: string;
  /** `<ACTION>_<STATUS>`; `INIT_COMPLETE` before its turn. */
  resource_status: string;
  resource_status_reason: string;
  creation_time: string;
  updated_time: string;
  required_by: string[];
  /** Name of the resource whose nested stack this one is in; only with nested_depth. */
  parent_resource?: string;
  links: Link[];
}

export interface StackEvent {
  id: string;
  event_time: string;
  /** The stack's own name for events of the stack itself. */
  resource_name: string;
  logical_resource_id: string;
  physical_resource_id: string;
  resource_status: string;
  resource_status_reason: string;
  links: Link[];
}

/** A Heat Orchestration Template as an object. */
export type HeatTemplate = Record<string, unknown>;

export interface CreateStack {
  /** Starts with a letter; letters, digits, `_`, `-`, `.`; at most 255. */
  name: string;
  template: HeatTemplate;
  parameters?: Record<string, unknown>;
  environment?: Record<string, unknown>;
  /** Contents for `get_file` and nested templates, by name. */
  files?: Record<string, string>;
  tags?: readonly string[];
  /** Minutes until Heat gives the action up. */
  timeoutMins?: number;
  /** Default true: a failed stack stays as it is, to be looked at. */
  disableRollback?: boolean;
}

export interface UpdateStack {
  /** Without it the stored template stays and only the given parameters change (PATCH). */
  template?: HeatTemplate;
  /**
   * With a template: parameters, environment, files and tags that are not given stay (PATCH too), but for parameters that the new
   * template has no more. Default false: the whole definition is replaced (PUT).
   */
  keep?: boolean;
  parameters?: Record<string, unknown>;
  environment?: Record<string, unknown>;
  files?: Record<string, string>;
  /** Not given: as they are with PATCH, none with PUT. */
  tags?: readonly string[];
  timeoutMins?: number;
  disableRollback?: boolean;
}

export interface ListStacks {
  /** All of these. */
  tags?: readonly string[];
  /** Any of these words, without the action: `COMPLETE`, `FAILED`, `IN_PROGRESS`. */
  status?: readonly string[];
  /** Exact name. */
  name?: string;
  showDeleted?: boolean;
  showNested?: boolean;
  /** Start after the stack with this id. */
  marker?: string;
  /** Stacks a page. Default 100. */
  limit?: number;
  signal?: AbortSignal;
}

export interface ListResources {
  /** Levels of nested stacks to include. Default 0. */
  nestedDepth?: number;
  /** Only with this status, without the action: `FAILED`. */
  status?: string;
  /** Only of this type. */
  type?: string;
  signal?: AbortSignal;
}

export interface ListEvents {
  limit?: number;
  /** Start after the event with this id. */
  marker?: string;
  /** By time. Default `desc`. */
  sortDir?: 'asc' | 'desc';
  /** Levels of nested stacks to include. Heat answers none at all for a stack that has no resources left. */
  nestedDepth?: number;
  filter?: { resourceStatus?: string; resourceAction?: string; resourceName?: string; resourceType?: string };
  signal?: AbortSignal;
}

/** Splits `CREATE_IN_PROGRESS` into `CREATE` and `IN_PROGRESS`. */
export function splitStatus(status: string): { action: string; status: string } {
  const at = status.indexOf('_');
  return at < 0
    ? { action: status, status: '' }
    : { action: status.slice(0, at), status: status.slice(at + 1) };
}

/** Outputs by key; those not computed (yet) are left out. */
export function outputsOf(stack: Stack): Record<string, unknown> {
  const outputs: Record<string, unknown> = {};
  for (const output of stack.outputs ?? []) {
    if (output.output_value !== undefined && output.output_value !== null)
      outputs[output.output_key] = output.output_value;
  }
  return outputs;
}
