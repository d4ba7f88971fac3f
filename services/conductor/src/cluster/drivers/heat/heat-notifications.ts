import type { Backbone } from '@cetus/shared/backbone';
import type { Logger } from '@cetus/shared/service';
import {
  OsloNotifications,
  type NotifiedCluster,
  type OsloNotification,
} from '../openstack/oslo-notifications.ts';
import { clusterOfStack } from '../openstack/stack-name.ts';

/** Heat's own notifications, from `url`: when a stack of ours ends something, its cluster is looked at now. */
export function heatNotifications(options: {
  url: string;
  backbone: Backbone;
  logger: Logger;
}): OsloNotifications {
  return new OsloNotifications({
    ...options,
    service: 'Heat',
    exchange: 'heat',
    queue: 'cetus.heat-notifications',
    clusterOf: clusterOfHeatNotification,
  });
}

function clusterOfHeatNotification({ event_type, payload }: OsloNotification): NotifiedCluster | null {
  if (!/^orchestration\.stack\.\w+\.(end|error)$/.test(event_type)) return null;
  const { stack_name, tenant_id } = payload as { stack_name?: string; tenant_id?: string };
  const id = clusterOfStack(stack_name ?? '');
  return id === null ? null : { id, projectId: tenant_id ?? '' };
}
