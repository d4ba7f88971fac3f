import type { Backbone } from '@cetus/shared/backbone';
import type { Logger } from '@cetus/shared/service';
import { clusterOfStack } from '../openstack/stack-name.ts';
import {
  OsloNotifications,
  type NotifiedCluster,
  type OsloNotification,
} from '../openstack/oslo-notifications.ts';

/** A CADF event, as far as it is read. Source: Magnum's conductor/utils.py. */
interface ClusterEvent {
  outcome?: string;
  target?: { name?: string; attachments?: { content?: { project_id?: string } }[] };
}

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
  return id === null ? null : { id, projectId: target?.attachments?.[0]?.content?.project_id ?? '' };
}
