import { deleteObject } from '@cetus/kubernetes/apply';
import { listAll } from '@cetus/kubernetes/list';
import { collectionPath } from '@cetus/kubernetes/object-path';
import type { Event, Pod } from '@cetus/kubernetes/objects';
import type {
  ApplicationTarget,
  EventAnswer,
  InstanceAnswer,
  InstanceTarget,
  StoredApplication,
} from '@cetus/shared/schemas';
import type { ClusterApi } from '../cluster-connections.ts';
import { eventsOf, instancesOf } from '../observe/instances.ts';
import { ownedObjects } from '../placement/owned-objects.ts';
import { selectorOf } from '../selector.ts';
import { findPod } from './find-pod.ts';
import { askEverywhere, placedClusters, type PlacedCluster, type RequestContext } from './request-context.ts';

/** Events of one application in one cluster that are told at most, the newest. */
const MOST_EVENTS = 500;

/** What makes pods: their names begin with its name. */
const MAKERS = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job']);

/** The pods of an application, in all its clusters or in one. */
export async function instancesOfApplication(
  context: RequestContext,
  application: StoredApplication,
  { cluster_id }: ApplicationTarget,
  signal: AbortSignal,
): Promise<InstanceAnswer> {
  const placed = await placedClusters(context, application, cluster_id);
  const { answers, problems } = await askEverywhere(context, placed, signal, async (api, one) => {
    const { items } = await podsOf(api, one, application, signal);
    return instancesOf(items, one.cluster._id);
  });
  return { instances: answers.flat().sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

/** Deletes a pod; what made it makes another. @throws CetusError `not_found`, `back_end_unavailable` */
export async function deleteInstance(
  context: RequestContext,
  application: StoredApplication,
  target: InstanceTarget,
  signal: AbortSignal,
): Promise<Record<string, never>> {
  const { cluster, pod } = await findPod(context, application, target, signal);
  const { name, namespace, uid } = pod.metadata;
  const reference = { apiVersion: 'v1', kind: 'Pod', namespace, name };
  await context.connections.use(cluster, signal, ({ connection }) =>
    deleteObject(connection, reference, { uid, signal }),
  );
  return {};
}

/** What Kubernetes tells of an application's objects and pods, the newest last. */
export async function eventsOfApplication(
  context: RequestContext,
  application: StoredApplication,
  { cluster_id }: ApplicationTarget,
  signal: AbortSignal,
): Promise<EventAnswer> {
  const placed = await placedClusters(context, application, cluster_id);
  const { answers, problems } = await askEverywhere(context, placed, signal, (api, one) =>
    eventsIn(api, one, application, signal),
  );
  return { events: answers.flat(), problems };
}

async function eventsIn(
  api: ClusterApi,
  { cluster, placement: { namespace, kinds } }: PlacedCluster,
  { _id }: StoredApplication,
  signal: AbortSignal,
): Promise<EventAnswer['events']> {
  const objects = await ownedObjects(api, { namespace, kinds, applicationId: _id }, { signal });
  const makers = objects.filter(({ kind }) => MAKERS.has(kind)).map((maker) => `${maker.name}-`);
  const names = new Set(objects.map(({ kind, name }) => `${kind}/${name}`));
  const path = collectionPath({ apiVersion: 'v1', kind: 'Event', namespace });
  const { items } = await listAll<Event>(api.connection, path, {
    signal,
    project: (event) => {
      const { kind = '', name = '' } = event.involvedObject;
      // A pod that is gone has told of itself, too.
      const isOurs =
        names.has(`${kind}/${name}`) || (kind === 'Pod' && makers.some((maker) => name.startsWith(maker)));
      return isOurs ? event : undefined;
    },
  });
  return eventsOf(items, cluster._id).slice(-MOST_EVENTS);
}

function podsOf(
  { connection }: ClusterApi,
  { placement: { namespace } }: PlacedCluster,
  { _id }: StoredApplication,
  signal: AbortSignal,
) {
  return listAll<Pod>(connection, collectionPath({ apiVersion: 'v1', kind: 'Pod', namespace }), {
    query: { labelSelector: selectorOf(_id) },
    signal,
  });
}
