import { stateOf, type StoredCluster } from '@cetus/shared/schemas';
import type { Page, PageOf, Scope, ScopedStore } from '@cetus/shared/store';
import { BRIEF_FIELDS, BRIEF_FIELDS_ROLLED_BACK } from './presenter.ts';

/** One page of clusters with what their brief views show. Those that were rolled back are read again, all of them in one query. */
export async function briefPage(
  clusters: ScopedStore<StoredCluster>,
  scope: Scope,
  page: Page,
): Promise<PageOf<StoredCluster>> {
  const { items, nextMarker } = await clusters.list(scope, page, BRIEF_FIELDS);
  const rolledBack = items.filter((one) => stateOf(one).startsWith('ROLLBACK_')).map(({ _id }) => _id);
  const whole = await clusters.getMany(scope, rolledBack, BRIEF_FIELDS_ROLLED_BACK);
  // One that was deleted between the two reads is shown as it was in the first.
  return { items: items.map((one) => whole.get(one._id) ?? one), nextMarker };
}
