/** What Heat does with a stack or a resource. */
export type Action = 'INIT' | 'CREATE' | 'UPDATE' | 'DELETE' | 'ROLLBACK';
export type Status = 'IN_PROGRESS' | 'COMPLETE' | 'FAILED';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface TemplateResource {
  type: string;
  properties: Record<string, unknown>;
  metadata?: unknown;
  dependsOn: string[];
  condition?: unknown;
}

export interface TemplateParameter {
  type: string;
  default?: unknown;
  description?: string;
  label?: string;
  hidden?: boolean;
  constraints?: Record<string, unknown>[];
}

/** A template whose shape has been checked. */
export interface Template {
  version: string;
  description: string | undefined;
  parameters: Record<string, TemplateParameter>;
  resources: Record<string, TemplateResource>;
  outputs: Record<string, { value: unknown; description: string | undefined; condition?: unknown }>;
  conditions: Record<string, unknown>;
  raw: Record<string, unknown>;
}

/** All that defines what a stack shall be. */
export interface Definition {
  template: Record<string, unknown>;
  /** As given by the user. */
  parameters: Record<string, unknown>;
  environment: Environment;
  files: Record<string, string>;
}

export interface Environment {
  parameters?: Record<string, unknown>;
  parameter_defaults?: Record<string, unknown>;
  resource_registry?: Record<string, unknown>;
}

/** One physical incarnation of a resource; a replaced one and its successor are two records of one name. */
export interface ResourceRecord {
  /** Unique in the stack. */
  uid: number;
  name: string;
  type: string;
  /** Null until it is made. */
  physicalId: string | null;
  /** `<stack>-<name>-<random>`; shown in events until there is a physical id. */
  physicalName: string;
  action: Action;
  status: Status;
  reason: string;
  createdAt: number;
  updatedAt: number;
  /** Resolved properties of the last action. */
  properties: Record<string, unknown>;
  /** Names of the resources it was built upon. */
  requires: string[];
  /** What the type stores, e.g. a random string, or the removed members of a group. */
  data: Record<string, unknown>;
  /** Id of the stack behind it. */
  nestedId: string | null;
  /** Traversal in which it reached its goal; -1: not yet. */
  convergedIn: number;
  /** True when another record shall take its place or its name has gone: it is to be deleted. */
  obsolete: boolean;
  /** When the running action ends, milliseconds since 1970. */
  wakeAt: number | null;
  /** What the running action will end with; null: well. */
  willFail: { kind: string; message: string } | null;
  /** What the last action ended with; null: well. */
  failure: Failure | null;
}

/** A failure in the parts of which reasons are made, so that a parent stack can put its own path before it. */
export interface Failure {
  /** Name of the exception. */
  kind: string;
  /** E.g. `resources.nodes.resources[0]`. */
  path: string;
  message: string;
}

export interface EventRecord {
  id: string;
  stackId: string;
  time: number;
  resourceName: string;
  resourceType: string;
  physicalId: string;
  action: Action;
  status: Status;
  reason: string;
}

export interface StackRecord {
  id: string;
  /** Order of creation, over all stacks. */
  sequence: number;
  name: string;
  projectId: string;
  userProjectId: string;
  owner: string;
  tags: string[];
  timeoutMins: number | null;
  disableRollback: boolean;
  parent: { stackId: string; resourceUid: number } | null;
  rootId: string;
  createdAt: number;
  updatedAt: number | null;
  deletedAt: number | null;
  action: Action;
  status: Status;
  reason: string;
  definition: Definition;
  /** Definition of the last action that succeeded, to roll back to. */
  previous: Definition | null;
  /** Raised by every new action; what belongs to an older one is out of date. */
  traversal: number;
  /** When the running action is given up. */
  deadline: number | null;
  nextUid: number;
  /** Failure of the resource that failed the stack. */
  failure: Failure | null;
  resources: ResourceRecord[];
}

/** Everything of one root stack, as kept in one file. */
export interface StackDocument {
  root: StackRecord;
  nested: StackRecord[];
  events: EventRecord[];
}

/** `CREATE_COMPLETE` and the like. */
export function statusOf(record: { action: Action; status: Status }): string {
  return `${record.action}_${record.status}`;
}
