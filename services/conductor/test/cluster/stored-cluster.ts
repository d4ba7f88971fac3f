import { newObject } from '@cetus/shared/operations';
import {
  unknownStatus,
  type ClusterSpec,
  type ClusterStatus,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';

interface Options {
  spec?: Partial<ClusterSpec>;
  status?: Partial<ClusterStatus>;
  /** Whether its create goes on; else it is complete. */
  creating?: boolean;
}

/** A cluster with as much of a specification as a test gives it. */
export function storedCluster({ spec, status, creating = false }: Options = {}): StoredCluster {
  const made = newObject<ClusterSpec, ClusterStatus>({
    kind: CLUSTER,
    caller: { userId: 'u1', projectId: 'p1', requestId: 'req-1' },
    name: 'c1',
    spec: { driver: 'fake', node_groups: [], labels: {}, ...spec } as unknown as ClusterSpec,
    status: unknownStatus(),
    deadlineMs: 60_000,
  });
  const operation =
    creating || made.operation === null
      ? made.operation
      : { ...made.operation, state: 'COMPLETE' as const, finished_at: made.created_at };
  const state = creating ? made.status.state : 'CREATE_COMPLETE';
  return { ...made, operation, status: { ...made.status, state, ...status }, health: null, follow: null };
}
