import { strict as assert } from 'node:assert';
import type { PathRule } from '@cetus/simcloud/sim-cloud';
import type { ObjectState, StoredCluster } from '@cetus/shared/schemas';
import type { Db } from 'mongodb';
import { waitFor } from '@cetus/test-kit';
import type { CetusClient } from '../../integration/support/cetus-client.ts';
import type { CloudClient } from '../../integration/support/cloud-client.ts';

/** What a step may use. */
export interface Stage {
  cloud: CloudClient;
  client: CetusClient;
  db: Db;
  /** By what they are for. */
  templates: Record<'heat' | 'newerHeat' | 'magnum' | 'newer', string>;
}

export type Driver = 'heat' | 'magnum';

/** One point of a cluster's life at which the conductor is killed. */
export interface Step {
  name: string;
  /** How it must end. */
  end: ObjectState | 'gone';
  /** What it begins with, other than nothing: a cluster. */
  before?: (stage: Stage) => Promise<string>;
  /** Requests to the cloud that wait from then on; it is killed when one has come. */
  at?: (stage: Stage, uuid: string) => Promise<PathRule>;
  /** What is asked for. Answers the cluster. */
  act: (stage: Stage, uuid: string) => Promise<string>;
  /** Resolves when the conductor is to be killed, if no request tells. */
  reached?: (stage: Stage, acting: Promise<string>) => Promise<unknown>;
  /** While no conductor is there. */
  meanwhile?: (stage: Stage, uuid: string) => Promise<unknown>;
  /** When there is one again. */
  then?: (stage: Stage, uuid: string) => Promise<unknown>;
  /** So long that the next rounds, and their kills, do not wait for its end. */
  slow?: boolean;
  /** What else must be so at the end. @throws what is not */
  proof?: (stage: Stage, uuid: string) => Promise<unknown>;
  /** Frees what it holds, however it ended. */
  after?: () => Promise<unknown>;
}

/** Longer than a lease and a start, so that the next conductor looks before it is carried out. */
export const LATE_MS = 15_000;
export const READY_MS = 60_000;

/** Requests that arrive nowhere. */
export const lost = (match: string): PathRule => ({ match, hang: true });
/** Requests that are carried out later, whether or not their sender still lives. */
export const late = (match: string): PathRule => ({ match, latencyMs: LATE_MS });

/** Creates a cluster by a driver. */
export function create({ client, templates }: Stage, driver: Driver): Promise<string> {
  return client.create(templates[driver], { name: `${driver}-step`, node_count: 1 });
}

/** Creates one, and waits until it is there. */
export async function made(stage: Stage, driver: Driver): Promise<string> {
  const uuid = await create(stage, driver);
  await stage.client.until(uuid, 'CREATE_COMPLETE', READY_MS);
  return uuid;
}

/** The cluster as it is stored, for what no API shows. */
export async function stored({ db }: Stage, uuid: string): Promise<StoredCluster> {
  const found = await db.collection<StoredCluster>('clusters').findOne({ _id: uuid });
  assert.ok(found, `${uuid} is not stored`);
  return found;
}

/** Adds a node group of one node. */
export function addGroup({ client }: Stage, uuid: string): Promise<unknown> {
  return client.ok(`/v1/clusters/${uuid}/nodegroups`, {
    method: 'POST',
    body: { name: 'pool', node_count: 1, flavor_id: 'm1.medium' },
  });
}

/** A cluster with a second group of workers. */
export async function madeWithGroup(stage: Stage, driver: Driver): Promise<string> {
  const uuid = await made(stage, driver);
  await addGroup(stage, uuid);
  await stage.client.until(uuid, 'UPDATE_COMPLETE', READY_MS);
  return uuid;
}

/** The names of a cluster's groups with the nodes that each has. */
export async function groupsOf({ client }: Stage, uuid: string): Promise<Record<string, number | null>> {
  const { nodegroups } = await client.ok<{ nodegroups: { name: string }[] }>(
    `/v1/clusters/${uuid}/nodegroups`,
  );
  const groups = nodegroups.map(async ({ name }) => {
    const path = `/v1/clusters/${uuid}/nodegroups/${name}`;
    const { actual_node_count } = await client.ok<{ actual_node_count: number | null }>(path);
    return [name, actual_node_count] as const;
  });
  return Object.fromEntries(await Promise.all(groups));
}

/** Waits for a condition of a cluster. */
export function untilCondition(
  { client }: Stage,
  uuid: string,
  type: string,
  status: string,
): Promise<unknown> {
  return waitFor(
    async () => (await client.cluster(uuid)).conditions.find((one) => one.type === type)?.status === status,
    { timeoutMs: READY_MS, what: `${type} of ${uuid} is ${status}` },
  );
}
