import type { TokenInfo } from '@cetus/shared/auth';
import type { Bus } from '@cetus/shared/bus';
import type { EventFeed, EventStore } from '@cetus/shared/notifications';
import type { Dispatcher, OperationStore } from '@cetus/shared/operations';
import type {
  StoredApplication,
  StoredCluster,
  StoredClusterTemplate,
  StoredQuota,
} from '@cetus/shared/schemas';
import type { Logger, Metrics, Readiness } from '@cetus/shared/service';
import type { ServiceRegistry } from '@cetus/shared/service-registry';
import type { ScopedStore } from '@cetus/shared/store';
import type { AppConfig } from './config.ts';
import type { Fingerprints } from './http/index.ts';
import type { QuotaLedger } from './quotas/ledger.ts';
import type { ClusterStats } from './stats/cluster-stats.ts';

/** Everything that the app uses, opened and closed by somebody else. */
export interface ApiDeps {
  applications: ScopedStore<StoredApplication>;
  clusters: ScopedStore<StoredCluster>;
  templates: ScopedStore<StoredClusterTemplate>;
  quotas: ScopedStore<StoredQuota>;
  ledger: QuotaLedger;
  stats: ClusterStats;
  /** The processes of the installation, and the drivers of its conductors. */
  services: Pick<ServiceRegistry, 'list' | 'drivers'>;
  events: EventStore;
  feed: EventFeed;
  operations: OperationStore;
  dispatcher: Dispatcher;
  bus: Bus;
  /** Answers whose token it is, from its memory or from Keystone. */
  tokens: { validate(token: string): Promise<TokenInfo> };
  /** What requests with an Idempotency-Key are known again by. */
  fingerprints: Fingerprints;
  config: AppConfig;
  logger: Logger;
  metrics: Metrics;
  /** What `/readyz` answers. */
  readiness: () => Promise<Readiness>;
}
