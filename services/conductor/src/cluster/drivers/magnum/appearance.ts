import { hasStatus } from '@cetus/openstack/errors';
import type { MagnumClient } from '@cetus/openstack/magnum';
import type { Memory } from './memory.ts';

/*
 * Magnum's API looks at what a create names, puts the create into its message queue, and answers: it writes nothing. A conductor takes it from
 * the queue and writes the cluster first of all. So a cluster that was asked for may appear while its request is in the API, and while it is
 * in the queue, which it leaves only when a conductor runs.
 *
 * What is left to chance: a process that is stopped between its last look at the clock and its request, or an API that keeps a request for
 * longer than is thought here (it waits for a message queue that is away), may bring forth a cluster after its deletion has ended; so may a
 * create without an answer that another one followed, when all that came of that one is deleted within the minute. Nobody looks for such a
 * cluster, but it has the name of the deleted one, which tells whose it was.
 */

/** How old an announcement may be when its create is sent, in milliseconds. */
const FRESH_MS = 5_000;
/**
 * How long after its announcement a create whose answer nobody heard may come into the queue, in milliseconds: to connect, again too, takes
 * 20 s at most, and requests do not live longer than a minute in Magnum's API.
 */
const ARRIVES_WITHIN_MS = 90_000;
/** How soon a conductor that runs takes a create from the queue and writes the cluster, or never does, in milliseconds. */
const TAKEN_WITHIN_MS = 30_000;
/** How long an accepted create is thought to be in the queue when Magnum does not tell whether a conductor runs, in milliseconds. */
const QUEUED_WITHIN_MS = 600_000;
/** By how much Magnum's clock may be ahead of ours, in milliseconds. */
const CLOCKS_DIFFER_MS = 5_000;

/** When each of Magnum's conductors last reported, in milliseconds since the epoch; null: Magnum does not tell. */
type Reports = readonly number[] | null;

/** Whether a create may be sent that was announced then. */
export function isFresh(at: number, now = Date.now()): boolean {
  return now - at < FRESH_MS;
}

/**
 * Whether a cluster that is not there may still appear: as long as its create may be under way to the queue, and then until a conductor has
 * run long enough to take it.
 * @param reports asked for only when they matter
 */
export async function mayAppear(
  { create, uuid, seen }: Memory,
  reports: () => Promise<Reports>,
  now = Date.now(),
): Promise<boolean> {
  if (create === null || seen) return false;
  const isAccepted = uuid !== null;
  const queuedAt = create.at + (isAccepted ? 0 : ARRIVES_WITHIN_MS);
  if (now - queuedAt < TAKEN_WITHIN_MS) return true;
  const known = await reports();
  if (known === null) return isAccepted && now - queuedAt < QUEUED_WITHIN_MS;
  // A conductor that has just begun reports before it takes anything.
  return !known.some((at) => at - queuedAt >= CLOCKS_DIFFER_MS && now - at >= TAKEN_WITHIN_MS);
}

/**
 * When Magnum's conductors last reported, which each of them does once a minute.
 * @param magnum as an administrator, whom alone Magnum tells
 */
export async function conductorReports(
  magnum: Pick<MagnumClient, 'listServices'>,
  signal: AbortSignal,
): Promise<Reports> {
  try {
    const services = await magnum.listServices({ signal });
    const conductors = services.filter(({ binary }) => binary === 'magnum-conductor');
    if (conductors.length === 0) return null;
    return conductors.map(({ updated_at, created_at }) => Date.parse(updated_at ?? created_at));
  } catch (error) {
    if (hasStatus(error, 403) || hasStatus(error, 404)) return null;
    throw error;
  }
}
