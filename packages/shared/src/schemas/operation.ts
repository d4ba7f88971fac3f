import type { Action, Failure, OperationState } from './state.ts';

/**
 * One accepted request to change an object, and how it went. The API writes it when it accepts; whoever carries it out
 * ends it. The newest operation of an object lives in the object; all of them in the collection `operations`.
 */
export interface Operation {
  uuid: string;
  action: Action;
  /** What was asked for: `resync` and `retry` carry out an action of their own kind. */
  requested: Action | 'retry';
  /** The generation of the object that this operation is to bring about. */
  generation: number;
  state: OperationState;
  user_id: string;
  request_id: string;
  /** W3C trace context of the request, so that background work continues its trace. */
  traceparent?: string;
  accepted_at: Date;
  /** The operation fails when it has not ended by then. */
  deadline_at: Date;
  finished_at: Date | null;
  /** What it waits for now, for people; written by whoever carries it out. */
  progress: string | null;
  error: Failure | null;
}
