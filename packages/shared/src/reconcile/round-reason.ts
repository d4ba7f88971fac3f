/** Why a round is run. */
export interface RoundReason {
  /** Only when its time has come. */
  ifDue: boolean;
  /** It must begin after now. */
  fresh: boolean;
  /** Only while an operation goes on. */
  ongoing: boolean;
}

/** Of commands that say that a wait is over. */
export const WAKE_UP = 'wake-up';

/** The time of an object has come. */
export const DUE: RoundReason = { ifDue: true, fresh: false, ongoing: false };
/** The round before asked for it. */
export const AGAIN: RoundReason = { ifDue: false, fresh: false, ongoing: false };
/** An operation is to be carried out; one that has ended meanwhile wants no more of it. */
const OPERATION: RoundReason = { ...AGAIN, ongoing: true };

/** Commands that ask for a look, as something has happened: a round that was begun before does not do. */
const LOOKS: ReadonlyMap<string, RoundReason> = new Map([
  // A wake-up that another round overtook is of no use, and each would bring forth the next.
  [WAKE_UP, DUE],
  ['resync', { ...AGAIN, fresh: true }],
  ['drifted', { ...AGAIN, fresh: true }],
  // An operation may wait for it.
  ['observed', { ...AGAIN, fresh: true, ongoing: true }],
]);

/** What the reason of a command asks for: a look, or an operation. */
export function reasonOf(reason: string): RoundReason {
  return LOOKS.get(reason) ?? OPERATION;
}

/** A command is not joined to a look that may come to nothing, nor a look to a command that may find the object busy. */
export function keyOf(id: string, { ifDue, fresh, ongoing }: RoundReason): string {
  return [id, ifDue, fresh, ongoing].join();
}
