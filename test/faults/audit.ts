import type { CloudEvent, StoredCluster } from '@cetus/shared/schemas';
import type { Db } from 'mongodb';
import type { CloudClient } from '../integration/support/cloud-client.ts';
import { disorder } from '../integration/support/event-follower.ts';

interface RecordedEvent {
  _id: string;
  position: string;
  subject: string;
  sequence: number;
  event: CloudEvent;
}

/** What was counted, and every way in which it is not as it must be. */
export interface Audit {
  counts: Record<string, number>;
  violations: string[];
}

/** Clusters by what still goes on in them; all zero: quiet. */
export async function unrest(db: Db): Promise<Record<string, number>> {
  const clusters = db.collection('clusters');
  const [inProgress, leased, pending, records] = await Promise.all([
    clusters.countDocuments({ 'operation.state': 'IN_PROGRESS' }),
    clusters.countDocuments({ lease: { $ne: null } }),
    clusters.countDocuments({ 'pending_events.0': { $exists: true } }),
    db.collection('operations').countDocuments({ state: 'IN_PROGRESS' }),
  ]);
  return { inProgress, leased, pending, records };
}

/** Compares what was accepted, what the database holds, what the cloud has, and what each reader was told. */
export async function audit(
  db: Db,
  cloud: CloudClient,
  accepted: readonly string[],
  readers: Readonly<Record<string, readonly CloudEvent[]>>,
): Promise<Audit> {
  const clusters = await db.collection<StoredCluster>('clusters').find().toArray();
  const recorded = await db
    .collection<RecordedEvent>('events')
    .find({ 'event.data.kind': 'cluster' })
    .sort({ position: 1 })
    .toArray();
  const [stacks, { stacksCreated }] = [await cloud.stacks(), await cloud.stats()];
  const violations: string[] = [];
  const counts: Record<string, number> = {
    accepted: accepted.length,
    clusters: clusters.length,
    notifications: recorded.length,
  };
  const count = (name: string): void => void (counts[name] = (counts[name] ?? 0) + 1);

  const ids = new Set(clusters.map(({ _id }) => _id));
  for (const uuid of accepted) if (!ids.has(uuid)) violations.push(`${uuid} was accepted and is lost`);
  if (ids.size !== new Set(accepted).size)
    violations.push(`${ids.size} clusters for ${new Set(accepted).size} accepted ones`);

  const live = new Map(stacks.map((stack) => [stack.stack_name, stack.stack_status]));
  for (const cluster of clusters) {
    const { _id, status, operation, deleted_at } = cluster;
    count(status.state);
    if (operation?.state === 'IN_PROGRESS') violations.push(`${_id} is not at its end`);
    if (status.state.endsWith('_FAILED') && !status.failure)
      violations.push(`${_id} failed without a reason`);
    if (status.failure !== null)
      violations.push(`${_id} failed: ${status.failure.code} ${status.failure.message}`);
    const stack = `cetus-${_id}`;
    if (deleted_at === null && !live.has(stack)) violations.push(`${_id} is there without its stack`);
    if (deleted_at !== null && live.has(stack))
      violations.push(`the stack of ${_id}, which is deleted, is ${live.get(stack) ?? ''}`);
    live.delete(stack);
    const created = stacksCreated[stack] ?? 0;
    if (created > 1) violations.push(`the stack of ${_id} was created ${created} times`);
    if (cluster.lease !== null) violations.push(`${_id} is leased`);
    if (cluster.pending_events.length > 0) violations.push(`${_id} has notifications that wait`);
    const sequences = recorded.filter(({ subject }) => subject === _id).map(({ sequence }) => sequence);
    const gapless =
      sequences.length === cluster.sequence && sequences.every((sequence, i) => sequence === i + 1);
    if (!gapless) violations.push(`${_id} is at ${cluster.sequence}, recorded are ${sequences.join(' ')}`);
  }
  for (const name of live.keys()) violations.push(`${name} is there without a cluster`);

  for (const [reader, events] of Object.entries(readers)) {
    const seen = events.filter(({ data }) => data.kind === 'cluster');
    const has = new Set(seen.map(({ id }) => id));
    counts[`${reader}_seen`] = seen.length;
    counts[`${reader}_repeated`] = seen.length - has.size;
    for (const { _id } of recorded) if (!has.has(_id)) violations.push(`${reader} was not told ${_id}`);
    violations.push(...disorder(seen, { repeats: true }).map((problem) => `${reader}: ${problem}`));
  }
  return { counts, violations };
}
