import type { Filter } from 'mongodb';
import type { StoredApplication } from '../schemas/application.ts';
import type { StoredObject } from '../schemas/object.ts';
import { ACTIONS, OPERATION_STATES, stateFor, type Condition, type ObjectState } from '../schemas/state.ts';

/** How an operation is that does not go on; null: there is none. */
const ENDED = [null, ...OPERATION_STATES.filter((state) => state !== 'IN_PROGRESS')];

/** The filter of the objects that a reader is told to be in a state: `stateOf`, as a query. The index `state` serves it. */
export function inState(state: ObjectState): Filter<StoredObject> {
  const action = ACTIONS.find((one) => stateFor(one, 'IN_PROGRESS') === state);
  return action === undefined
    ? { 'operation.state': { $in: ENDED }, 'status.state': state }
    : { 'operation.state': 'IN_PROGRESS', 'operation.action': action };
}

/** The filter of the applications whose condition `Healthy` is `True` or `False`. The index `health` serves it. */
export function inHealth(healthy: boolean): Filter<StoredApplication> {
  const status: Condition['status'] = healthy ? 'True' : 'False';
  return { health_conditions: { $elemMatch: { type: 'Healthy', status } } };
}
