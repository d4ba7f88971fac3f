import { KeystoneSession } from '@cetus/openstack/keystone';
import type { Backbone } from '@cetus/shared/backbone';
import { SecretBox, type KeyRing } from '@cetus/shared/secrets';
import { keystoneCredentials, type Logger, type Metrics, type Resource } from '@cetus/shared/service';
import { DriverRegistry } from './cluster/driver-registry.ts';
import { HeatDriver } from './cluster/drivers/heat/driver.ts';
import { HeatNotifications } from './cluster/drivers/heat/heat-notifications.ts';
import { PollBudget } from './cluster/drivers/heat/poll-budget.ts';
import { ClusterService } from './cluster-service.ts';
import type { ConductorConfig } from './config.ts';
import { heatSite } from './heat-site.ts';

/** With notifications, polling is only what catches those that are lost: so much less often. */
const POLL_LESS = 10;
/** What the service user gives itself in a tenant's project, so that a cluster does not depend on the user who made it. */
const PROJECT_ROLES = ['member', 'heat_stack_owner'];

export interface ConductorDeps {
  config: Omit<
    ConductorConfig,
    'CETUS_MONGODB_URL' | 'CETUS_AMQP_URL' | 'CETUS_OPS_HOST' | 'CETUS_OPS_PORT' | 'CETUS_SECRET_KEYS'
  >;
  /** Opened before and closed after these resources. */
  backbone: Backbone;
  keys: KeyRing;
  logger: Logger;
  metrics: Metrics;
}

/** What the conductor opens besides the backbone, in order. A new driver is one more entry of the registry. */
export function conductorResources({ config, backbone, keys, logger, metrics }: ConductorDeps): Resource[] {
  const session = new KeystoneSession({
    authUrl: config.CETUS_KEYSTONE_URL,
    credentials: keystoneCredentials(config),
    region: config.CETUS_REGION,
    grantRoles: PROJECT_ROLES,
  });
  const notificationsUrl = config.CETUS_HEAT_NOTIFICATIONS_URL;
  const pollMs = config.CETUS_HEAT_POLL_SECONDS * 1000 * (notificationsUrl === undefined ? 1 : POLL_LESS);
  const heat = new HeatDriver({
    session,
    secrets: new SecretBox(keys),
    polls: new PollBudget(pollMs, config.CETUS_HEAT_POLLS_PER_SECOND),
    site: heatSite(config),
  });
  const drivers = new DriverRegistry([heat]);
  return [
    { name: 'openstack', stop: () => session.close() },
    new ClusterService(config, backbone, drivers, logger, metrics),
    ...(notificationsUrl === undefined
      ? []
      : [new HeatNotifications({ url: notificationsUrl, backbone, logger })]),
  ];
}
