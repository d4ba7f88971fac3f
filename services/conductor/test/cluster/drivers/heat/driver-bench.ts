import assert from 'node:assert/strict';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { HeatClient, outputsOf, type Stack, type StackResource } from '@cetus/openstack/heat';
import type { SimCluster } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { waitFor } from '@cetus/test-kit';
import { HeatDriver, type HeatDriverOptions } from '../../../../src/cluster/drivers/heat/driver.ts';
import type { HotTemplate } from '../../../../src/cluster/drivers/heat/hot.ts';
import { issueAdminCertificate } from '../../../../src/cluster/drivers/heat/pki.ts';
import { PollBudget } from '../../../../src/cluster/drivers/openstack/poll-budget.ts';
import { stackName } from '../../../../src/cluster/drivers/openstack/stack-name.ts';
import { createKubeconfig } from '../../../../src/cluster/kubeconfig/create-kubeconfig.ts';
import { signIn, type Accounts, type Cloud, type Target } from '../openstack/clouds.ts';
import { ClusterBench } from '../openstack/cluster-bench.ts';
import { newCluster, nodeGroup } from '../openstack/new-cluster.ts';

/** Times of a driver other than those of tests. */
type Times = Pick<HeatDriverOptions, 'upgrade' | 'removal'>;

/** The heat driver on a cloud, and one cluster, which is reconciled here as the conductor would. */
export class DriverBench extends ClusterBench<HeatDriver> {
  private readonly heat: HeatClient;

  private constructor(cloud: Cloud, accounts: Accounts) {
    super(cloud, accounts);
    this.heat = new HeatClient(accounts.service.forProject(accounts.projectId));
    this.replaceConductor();
    this.renew();
  }

  static async start(target: Target): Promise<DriverBench> {
    const cloud = await target.start();
    return new DriverBench(cloud, await signIn(cloud));
  }

  private newDriver({ upgrade, removal }: Times = {}): HeatDriver {
    return new HeatDriver({
      session: this.accounts.service,
      secrets: this.secrets,
      polls: new PollBudget(100, 20),
      site: { kubeTag: 'v1.33.2', waitForBootstrap: false, bootstrapTimeoutSeconds: 60 },
      upgrade: { lookAgainMs: 20, ...upgrade },
      removal: { lookAgainMs: 20, ...removal },
    });
  }

  /** Another conductor takes the place of the one before. */
  replaceConductor(times?: Times): void {
    this.use(this.newDriver(times));
  }

  /** Another cluster, from its beginning. */
  renew(): void {
    this.cluster = newCluster(this.accounts, {
      driver: 'heat',
      image_id: 'ubuntu-22.04',
      node_groups: [
        nodeGroup('default-master', { role: 'master', is_default: true, node_count: 1 }),
        nodeGroup('default-worker', { is_default: true, node_count: 2 }),
      ],
    });
  }

  /** The cluster's own Kubernetes, when so many nodes are in it, and its administrator's connection to it. */
  async kubernetes(nodes: number): Promise<{ sim: SimCluster; admin: KubernetesConnection }> {
    const sim = await waitFor(() => {
      const found = this.cloud.kubernetes?.get(this.cluster.status.stack_id ?? '');
      return found?.spec.nodes.length === nodes ? found : undefined;
    });
    const { authority } = sim.spec;
    const client = issueAdminCertificate(authority);
    const server = sim.url;
    const caCertificate = authority.certificate;
    const kubeconfig = createKubeconfig({ clusterName: 'c', server, caCertificate, client });
    return { sim, admin: KubernetesConnection.fromKubeconfig(kubeconfig) };
  }

  /** Removes the stack. */
  async clear(): Promise<void> {
    await this.heat.deleteStack(stackName(this.cluster._id));
  }

  /** Rounds until Heat works. */
  async begun(): Promise<void> {
    do await this.round();
    while (!(await this.stack()).stack_status.endsWith('_IN_PROGRESS'));
  }

  async stack(): Promise<Stack> {
    const stack = await this.heat.getStack(stackName(this.cluster._id));
    assert.ok(stack !== null);
    return stack;
  }

  async output(key: string): Promise<string[]> {
    return outputsOf(await this.stack())[key] as string[];
  }

  /** Resources of the stack itself by name: their ids and when they were last changed. Groups of workers are left out. */
  async fixed(): Promise<Record<string, string>> {
    const resources = await this.heat.listResources(stackName(this.cluster._id));
    const others = resources.filter(({ resource_type }) => resource_type !== 'OS::Heat::ResourceGroup');
    return Object.fromEntries(
      others.map((one) => [one.resource_name, `${one.physical_resource_id} ${one.updated_time}`]),
    );
  }

  /** The user data, as Heat has it in the stack's template, of a group of workers. */
  async definition(group: string): Promise<{ template: string }> {
    const { resources } = (await this.heat.getTemplate(stackName(this.cluster._id))) as HotTemplate;
    const definition = resources[group]?.properties?.['resource_def'] as {
      properties: { user_data: { str_replace: { template: string } } };
    };
    return definition.properties.user_data.str_replace;
  }

  resources(): Promise<StackResource[]> {
    return this.heat.listResources(stackName(this.cluster._id), { nestedDepth: 3 });
  }
}
