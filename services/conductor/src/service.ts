import { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import { KeystoneSession } from '@cetus/openstack/keystone';
import type { MagnumPlace } from '@cetus/openstack/magnum';
import type { Backbone } from '@cetus/shared/backbone';
import { SecretBox, type KeyRing } from '@cetus/shared/secrets';
import { keystoneCredentials, type Logger, type Metrics, type Resource } from '@cetus/shared/service';
import { Heartbeat, processId } from '@cetus/shared/service-registry';
import { ApplicationService } from './application/application-service.ts';
import { DriverRegistry, type DriverMakers } from './cluster/driver-registry.ts';
import { HeatDriver } from './cluster/drivers/heat/driver.ts';
import { heatNotifications } from './cluster/drivers/heat/heat-notifications.ts';
import { ImportDriver } from './cluster/drivers/import/driver.ts';
import { PollBudget } from './cluster/drivers/openstack/poll-budget.ts';
import { MagnumDriver } from './cluster/drivers/magnum/driver.ts';
import { magnumNotifications } from './cluster/drivers/magnum/magnum-notifications.ts';
import { ClusterService } from './cluster-service.ts';
import type { ConductorConfig } from './config.ts';
import { HealthService } from './health/health-service.ts';
import type { TrackerLimits } from './health/health-tracker.ts';
import { heatSite } from './heat-site.ts';
import { roundMetric } from './round-metric.ts';
import { StreamServer } from './streams/stream-server.ts';

/** With notifications, polling is only what catches those that are lost: so much less often. */
const POLL_LESS = 10;
/** What the service user gives itself in a tenant's project, so that a cluster does not depend on the user who made it. */
const PROJECT_ROLES = ['member', 'heat_stack_owner'];

const UNHEALTHY_MS = 10_000;
const HEALTHY_MS = 5_000;

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

/** How long a cluster is in trouble, or out of it, before it is said so, in milliseconds. */
function healthLimits(config: ConductorDeps['config']): TrackerLimits {
  const unreachableMs = config.CETUS_HEALTH_UNREACHABLE_SECONDS * 1_000;
  return { unreachableMs, unhealthyMs: UNHEALTHY_MS, healthyMs: HEALTHY_MS };
}

/** Never the catalog's `container-infra`: that may be Cetus. */
function magnumPlace({ CETUS_MAGNUM_URL: url }: ConductorDeps['config']): MagnumPlace {
  return url === undefined ? { serviceType: 'container-infra-backend' } : { url };
}

function pollBudget(seconds: number, perSecond: number, notificationsUrl: string | undefined): PollBudget {
  return new PollBudget(seconds * 1000 * (notificationsUrl === undefined ? 1 : POLL_LESS), perSecond);
}

/** What the conductor opens besides the backbone, in order. A new driver is one more entry of `makers`. */
export function conductorResources({ config, backbone, keys, logger, metrics }: ConductorDeps): Resource[] {
  const session = new KeystoneSession({
    authUrl: config.CETUS_KEYSTONE_URL,
    credentials: keystoneCredentials(config),
    region: config.CETUS_REGION,
    grantRoles: PROJECT_ROLES,
  });
  const secrets = new SecretBox(keys);
  const deniedNetworks = new DeniedNetworks(config.CETUS_DENIED_NETWORKS);
  const { CETUS_HEAT_NOTIFICATIONS_URL: heatUrl, CETUS_MAGNUM_NOTIFICATIONS_URL: magnumUrl } = config;
  const heatPolls = pollBudget(config.CETUS_HEAT_POLL_SECONDS, config.CETUS_HEAT_POLLS_PER_SECOND, heatUrl);
  const magnumPolls = pollBudget(
    config.CETUS_MAGNUM_POLL_SECONDS,
    config.CETUS_MAGNUM_POLLS_PER_SECOND,
    magnumUrl,
  );
  const makers: DriverMakers = {
    heat: () =>
      new HeatDriver({
        session,
        secrets,
        polls: heatPolls,
        site: heatSite(config),
        removal: { drainMs: config.CETUS_DRAIN_TIMEOUT_MINUTES * 60_000 },
      }),
    magnum: () => new MagnumDriver({ session, secrets, polls: magnumPolls, place: magnumPlace(config) }),
    import: () => new ImportDriver({ secrets, deniedNetworks }),
  };
  const drivers = DriverRegistry.offer(config.CETUS_CLUSTER_DRIVERS, makers);
  const id = processId();
  const rounds = roundMetric(metrics);
  const streams = new StreamServer({
    host: config.CETUS_STREAM_HOST,
    port: config.CETUS_STREAM_PORT,
    url: config.CETUS_STREAM_URL,
    maxStreams: config.CETUS_STREAM_MAX,
    maxStreamsPerProject: config.CETUS_STREAM_MAX_PER_PROJECT,
    idleMs: config.CETUS_STREAM_IDLE_SECONDS * 1_000,
    logger,
    metrics,
  });
  return [
    { name: 'openstack', stop: () => session.close() },
    streams,
    new Heartbeat({ binary: 'cetus-conductor', id, backbone, logger, drivers: drivers.describe() }),
    new ClusterService({ owner: id, config, backbone, drivers, secrets, logger, rounds }),
    new ApplicationService({
      owner: id,
      config,
      backbone,
      secrets,
      streams,
      deniedNetworks,
      logger,
      rounds,
    }),
    new HealthService({
      owner: id,
      backbone,
      secrets,
      logger,
      metrics,
      limits: healthLimits(config),
      deniedNetworks,
    }),
    ...(heatUrl === undefined || !drivers.has('heat')
      ? []
      : [heatNotifications({ url: heatUrl, backbone, logger })]),
    ...(magnumUrl === undefined || !drivers.has('magnum')
      ? []
      : [magnumNotifications({ url: magnumUrl, backbone, logger })]),
  ];
}
