import type { CloudEvent } from '../schemas/event.ts';
import type { Operation, OperationPart } from '../schemas/operation.ts';
import type { PendingEvent, StoredObject } from '../schemas/object.ts';
import { ACTIONS, type Condition, type Failure, type ObjectState } from '../schemas/state.ts';

/** The part of a notification that differs from one transition to the next. */
export interface Transition {
  /** The second and third word of the routing key: `create.start`, `update.error`, `condition.changed`. */
  what: string;
  state: ObjectState;
  previousState: ObjectState | null;
  operation: Operation | null;
  error?: Failure | null;
  condition?: Condition;
  /** It is about this part of the object, in the sequence of the object. */
  part?: OperationPart;
}

type Subject = Pick<StoredObject, '_id' | 'name' | 'project_id' | 'user_id' | 'generation'>;

/**
 * Builds the notification of a transition, with the operation as it is then.
 * @param sequence one more than that of the object's notification before
 */
export function buildEvent(
  kind: { name: string; path: string },
  object: Subject,
  sequence: number,
  transition: Transition,
  now: Date,
): PendingEvent {
  const { operation, part } = transition;
  const about = part ?? { kind: kind.name, uuid: object._id, name: object.name };
  const event: CloudEvent = {
    specversion: '1.0',
    id: `${object._id}/${String(sequence)}`,
    source: kind.path,
    type: `cetus.${about.kind}.${transition.what}`,
    subject: object._id,
    time: now.toISOString(),
    datacontenttype: 'application/json',
    sequence: String(sequence),
    projectid: object.project_id,
    ...(operation?.traceparent === undefined ? {} : { traceparent: operation.traceparent }),
    data: {
      kind: about.kind,
      uuid: about.uuid,
      name: about.name,
      project_id: object.project_id,
      user_id: operation?.user_id ?? object.user_id,
      generation: object.generation,
      state: transition.state,
      previous_state: transition.previousState,
      operation:
        operation === null
          ? null
          : {
              uuid: operation.uuid,
              action: operation.action,
              requested: operation.requested,
              state: operation.state,
            },
      error: transition.error ?? null,
      ...(part === undefined ? {} : { part_of: { kind: kind.name, uuid: object._id } }),
      ...(transition.condition === undefined ? {} : { condition: transition.condition }),
    },
  };
  return { event, operation };
}

/** The time of an object's next transition: later than the one before, whatever the clock of this process says. */
export function transitionTime(object: Pick<StoredObject, 'updated_at'>, now = new Date()): Date {
  return new Date(Math.max(now.getTime(), object.updated_at.getTime() + 1));
}

/** The routing key of a notification: its type without the leading `cetus.`. */
export function routingKeyOf(event: Pick<CloudEvent, 'type'>): string {
  return event.type.replace(/^cetus\./, '');
}

/** The second and third word of every routing key that there is. */
export const TRANSITIONS = [
  ...ACTIONS.flatMap((action) => ['start', 'end', 'error', 'cancelled'].map((phase) => `${action}.${phase}`)),
  'state.changed',
  'condition.changed',
] as const;
