import type { Action, Failure, OperationState, Requested } from './state.ts';

/** A part of an object that an operation changes, and how: a node group of a cluster. */
export interface OperationPart {
  /** One word, the first of the routing keys of its notifications: `nodegroup`. */
  kind: string;
  uuid: string;
  name: string;
  action: Action;
}

/** Something outside of Cetus that an operation waits for, or that it left behind. */
export interface Blocker {
  /** The word of whoever knows it: `Service`, `PersistentVolumeClaim`, `OS::Octavia::LoadBalancer`. */
  kind: string;
  namespace?: string;
  name: string;
  /** Why, for people. */
  reason: string;
}

/**
 * One accepted request to change an object, and how it went. The API writes it when it accepts; whoever carries it out
 * ends it. The newest operation of an object lives in the object; all of them in the collection `operations`.
 */
export interface Operation {
  uuid: string;
  action: Action;
  /** What was asked for; several requests are carried out as an `update`, and a `retry` as what failed. */
  requested: Requested;
  /** The generation of the object that this operation is to bring about. */
  generation: number;
  state: OperationState;
  user_id: string;
  request_id: string;
  /** W3C trace context of the request, so that background work continues its trace. */
  traceparent?: string;
  accepted_at: Date;
  /** When work on it began; absent: it waits for its turn, which takes nothing from its time. */
  started_at?: Date;
  /** The operation fails when it has not ended by then; as long as it waits for its turn, as if that came at once. */
  deadline_at: Date;
  finished_at: Date | null;
  /** What it waits for now, for people; written by whoever carries it out. */
  progress: string | null;
  error: Failure | null;
  /** The parts that it changes, each with notifications of its own. */
  parts?: OperationPart[];
  /** When it fails, the object is rolled back at once. */
  rollback_on_failure?: boolean;
  /** A delete that does not wait for what it cannot remove. */
  force?: boolean;
  /** What it waits for now; written by whoever carries it out. */
  blocked_by?: Blocker[];
  /** What a delete did not remove, and the pods that an update cut off with their nodes; written by whoever carries it out. */
  left_behind?: Blocker[];
}

/** Whether work on an operation has begun. Those of earlier versions did not say when. */
export function hasStarted({ started_at, progress }: Pick<Operation, 'started_at' | 'progress'>): boolean {
  return started_at !== undefined || progress !== null;
}

/** How long an operation may take from when work on it begins, in milliseconds. */
export function timeOf({
  accepted_at,
  started_at,
  deadline_at,
}: Pick<Operation, 'accepted_at' | 'started_at' | 'deadline_at'>): number {
  return deadline_at.getTime() - (started_at ?? accepted_at).getTime();
}
