import type { ApplicationListQuery, StoredApplication } from '@cetus/shared/schemas';
import { inState, type ScopedStore } from '@cetus/shared/store';

type Narrowed = NonNullable<Parameters<ScopedStore<StoredApplication>['list']>[3]>;

/** What a list of applications is narrowed down to: each by an index of the kind. */
export function filterOf({ name, cluster, kind, status }: ApplicationListQuery): Narrowed {
  const id = cluster?.toLowerCase();
  return {
    ...(name === undefined ? {} : { name }),
    ...(kind === undefined ? {} : { 'spec.kind': kind }),
    ...(status === undefined ? {} : (inState(status) as Narrowed)),
    ...(id === undefined
      ? {}
      : { $or: [{ 'status.placements.cluster_id': id }, { 'spec.placements.cluster_id': id }] }),
  };
}
