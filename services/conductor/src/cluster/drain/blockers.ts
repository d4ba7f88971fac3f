import type { Blocker } from '@cetus/shared/schemas';

/** Things that are named in the cluster's document, and characters of why they are there: all of it is in each notification too. */
const MAX_NAMED = 200;
const MAX_REASON = 300;
/** Things that are named in a sentence. */
const MAX_LISTED = 5;

/** As much of it as is written. */
export function keptBlockers(blockers: readonly Blocker[]): Blocker[] {
  return blockers
    .slice(0, MAX_NAMED)
    .map((blocker) => ({ ...blocker, reason: blocker.reason.slice(0, MAX_REASON) }));
}

/** The first of them, for a sentence. */
export function listOfBlockers(blockers: readonly Blocker[]): string {
  const names = blockers
    .slice(0, MAX_LISTED)
    .map(
      ({ kind, namespace, name, reason }) =>
        `${kind} ${namespace === undefined ? name : `${namespace}/${name}`} (${reason.slice(0, MAX_REASON)})`,
    );
  const more = blockers.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${String(more)} more` : names.join(', ');
}
