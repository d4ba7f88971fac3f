import type { Backbone } from '@cetus/shared/backbone';
import type { Logger } from '@cetus/shared/service';
import { clusterOfStack } from '../openstack/stack-name.ts';
import {
  OsloNotifications,
  type NotifiedCluster,
  type OsloNotification,
} from '../openstack/oslo-notifications.ts';

const DELETE = 'magnum.cluster.delete';

/** A CADF event, as far as it is read. Source: Magnum's conductor/utils.py. */
interface ClusterEvent {
  outcome?: string;
  target?: { name?: string; attachments?: { content?: { project_id?: string } }[] };
}

/**
 * When to look at a cluster whose state is written, in milliseconds: Magnum tells of it after that, but for a cluster that is gone, which it
 * removes just after it told. Source: Magnum's service/periodic.py.
 */
const WAKE_UPS_MS = [0, 1_000];

/**
 * Magnum's own notifications, from `url`: when it has ended something with a cluster of ours, that is looked at now. It sends none of its own
 * about node groups, but one about the cluster when a change of a group has ended.
 */
export function magnumNotifications(options: {
  url: string;
  backbone: Backbone;
  logger: Logger;
}): OsloNotifications {
  return new OsloNotifications({
    ...options,
    service: 'Magnum',
    exchange: 'magnum',
    queue: 'cetus.magnum-notifications',
    clusterOf: clusterOfMagnumNotification,
  });
}

/** `pending` only says that a request was taken up, which is known here. */
export function clusterOfMagnumNotification({
  event_type,
  payload,
}: OsloNotification): NotifiedCluster | null {
  const { outcome, target } = payload as ClusterEvent;
  if (!event_type.startsWith('magnum.cluster.') || outcome === 'pending') return null;
  const id = clusterOfStack(target?.name ?? '');
  if (id === null) return null;
  const projectId = target?.attachments?.[0]?.content?.project_id ?? '';
  return event_type === DELETE ? { id, projectId } : { id, projectId, wakeUpsMs: WAKE_UPS_MS };
}
