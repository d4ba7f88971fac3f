/**
 * What the tests of one run share (a database, say) is ended once, after the last test. Under mocha that is a root hook, which
 * this module registers when it is first imported by a test file.
 */
const actions: (() => Promise<void>)[] = [];

type Hook = (name: string, fn: () => Promise<void>) => void;

const rootAfter = (globalThis as { after?: Hook }).after;
rootAfter?.('ends what all tests shared', endShared);

/** Registers something to end after the last test; the last registered is ended first. */
export function afterAllTests(action: () => Promise<void>): void {
  actions.push(action);
}

/** Ends everything that tests share: for programs that are not run by mocha, at their end. */
export async function endShared(): Promise<void> {
  const errors: unknown[] = [];
  for (let action = actions.pop(); action; action = actions.pop()) {
    await action().catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0)
    throw new AggregateError(errors, 'not everything that the tests shared could be ended');
}
