import { newObject, type Requester } from '@cetus/shared/operations';
import {
  unknownStatus,
  type ApplicationSpec,
  type ObjectState,
  type OperationPart,
  type OperationState,
  type StoredApplication,
  type StoredCluster,
  type StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { APPLICATION, CLUSTER, CLUSTER_TEMPLATE, type IdempotentRequest } from '@cetus/shared/store';

export function requester(projectId = 'p1'): Requester {
  return { userId: `user-of-${projectId}`, projectId, requestId: 'req-1' };
}

export interface ClusterOptions {
  project?: string;
  name?: string;
  /** A number of its specification. */
  minutes?: number;
  parts?: OperationPart[];
  deadlineMs?: number;
  now?: Date;
}

/** A request with an Idempotency-Key, by what it asks for. */
export function idempotent(key: string, fingerprint: string): IdempotentRequest {
  return { record: { key, fingerprint }, matches: (kept) => kept.fingerprint === fingerprint };
}

/** A cluster that was just accepted, with as much of a specification as these tests look at. */
export function cluster(options: ClusterOptions = {}): StoredCluster {
  const { project = 'p1', name = 'c1', minutes = 1, deadlineMs = 60_000, parts, now } = options;
  const made = newObject<StoredCluster['spec'], StoredCluster['status']>({
    kind: CLUSTER,
    caller: requester(project),
    name,
    spec: {
      cluster_template_id: 't1',
      create_timeout: minutes,
      node_groups: [],
      labels: {},
    } as unknown as StoredCluster['spec'],
    status: unknownStatus(),
    deadlineMs,
    ...(parts === undefined ? {} : { parts }),
    ...(now === undefined ? {} : { now }),
  });
  return { ...made, health: null, follow: null };
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

/** An application in a state, with as much of a specification as these tests look at, and nothing left to tell. */
export function application(
  options: { project?: string; name?: string; kind?: ApplicationSpec['kind']; state?: ObjectState } = {},
): StoredApplication {
  const { project = 'p1', name = 'a1', kind = 'stateless', state = 'CREATE_IN_PROGRESS' } = options;
  const made = newObject<ApplicationSpec, StoredApplication['status']>({
    kind: APPLICATION,
    caller: requester(project),
    name,
    spec: { kind, placements: [] } as unknown as ApplicationSpec,
    status: { placements: [], applied_spec: null },
    deadlineMs: 60_000,
  });
  const [action, ...words] = state.split('_');
  const going = { action: action?.toLowerCase(), state: words.join('_') as OperationState };
  const operation = { ...made.operation, ...going } as StoredApplication['operation'];
  const ended = going.state === 'IN_PROGRESS' ? made.status.state : state;
  const status = { ...made.status, state: ended };
  return { ...made, operation, status, pending_events: [], observed: {}, revisions: [] };
}
