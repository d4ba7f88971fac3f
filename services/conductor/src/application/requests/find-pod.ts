import { readObject } from '@cetus/kubernetes/apply';
import type { Pod } from '@cetus/kubernetes/objects';
import { CetusError } from '@cetus/shared/errors';
import { APPLICATION_LABEL, type InstanceTarget, type StoredApplication } from '@cetus/shared/schemas';
import { askEverywhere, placedClusters, type PlacedCluster, type RequestContext } from './request-context.ts';

export interface FoundPod extends PlacedCluster {
  pod: Pod;
}

/**
 * A pod of an application, by its name: one in its namespace that has its mark, and no other.
 * @throws CetusError `not_found`; `back_end_unavailable` when it may be in a cluster that cannot be asked
 */
export async function findPod(
  context: RequestContext,
  application: StoredApplication,
  { instance, cluster_id }: InstanceTarget,
  signal: AbortSignal,
): Promise<FoundPod> {
  const placed = await placedClusters(context, application, cluster_id);
  const { answers, problems } = await askEverywhere(context, placed, signal, async (api, one) => {
    const reference = {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: one.placement.namespace,
      name: instance,
    };
    const pod = await readObject<Pod>(api.connection, reference, { signal });
    return pod?.metadata.labels?.[APPLICATION_LABEL] === application._id ? { ...one, pod } : null;
  });
  const found = answers.find((answer) => answer !== null);
  if (found !== undefined) return found;
  const [problem] = problems;
  if (problem !== undefined) throw new CetusError('back_end_unavailable', problem.message);
  throw new CetusError('not_found', `The application has no instance ${instance}`);
}
