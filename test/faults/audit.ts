import { nodeGroupsOf, type CloudEvent, type StoredCluster } from '@cetus/shared/schemas';
import type { Db } from 'mongodb';
import { DEMO, type CloudClient } from '../integration/support/cloud-client.ts';
import { disorder } from '../integration/support/event-follower.ts';
import { backEndsOf } from './back-ends.ts';
import { QUOTA_ACCOUNT } from './steps/quota.ts';

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

/** Clusters and applications by what still goes on in them; all zero: quiet. */
export async function unrest(db: Db): Promise<Record<string, number>> {
  const count = async (filter: object): Promise<number> => {
    const counts = ['clusters', 'applications'].map((name) => db.collection(name).countDocuments(filter));
    return (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
  };
  const [inProgress, leased, pending, records] = await Promise.all([
    count({ 'operation.state': 'IN_PROGRESS' }),
    count({ lease: { $ne: null } }),
    count({ 'pending_events.0': { $exists: true } }),
    db.collection('operations').countDocuments({ state: 'IN_PROGRESS' }),
  ]);
  return { inProgress, leased, pending, records };
}

/**
 * Compares what was accepted, what the database holds, what the cloud has, and what each reader was told.
 * @param createdOnce whether no create was so late that Magnum had to be asked again, which makes a second cluster for a while
 */
export async function audit(
  db: Db,
  cloud: CloudClient,
  accepted: readonly string[],
  readers: Readonly<Record<string, readonly CloudEvent[]>>,
  { createdOnce }: { createdOnce: boolean },
): Promise<Audit> {
  const clusters = await db.collection<StoredCluster>('clusters').find().toArray();
  const recorded = await db
    .collection<RecordedEvent>('events')
    .find({ kinds: 'cluster' })
    .sort({ position: 1 })
    .toArray();
  const { stacks, clusters: inMagnum, orphans } = await backEndsOf(cloud, [DEMO, QUOTA_ACCOUNT]);
  const created = Object.entries((await cloud.stats()).stacksCreated);
  const violations: string[] = [...orphans];
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

  for (const cluster of clusters) {
    const { _id, spec, status, operation, deleted_at } = cluster;
    count(status.state);
    count(spec.driver);
    if (operation?.state === 'IN_PROGRESS') violations.push(`${_id} is not at its end`);
    if (status.state.endsWith('_FAILED') && !status.failure)
      violations.push(`${_id} failed without a reason`);
    if (status.failure !== null)
      violations.push(`${_id} failed: ${status.failure.code} ${status.failure.message}`);
    const name = `cetus-${_id}`;
    const stack = stacks.get(name);
    const there = [...(inMagnum.get(name) ?? []), ...(stack === undefined ? [] : [stack])];
    const expected = deleted_at !== null || spec.driver === 'import' ? 0 : 1;
    if (there.length !== expected)
      violations.push(`${_id}: ${there.length} in the cloud (${there.join()}), ${expected} expected`);
    const broken = there.filter(
      (state) => !state.endsWith('_COMPLETE') && !status.state.startsWith('ROLLBACK'),
    );
    if (broken.length > 0) violations.push(`${_id} is ${status.state}, in the cloud ${broken.join()}`);
    stacks.delete(name);
    inMagnum.delete(name);
    // Stacks of Magnum have the beginning of a cluster's name, and those of its groups less of it.
    const isOf = (one: string): boolean => one === name || one.startsWith(`${name.slice(0, 30)}-`);
    const times = created.filter(([one]) => isOf(one)).reduce((sum, [, often]) => sum + often, 0);
    if (times > 1 && (createdOnce || spec.driver === 'heat'))
      violations.push(`the stack of ${_id} was created ${times} times`);
    if (deleted_at === null) violations.push(...unlikeSpec(cluster));
    if (cluster.lease !== null) violations.push(`${_id} is leased`);
    if (cluster.pending_events.length > 0) violations.push(`${_id} has notifications that wait`);
    const sequences = recorded.filter(({ subject }) => subject === _id).map(({ sequence }) => sequence);
    const gapless =
      sequences.length === cluster.sequence && sequences.every((sequence, i) => sequence === i + 1);
    if (!gapless) violations.push(`${_id} is at ${cluster.sequence}, recorded are ${sequences.join(' ')}`);
  }
  for (const name of [...stacks.keys(), ...inMagnum.keys()])
    violations.push(`${name} is there without a cluster`);

  for (const [reader, events] of Object.entries(readers)) {
    const seen = events.filter(({ data }) => (data.part_of ?? data).kind === 'cluster');
    const has = new Set(seen.map(({ id }) => id));
    counts[`${reader}_seen`] = seen.length;
    counts[`${reader}_repeated`] = seen.length - has.size;
    for (const { _id } of recorded) if (!has.has(_id)) violations.push(`${reader} was not told ${_id}`);
    violations.push(...disorder(seen, { repeats: true }).map((problem) => `${reader}: ${problem}`));
  }
  return { counts, violations };
}

/** Node groups that are not as they were asked for. */
function unlikeSpec({ _id, spec, status }: StoredCluster): string[] {
  // Until somebody asks for something else, the spec is what was gone back from.
  const wanted = status.state === 'ROLLBACK_COMPLETE' ? (status.applied_spec ?? spec) : spec;
  const asked = nodeGroupsOf(wanted).map(({ name, uuid, node_count }) => [uuid, name, node_count] as const);
  const found = new Map(status.node_groups.map(({ uuid, actual_node_count }) => [uuid, actual_node_count]));
  const unlike = asked.filter(([uuid, , count]) => found.get(uuid) !== count);
  const strangers = [...found.keys()].filter((uuid) => !asked.some(([one]) => one === uuid));
  return [
    ...unlike.map(
      ([uuid, name, count]) => `${_id}: ${name} has ${String(found.get(uuid))} nodes, not ${count}`,
    ),
    ...strangers.map((uuid) => `${_id} has a node group ${uuid} that nobody asks for`),
  ];
}
