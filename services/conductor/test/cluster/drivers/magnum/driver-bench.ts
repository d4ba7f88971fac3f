import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HeatClient } from '@cetus/openstack/heat';
import {
  MagnumClient,
  type MagnumClusterSummary,
  type MagnumPlace,
  type MagnumTemplate,
} from '@cetus/openstack/magnum';
import type { ClusterSpec, NodeGroupSpec, NodeGroupStatus } from '@cetus/shared/schemas';
import { MagnumDriver } from '../../../../src/cluster/drivers/magnum/driver.ts';
import { clusterName } from '../../../../src/cluster/drivers/magnum/find-cluster.ts';
import { PollBudget } from '../../../../src/cluster/drivers/openstack/poll-budget.ts';
import { openKubeconfig } from '../../../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { signIn, type Accounts, type Cloud, type Target } from '../openstack/clouds.ts';
import { ClusterBench } from '../openstack/cluster-bench.ts';
import { newCluster, nodeGroup } from '../openstack/new-cluster.ts';

const KUBE_TAG = 'v1.23.3';
const IMAGE = 'fedora-coreos-37';

/** The magnum driver on a cloud, and one cluster, which is reconciled here as the conductor would. */
export class MagnumDriverBench extends ClusterBench<MagnumDriver> {
  /** Magnum as the service user sees it in the tenant's project. */
  readonly magnum: MagnumClient;
  readonly heat: HeatClient;
  private readonly place: MagnumPlace;

  private constructor(cloud: Cloud, accounts: Accounts, place: MagnumPlace) {
    super(cloud, accounts);
    const project = accounts.service.forProject(accounts.projectId);
    this.place = place;
    this.magnum = new MagnumClient(project, place);
    this.heat = new HeatClient(project);
    this.restart();
    this.renew();
  }

  static async start(target: Target): Promise<MagnumDriverBench> {
    const cloud = await target.start();
    const accounts = await signIn(cloud);
    const { service } = accounts;
    // Its own entry in the catalog comes first: `container-infra` may be Cetus.
    const url = await service
      .endpoint('container-infra-backend')
      .catch(() => service.endpoint('container-infra'));
    return new MagnumDriverBench(cloud, accounts, { url });
  }

  /** A driver that knows nothing but what is in the cluster's document. */
  restart(): void {
    const { accounts, secrets, place } = this;
    const polls = new PollBudget(100, 20);
    this.use(new MagnumDriver({ session: accounts.service, secrets, polls, place }));
  }

  /** A round after which the process dies: what it found and did is not written. */
  async crash(): Promise<void> {
    await this.round({ lost: true });
    this.restart();
  }

  /** Another cluster, from its beginning. */
  renew(change: (spec: ClusterSpec) => ClusterSpec = (spec) => spec): void {
    const labels = { kube_tag: KUBE_TAG, boot_volume_size: '0', test: randomBytes(6).toString('hex') };
    const group = { labels, image_id: IMAGE, is_default: true };
    const made = newCluster(this.accounts, {
      driver: 'magnum',
      image_id: IMAGE,
      keypair: 'testkey',
      floating_ip_enabled: true,
      labels,
      node_groups: [
        nodeGroup('default-master', { ...group, role: 'master' }),
        nodeGroup('default-worker', { ...group, node_count: 2 }),
      ],
    });
    this.cluster = { ...made, spec: change(made.spec) };
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
