import { differences } from '@cetus/kubernetes/drift';
import { readObject, referenceOf } from '@cetus/kubernetes/apply';
import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { ClusterApi, ClusterConnections } from '../cluster-connections.ts';
import { manifestsOf, readClusterApis } from '../manifests/index.ts';
import type { BringInput } from './bring.ts';
import type { PlacementRound } from './placement-round.ts';
import { troubleIn } from './trouble-in.ts';

/** Fields of one object that are told at most. */
const MOST_FIELDS = 10;

/** What others changed of an application in one cluster: told, and left as it is. */
export async function driftIn(
  { connections }: { connections: Pick<ClusterConnections, 'use'> },
  input: BringInput,
  context: ReconcileContext,
): Promise<PlacementRound> {
  const { placement, cluster } = input;
  if (cluster === undefined || cluster.status.kubeconfig === null)
    return { phase: 'complete', status: placement };
  try {
    const drift = await connections.use(cluster, context.signal, (api) =>
      lookFor(api, input, context.signal),
    );
    return { phase: 'complete', status: { ...placement, drift } };
  } catch (error) {
    if (context.signal.aborted) throw error;
    const { message } = troubleIn(error, cluster);
    return { phase: 'complete', status: { ...placement, progress: message } };
  }
}

async function lookFor(
  api: ClusterApi,
  { application, spec, values, placement }: BringInput,
  signal: AbortSignal,
): Promise<string[]> {
  const { namespace } = placement;
  const apis = await readClusterApis(api.apis, { signal });
  const manifests = manifestsOf({ application, spec, namespace, values, apis });
  const found: string[] = [];
  for (const manifest of manifests) {
    const live = await readObject(api.connection, referenceOf(manifest), { signal });
    const what = `${manifest.kind} ${manifest.metadata.name}`;
    if (live === undefined) found.push(`${what} is gone`);
    else
      found.push(
        ...differences(manifest, live, { most: MOST_FIELDS }).map(
          ({ path }) => `${what}: ${path} was changed`,
        ),
      );
  }
  return found;
}
