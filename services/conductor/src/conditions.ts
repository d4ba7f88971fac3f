import { CetusError } from '@cetus/shared/errors';
import type { Condition } from '@cetus/shared/schemas';

type NewCondition = Omit<Condition, 'since'>;

/** `BackEndReachable`: whether the back end answers about the object. It says nothing about the object itself. */
export function reachable(): NewCondition {
  return { type: 'BackEndReachable', status: 'True', reason: 'Answered', message: 'The back end answers' };
}

export function unreachable(error: unknown): NewCondition | null {
  if (!(error instanceof CetusError) || error.code !== 'back_end_unavailable') return null;
  return { type: 'BackEndReachable', status: 'False', reason: 'NoAnswer', message: error.message };
}

/** `Ready`: whether the object is there to be used. */
export function ready(is: boolean, reason: string, message: string): NewCondition {
  return { type: 'Ready', status: is ? 'True' : 'False', reason, message };
}

/** `InSync`: whether the back end has what was asked for. */
export function inSync(difference: string | null): NewCondition {
  return difference === null
    ? { type: 'InSync', status: 'True', reason: 'AsAsked', message: 'The back end has what was asked for' }
    : { type: 'InSync', status: 'False', reason: 'Drifted', message: difference };
}

/** A failure's code as the reason of a condition: `stack_missing` → `StackMissing`. */
export function reasonOf(code: string): string {
  return code.replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}
