import type { StoredApplication } from '@cetus/shared/schemas';
import type { Scope, ScopedStore } from '@cetus/shared/store';
import { isRolledBack } from './accept.ts';
import { FIELDS_WITH_REVISIONS } from './fields.ts';
import { currentRevision } from './revisions.ts';

/**
 * The numbers of the revisions that count now, by application: the newest, as it is written together with what is asked for. What those
 * are that were gone back to is found by comparing; these alone are read again, all of them in one query.
 */
export async function currentNumbers(
  applications: ScopedStore<StoredApplication>,
  scope: Scope,
  found: readonly StoredApplication[],
): Promise<ReadonlyMap<string, number | null>> {
  const rolledBack = found.filter(isRolledBack).map(({ _id }) => _id);
  const whole = await applications.getMany(scope, rolledBack, FIELDS_WITH_REVISIONS);
  return new Map(
    found.map((one) => {
      const again = whole.get(one._id);
      const revision = again === undefined ? one.revisions.at(-1) : currentRevision(again);
      return [one._id, revision?.number ?? null];
    }),
  );
}
