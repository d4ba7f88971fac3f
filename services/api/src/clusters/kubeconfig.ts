import { CetusError } from '@cetus/shared/errors';
import { MAX_KUBECONFIG_BYTES, type ClusterSpec, type JsonPatch } from '@cetus/shared/schemas';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { askDriver, refuseProblems } from '../cluster-validation.ts';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
import { ifMatchOf, scopeOfRequest } from '../http/index.ts';
import { changeCluster, currentSpec } from './accept.ts';
import { readKubeconfigPatch } from './patch.ts';

/** Milliseconds that a cluster that others made may take to answer. */
const TIMEOUT_MS = 15_000;

/** The body of a request that carries a kubeconfig: what JSON makes of it is longer than it is. */
export const KUBECONFIG_BODY_BYTES = 4 * MAX_KUBECONFIG_BYTES;

export interface KubeconfigQuestion {
  driver: string;
  clusterId: string;
  kubeconfig: string;
  context: string | null | undefined;
}

/**
 * Lets a driver reach a cluster that others made, and seal what it is reached by. Without an answer nothing is accepted: only who holds
 * the keys can seal.
 * @throws CetusError naming the field, `cluster_replaced` among them; `request_deadline_exceeded`, `bus_unavailable`
 */
export async function checkKubeconfig(
  deps: Pick<ApiDeps, 'bus'>,
  caller: { projectId: string; userId: string },
  { driver, clusterId, kubeconfig, context }: KubeconfigQuestion,
): Promise<NonNullable<ClusterSpec['imported']>> {
  if (Buffer.byteLength(kubeconfig) > MAX_KUBECONFIG_BYTES) {
    throw new CetusError('invalid_field', `kubeconfig must have at most ${MAX_KUBECONFIG_BYTES} bytes`, {
      field: 'kubeconfig',
    });
  }
  const imported = { cluster_id: clusterId, kubeconfig, ...(context == null ? {} : { context }) };
  const verdict = await askDriver(deps.bus, caller, { driver, references: {}, imported }, TIMEOUT_MS);
  refuseProblems(verdict);
  if (verdict.imported === undefined)
    throw new CetusError('unsupported', `The driver ${driver} cannot take clusters in`);
  return verdict.imported;
}

type PatchRequest = FastifyRequest<{
  Params: { ref: string };
  Querystring: { all_projects?: boolean };
  Body: JsonPatch;
}>;

/**
 * Gives a cluster that others made another kubeconfig, when the same cluster can be reached by it: credentials run out, and may be why it
 * was never taken in.
 */
export async function replaceKubeconfig(
  deps: ApiDeps,
  request: PatchRequest,
  reply: FastifyReply,
  { rollbackOnFailure }: { rollbackOnFailure: boolean },
): Promise<{ uuid: string }> {
  const { kubeconfig, context } = readKubeconfigPatch(request.body);
  const drivers = await Drivers.of(deps.services);
  const cluster = await deps.clusters.get(scopeOfRequest(request), request.params.ref);
  const { driver } = cluster.spec;
  drivers.require(driver, 'import', 'kubeconfig');
  if (rollbackOnFailure) drivers.require(driver, 'rollback', 'rollback');
  const caller = { projectId: cluster.project_id, userId: request.caller.userId };
  const imported = await checkKubeconfig(deps, caller, {
    driver,
    clusterId: cluster._id,
    kubeconfig,
    context,
  });
  return changeCluster(deps, request, reply, {
    requested: 'credentials',
    plan: (current) => ({ spec: { ...currentSpec(current), imported }, rollbackOnFailure }),
    ...ifMatchOf(request),
  });
}
