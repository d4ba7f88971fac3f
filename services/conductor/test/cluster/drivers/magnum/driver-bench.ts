import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HeatClient } from '@cetus/openstack/heat';
import { KeystoneSession } from '@cetus/openstack/keystone';
import {
  MagnumClient,
  type MagnumClusterSummary,
  type MagnumPlace,
  type MagnumTemplate,
} from '@cetus/openstack/magnum';
import { acceptOperation, newObject } from '@cetus/shared/operations';
import { settle } from '@cetus/shared/reconcile';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import type {
  ClusterSpec,
  ClusterStatus,
  NodeGroupSpec,
  NodeGroupStatus,
  OperationPart,
  Requested,
  StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import { ClusterReconciler } from '../../../../src/cluster/cluster-reconciler.ts';
import { DriverRegistry } from '../../../../src/cluster/driver-registry.ts';
import { MagnumDriver } from '../../../../src/cluster/drivers/magnum/driver.ts';
import { clusterName } from '../../../../src/cluster/drivers/magnum/find-cluster.ts';
import { PollBudget } from '../../../../src/cluster/drivers/openstack/poll-budget.ts';
import { openKubeconfig } from '../../../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { storedCluster } from '../../stored-cluster.ts';
import { nodeGroup, type targets } from '../heat/driver-bench.ts';

type Target = (typeof targets)[number];

const PASSWORD = process.env.CETUS_LAB_PASSWORD ?? 'devpw';
const KUBE_TAG = 'v1.23.3';

/** The magnum driver on a cloud, and one cluster, which is reconciled here as the conductor would. */
export class MagnumDriverBench {
  readonly cloud: Awaited<ReturnType<Target['start']>>;
  readonly secrets = new SecretBox(KeyRing.parse(`test:${randomBytes(32).toString('base64')}`));
  /** Magnum as the service user sees it in the tenant's project. */
  readonly magnum: MagnumClient;
  readonly heat: HeatClient;
  driver!: MagnumDriver;
  cluster!: StoredCluster;
  private readonly session: KeystoneSession;
  private readonly projectId: string;
  private readonly userId: string;
  private readonly place: MagnumPlace;
  private reconciler!: ClusterReconciler;

  private constructor(
    cloud: MagnumDriverBench['cloud'],
    session: KeystoneSession,
    tenant: { projectId: string; userId: string; magnumUrl: string },
  ) {
    this.cloud = cloud;
    this.session = session;
    this.projectId = tenant.projectId;
    this.userId = tenant.userId;
    const project = session.forProject(tenant.projectId);
    this.place = { url: tenant.magnumUrl };
    this.magnum = new MagnumClient(project, this.place);
    this.heat = new HeatClient(project);
    this.restart();
    this.renew();
  }

  static async start(target: Target): Promise<MagnumDriverBench> {
    const cloud = await target.start();
    const sessionOf = (username: string, projectName: string): KeystoneSession =>
      new KeystoneSession({
        authUrl: cloud.authUrl,
        credentials: { type: 'password', username, password: PASSWORD, projectName },
        grantRoles: ['member', 'heat_stack_owner'],
      });
    const demo = sessionOf('demo', 'demo');
    const { projectId = '', userId } = await demo.identity();
    // Its own entry in the catalog comes first: `container-infra` may be Cetus.
    const magnumUrl = await demo
      .endpoint('container-infra-backend')
      .catch(() => demo.endpoint('container-infra'));
    await demo.close();
    return new MagnumDriverBench(cloud, sessionOf('cetus', 'service'), { projectId, userId, magnumUrl });
  }

  /** A driver that knows nothing but what is in the cluster's document. */
  restart(): void {
    this.driver = new MagnumDriver({
      session: this.session,
      secrets: this.secrets,
      polls: new PollBudget(100, 20),
      place: this.place,
    });
    this.reconciler = new ClusterReconciler(new DriverRegistry([this.driver]), {
      run: () => Promise.resolve(null),
    });
  }

  /** Another cluster, from its beginning. */
  renew(change: (spec: ClusterSpec) => ClusterSpec = (spec) => spec): void {
    this.cluster = newCluster(this.projectId, this.userId, change);
  }

  /** Removes what a test left. Magnum may stumble over a node group that goes away meanwhile, so it is told more than once. */
  async clear(): Promise<void> {
    for (let look = 0; ; look += 1) {
      const left = await this.clusters();
      if (left.length === 0) break;
      if (look % 50 === 0) for (const { uuid } of left) await this.magnum.deleteCluster(uuid);
      await delay(100);
    }
    for (const { uuid } of await this.templates()) await this.magnum.deleteTemplate(uuid);
  }

  async close(): Promise<void> {
    await this.session.close();
    await this.cloud.close();
  }

  /** Asks for something, as the API would. */
  accept(
    requested: Exclude<Requested, 'create' | 'import'>,
    change: (spec: ClusterSpec) => ClusterSpec = (spec) => spec,
    parts: OperationPart[] = [],
  ): void {
    this.cluster = acceptOperation(this.cluster, {
      kind: CLUSTER,
      caller: { userId: this.userId, projectId: this.projectId, requestId: 'req-1' },
      requested,
      spec: change(this.cluster.spec),
      deadlineMs: 240_000,
      ...(parts.length === 0 ? {} : { parts }),
    });
  }

  /**
   * One round of the conductor.
   * @param options.crash true: what the round found and did is not written, and the process is another one
   * @param options.deadlineExceeded true: the operation's time is over
   * @returns how long to wait for the next one, in milliseconds
   */
  async round(options: { crash?: boolean; deadlineExceeded?: boolean } = {}): Promise<number> {
    const handled = this.cluster;
    const deadlineExceeded = options.deadlineExceeded ?? false;
    const context = { signal: AbortSignal.timeout(60_000), deadlineExceeded };
    const outcome = await this.reconciler.reconcile(handled, context);
    if (options.crash === true) {
      this.restart();
      return 0;
    }
    const {
      status = handled.status,
      operation = null,
      events,
    } = settle(this.cluster, handled, outcome, {
      kind: { name: CLUSTER.name, path: CLUSTER.name },
      now: new Date(),
      resyncMs: 0,
      attempts: 0,
    });
    this.cluster = { ...this.cluster, status, operation, sequence: this.cluster.sequence + events.length };
    return outcome.wakeUpAfterMs ?? 0;
  }

  /** Rounds until nothing that was asked for goes on any more. @returns the cluster's state */
  async settled(): Promise<string> {
    while (this.cluster.operation?.state === 'IN_PROGRESS') await delay(await this.round());
    return this.cluster.status.state;
  }

  kubeconfig(): string {
    return openKubeconfig(this.secrets, this.cluster);
  }

  statusOf({ uuid }: NodeGroupSpec): NodeGroupStatus | undefined {
    return this.cluster.status.node_groups.find((group) => group.uuid === uuid);
  }

  /** What Magnum has of this cluster; more than one would be a mistake. */
  async clusters(): Promise<MagnumClusterSummary[]> {
    const found: MagnumClusterSummary[] = [];
    for await (const page of this.magnum.listClusters())
      found.push(...page.filter(({ name }) => name === clusterName(this.cluster._id)));
    return found;
  }

  /** The templates that were made for clusters of this one's labels, which no other test's has. */
  async templates(): Promise<MagnumTemplate[]> {
    const found: MagnumTemplate[] = [];
    for await (const page of this.magnum.listTemplates())
      found.push(...page.filter(({ labels }) => labels['test'] === this.cluster.spec.labels['test']));
    return found;
  }
}

function newCluster(
  projectId: string,
  userId: string,
  change: (spec: ClusterSpec) => ClusterSpec,
): StoredCluster {
  const labels = { kube_tag: KUBE_TAG, boot_volume_size: '0', test: randomBytes(6).toString('hex') };
  const group = { labels, image_id: 'fedora-coreos-37', is_default: true };
  const spec: ClusterSpec = {
    cluster_template_id: 't1',
    driver: 'magnum',
    coe: 'kubernetes',
    image_id: 'fedora-coreos-37',
    keypair: 'testkey',
    external_network_id: 'public',
    fixed_network: null,
    fixed_subnet: null,
    network_driver: 'flannel',
    dns_nameserver: '8.8.8.8',
    docker_volume_size: null,
    apiserver_port: null,
    http_proxy: null,
    https_proxy: null,
    no_proxy: null,
    insecure_registry: null,
    floating_ip_enabled: true,
    master_lb_enabled: false,
    labels,
    labels_requested: null,
    merge_labels: false,
    template_labels: {},
    node_groups: [
      nodeGroup('default-master', { ...group, role: 'master' }),
      nodeGroup('default-worker', { ...group, node_count: 2 }),
    ],
    max_batch_size: 1,
    ca_rotations: 0,
    imported: null,
    create_timeout: 5,
    discovery_url: null,
  };
  const made = newObject<ClusterSpec, ClusterStatus>({
    kind: CLUSTER,
    caller: { userId, projectId, requestId: 'req-1' },
    name: 'driver-test',
    spec: change(spec),
    status: storedCluster().status,
    deadlineMs: 240_000,
  });
  return { ...made, health: null, follow: null };
}
