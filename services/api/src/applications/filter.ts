import type { ApplicationListQuery, StoredApplication } from '@cetus/shared/schemas';
import { inHealth, inState, type ScopedStore } from '@cetus/shared/store';

type Narrowed = NonNullable<Parameters<ScopedStore<StoredApplication>['list']>[3]>;

/** What a list of applications is narrowed down to: each by an index of the kind. */
export function filterOf({ name, cluster, kind, status, healthy }: ApplicationListQuery): Narrowed {
  const id = cluster?.toLowerCase();
  return {
    ...(name === undefined ? {} : { name }),
    ...(kind === undefined ? {} : { 'spec.kind': kind }),
    ...(status === undefined ? {} : (inState(status) as Narrowed)),
    ...(healthy === undefined ? {} : inHealth(healthy)),
    ...(id === undefined
      ? {}
      : { $or: [{ 'status.placements.cluster_id': id }, { 'spec.placements.cluster_id': id }] }),
  };
}
