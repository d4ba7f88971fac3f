import type { StoredCluster } from '@cetus/shared/schemas';

/**
 * A create is announced in the cluster's `driver_state` before it is sent to Heat, and taken back when Heat's answer is known. So whoever comes
 * after a crash, a lost answer or a gateway's time-out knows that a stack may still appear.
 */
const ANNOUNCED = 'create_announced_at';

/** How old an announcement may be when the create is sent, in milliseconds. */
const FRESH_MS = 5_000;
/** How long after its announcement a create may still make a stack appear, in milliseconds: requests do not live longer in Heat's API. */
const MAY_APPEAR_MS = 90_000;

type State = StoredCluster['status']['driver_state'];

export function announceCreate(state: State, now = Date.now()): State {
  return { ...state, [ANNOUNCED]: now };
}

/** Heat has answered: there is a stack, or there will be none. */
export function createAnswered({ [ANNOUNCED]: _, ...state }: State): State {
  return state;
}

/** Whether a create may be sent now. */
export function isAnnounced(state: State, now = Date.now()): boolean {
  return age(state, now) < FRESH_MS;
}

/** Whether a stack may still appear although there is none now. */
export function mayAppear(state: State, now = Date.now()): boolean {
  return age(state, now) < MAY_APPEAR_MS;
}

function age(state: State, now: number): number {
  const at = state[ANNOUNCED];
  return typeof at === 'number' ? now - at : Number.POSITIVE_INFINITY;
}
