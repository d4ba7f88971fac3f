import { newObject, type Requester } from '@cetus/shared/operations';
import type { StoredCluster, StoredClusterTemplate } from '@cetus/shared/schemas';
import { CLUSTER, CLUSTER_TEMPLATE } from '@cetus/shared/store';

export function requester(projectId = 'p1'): Requester {
  return { userId: `user-of-${projectId}`, projectId, requestId: 'req-1' };
}

const STATUS = {
  stack_id: null,
  actual_node_count: null,
  actual_master_count: null,
  api_address: null,
  master_addresses: [],
  node_addresses: [],
  coe_version: null,
  container_version: null,
  health_status: null,
  health_status_reason: {},
  last_contact: null,
  secrets: null,
  kubeconfig: null,
  driver_state: {},
};

export interface ClusterOptions {
  project?: string;
  name?: string;
  nodeCount?: number | null;
  deadlineMs?: number;
  idempotency?: { key: string; fingerprint: string };
  now?: Date;
}

/** A cluster that was just accepted, with as much of a specification as these tests look at. */
export function cluster(options: ClusterOptions = {}): StoredCluster {
  const { project = 'p1', name = 'c1', nodeCount = 1, deadlineMs = 60_000, idempotency, now } = options;
  return newObject<StoredCluster['spec'], StoredCluster['status']>({
    kind: CLUSTER,
    caller: requester(project),
    name,
    spec: {
      cluster_template_id: 't1',
      node_count: nodeCount,
      master_count: 1,
      labels: {},
    } as unknown as StoredCluster['spec'],
    status: STATUS,
    deadlineMs,
    ...(idempotency === undefined ? {} : { idempotency }),
    ...(now === undefined ? {} : { now }),
  });
}

/** A cluster whose creation is over, so that nothing goes on. */
export function idleCluster(options: ClusterOptions = {}): StoredCluster {
  const made = cluster(options);
  const operation =
    made.operation === null
      ? null
      : { ...made.operation, state: 'COMPLETE' as const, finished_at: made.created_at };
  const status = { ...made.status, state: 'CREATE_COMPLETE' as const, observed_generation: 1 };
  return { ...made, operation, status, pending_events: [], next_attempt_at: null };
}

export function template(
  options: { project?: string; name?: string; isPublic?: boolean; hidden?: boolean } = {},
): StoredClusterTemplate {
  const { project = 'p1', name = 't1', isPublic = false, hidden = false } = options;
  return newObject<StoredClusterTemplate['spec'], StoredClusterTemplate['status']>({
    kind: CLUSTER_TEMPLATE,
    caller: requester(project),
    name,
    spec: { public: isPublic, hidden, labels: {} } as unknown as StoredClusterTemplate['spec'],
    status: {},
    deadlineMs: null,
  });
}
