import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HeatClient, outputsOf, type Stack, type StackResource } from '@cetus/openstack/heat';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { acceptOperation, newObject } from '@cetus/shared/operations';
import { settle } from '@cetus/shared/reconcile';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import type {
  ClusterSpec,
  ClusterStatus,
  NodeGroupSpec,
  OperationPart,
  Requested,
  StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import type { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { startSimCloud } from '@cetus/simcloud/sim-cloud';
import { ClusterReconciler } from '../../../../src/cluster/cluster-reconciler.ts';
import { DriverRegistry } from '../../../../src/cluster/driver-registry.ts';
import { HeatDriver, type HeatDriverOptions } from '../../../../src/cluster/drivers/heat/driver.ts';
import type { HotTemplate } from '../../../../src/cluster/drivers/heat/hot.ts';
import { PollBudget } from '../../../../src/cluster/drivers/openstack/poll-budget.ts';
import { stackName } from '../../../../src/cluster/drivers/openstack/stack-name.ts';
import { storedCluster } from '../../stored-cluster.ts';

type Behaviour = Partial<Record<'create' | 'update' | 'delete', { wait_secs?: number; fail?: string }>>;

interface Cloud {
  authUrl: string;
  /** How resources of a name behave from now on; null: as always again. */
  behave(resource: string, behaviour: Behaviour | null): Promise<void>;
  close(): Promise<void>;
  /** The clusters of stacks, by the stack's id; a real Heat has none. */
  kubernetes?: KubernetesHost;
}

/** A cloud that the driver is tried on: the simulated one always, a real Heat when an address is given. */
interface Target {
  name: string;
  start(): Promise<Cloud>;
}

const LAB_URL = process.env.CETUS_LAB_KEYSTONE_URL;
const LAB_DIR = process.env.CETUS_LAB_DIR ?? join(homedir(), '.cache/cetus/lab/openstack');
const CONTROL_FILE = process.env.CETUS_LAB_HEAT_CONTROL ?? join(LAB_DIR, 'heat-control.json');

export const targets: Target[] = [
  { name: 'the simulated cloud', start: startSimulated },
  ...(LAB_URL === undefined
    ? []
    : [
        {
          name: 'a real Heat',
          start: () =>
            Promise.resolve({ authUrl: LAB_URL, behave: behaveInLab, close: () => Promise.resolve() }),
        },
      ]),
];

async function startSimulated(): Promise<Cloud> {
  const sim = await startSimCloud({
    resourceSeconds: { '*': 0.01 },
    kubernetesSeconds: { nodeUpgrade: 0.1, podStart: 0.01, podStop: 0.01 },
  });
  return {
    authUrl: sim.keystoneUrl,
    behave: (resource, behaviour) => {
      sim.control.set({ resources: behaviour === null ? {} : { [`name:${resource}`]: behaviour } });
      return Promise.resolve();
    },
    close: () => sim.close(),
    kubernetes: sim.kubernetes,
  };
}

/** The lab's file is shared with others: only one key is changed, and Heat, which reads it at every action, never sees half of it. */
async function behaveInLab(resource: string, behaviour: Behaviour | null): Promise<void> {
  const plans = JSON.parse(await readFile(CONTROL_FILE, 'utf8')) as Record<string, Behaviour>;
  const { [`name:${resource}`]: _, ...others } = plans;
  const next = behaviour === null ? others : { ...others, [`name:${resource}`]: behaviour };
  await writeFile(`${CONTROL_FILE}.new`, JSON.stringify(next));
  await rename(`${CONTROL_FILE}.new`, CONTROL_FILE);
}

/** The heat driver on a cloud, and one cluster, which is reconciled here as the conductor would. */
export class DriverBench {
  driver: HeatDriver;
  readonly cloud: Cloud;
  cluster: StoredCluster;
  private readonly heat: HeatClient;
  private readonly session: KeystoneSession;
  private reconciler: ClusterReconciler;
  private readonly secrets = new SecretBox(KeyRing.parse(`test:${randomBytes(32).toString('base64')}`));

  private constructor(cloud: Cloud, session: KeystoneSession, projectId: string, userId: string) {
    this.cloud = cloud;
    this.session = session;
    this.heat = new HeatClient(session.forProject(projectId));
    this.driver = this.newDriver();
    this.reconciler = reconcilerOf(this.driver);
    this.cluster = newCluster(projectId, userId);
  }

  static async start(target: Target): Promise<DriverBench> {
    const cloud = await target.start();
    const password = process.env.CETUS_LAB_PASSWORD ?? 'devpw';
    const sessionOf = (username: string, projectName: string): KeystoneSession =>
      new KeystoneSession({
        authUrl: cloud.authUrl,
        credentials: { type: 'password', username, password, projectName },
        grantRoles: ['member', 'heat_stack_owner'],
      });
    const demo = sessionOf('demo', 'demo');
    const { projectId = '', userId } = await demo.identity();
    await demo.close();
    return new DriverBench(cloud, sessionOf('cetus', 'service'), projectId, userId);
  }

  private newDriver(upgrade: HeatDriverOptions['upgrade'] = {}): HeatDriver {
    return new HeatDriver({
      session: this.session,
      secrets: this.secrets,
      polls: new PollBudget(100, 20),
      site: { kubeTag: 'v1.33.2', waitForBootstrap: false, bootstrapTimeoutSeconds: 60 },
      upgrade: { lookAgainMs: 20, ...upgrade },
    });
  }

  /** Another conductor takes the place of the one before. */
  replaceConductor(upgrade?: HeatDriverOptions['upgrade']): void {
    this.driver = this.newDriver(upgrade);
    this.reconciler = reconcilerOf(this.driver);
  }

  /** Another cluster, from its beginning. */
  renew(): void {
    this.cluster = newCluster(this.cluster.project_id, this.cluster.user_id);
  }

  /** Removes the stack. */
  async clear(): Promise<void> {
    await this.heat.deleteStack(stackName(this.cluster._id));
  }

  async close(): Promise<void> {
    await this.session.close();
    await this.cloud.close();
  }

  /** Asks for something, as the API would. */
  accept(
    requested: Exclude<Requested, 'create' | 'import'>,
    change: (spec: ClusterSpec) => ClusterSpec = (spec) => spec,
    options: { parts?: OperationPart[]; rollbackOnFailure?: boolean } = {},
  ): void {
    this.cluster = acceptOperation(this.cluster, {
      kind: CLUSTER,
      caller: { userId: this.cluster.user_id, projectId: this.cluster.project_id, requestId: 'req-1' },
      requested,
      spec: change(this.cluster.spec),
      deadlineMs: 120_000,
      ...options,
    });
  }

  /** One round of the conductor. @returns how long to wait for the next one, in milliseconds */
  async round(): Promise<number> {
    const handled = this.cluster;
    const context = { signal: AbortSignal.timeout(60_000), deadlineExceeded: false };
    const outcome = await this.reconciler.reconcile(handled, context);
    const kind = { name: CLUSTER.name, path: CLUSTER.name };
    const now = new Date();
    const {
      status = handled.status,
      operation = null,
      events,
    } = settle(this.cluster, handled, outcome, {
      kind,
      now,
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

function reconcilerOf(driver: HeatDriver): ClusterReconciler {
  return new ClusterReconciler(new DriverRegistry([driver]), { run: () => Promise.resolve(null) });
}

function newCluster(projectId: string, userId: string): StoredCluster {
  const made = newObject<ClusterSpec, ClusterStatus>({
    kind: CLUSTER,
    caller: { userId, projectId, requestId: 'req-1' },
    name: 'driver-test',
    spec: {
      cluster_template_id: 't1',
      driver: 'heat',
      coe: 'kubernetes',
      image_id: 'ubuntu-22.04',
      keypair: null,
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
      floating_ip_enabled: false,
      master_lb_enabled: false,
      labels: {},
      labels_requested: null,
      merge_labels: false,
      template_labels: {},
      node_groups: [
        nodeGroup('default-master', { role: 'master', is_default: true, node_count: 1 }),
        nodeGroup('default-worker', { is_default: true, node_count: 2 }),
      ],
      max_batch_size: 1,
      ca_rotations: 0,
      imported: null,
      create_timeout: 5,
      discovery_url: null,
    },
    status: storedCluster().status,
    deadlineMs: 120_000,
  });
  return { ...made, health: null, follow: null };
}

/** A node group that the API could have written. */
export function nodeGroup(name: string, overrides: Partial<NodeGroupSpec> = {}): NodeGroupSpec {
  return {
    uuid: crypto.randomUUID(),
    name,
    role: 'worker',
    is_default: false,
    node_count: 1,
    min_node_count: 0,
    max_node_count: null,
    cluster_template_id: 't1',
    image_id: 'ubuntu-22.04',
    flavor_id: 'm1.small',
    docker_volume_size: null,
    labels: {},
    labels_requested: null,
    merge_labels: false,
    node_labels: {},
    node_taints: [],
    nodes_to_remove: [],
    deleted: false,
    created_at: new Date(),
    updated_at: null,
    ...overrides,
  };
}

/** What the API adds to an operation on a node group. */
export function partOf({ uuid, name }: NodeGroupSpec, action: OperationPart['action']): OperationPart {
  return { kind: 'nodegroup', uuid, name, action };
}
