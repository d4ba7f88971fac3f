import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { hexId } from '../ids.ts';
import { makeAuthorities } from './authorities.ts';
import type { Cast } from './casts.ts';
import { conflict, MagnumError } from './errors.ts';
import type { ClusterApis } from './kubernetes.ts';
import type {
  ClusterFamily,
  ClusterRecord,
  HealthStatus,
  NodeGroupRecord,
  TemplateRecord,
} from './records.ts';
import type { StackParameters } from './stack-template.ts';
import type { ClusterStacks } from './stacks.ts';
import { mayChange, mayResize, requireComplete } from './states.ts';
import { BETWEEN_ROWS_MS, defaultGroup, type MagnumStore } from './store.ts';

/** What the handlers work with. */
export interface HandlerParts {
  store: MagnumStore;
  stacks: ClusterStacks;
  apis: ClusterApis;
}

type Message<T extends Cast['do']> = Extract<Cast, { do: T }>;

/** A request to work with other versions. */
export interface Upgrade {
  template: TemplateRecord;
  group: NodeGroupRecord;
  maxBatchSize: number;
}

/** What Magnum's conductor does for each message, and for the calls that the API waits for. */
export class Handlers {
  readonly #parts: HandlerParts;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Does what a message asks; what the state does not allow is dropped, as nobody waits for the answer. */
  async handle(cast: Cast): Promise<void> {
    const family = this.#parts.store.families.get(cast.uuid);
    if (cast.do === 'create') return this.#create(cast);
    if (family === undefined) return;
    switch (cast.do) {
      case 'build':
        return this.#build(family);
      case 'update':
        return this.#update(family, cast);
      case 'resize':
        return this.#resize(family, cast);
      case 'delete':
        return this.#delete(family);
      case 'createGroup':
        return this.#createGroup(family, cast.group);
      case 'updateGroup':
        return this.#updateGroup(family, cast);
      case 'deleteGroup':
        return this.#deleteGroup(family, cast.group);
    }
  }

  /** @throws MagnumError 400 in a state that does not allow it; 409 for a template without versions. */
  async upgrade(family: ClusterFamily, { template, group, maxBatchSize }: Upgrade): Promise<void> {
    const { cluster } = family;
    requireComplete('Upgrading', cluster.status);
    const labels = template.labels ?? {};
    const { kube_tag: kubeTag } = labels;
    try {
      refuseDowngrade(group.labels['kube_tag'], kubeTag);
      if (!['kube_tag', 'ostree_remote', 'ostree_commit'].some((name) => name in labels)) {
        throw conflict(
          `Cluster Template is not valid for upgrade: Cluster template ${String(template.name)} does not contain ` +
            'any supported upgrade labels: [kube_tag, ostree_remote, ostree_commit]',
        );
      }
    } catch (error) {
      // Magnum notes its own refusal as a failed update.
      const reason = error instanceof MagnumError ? error.message : String(error);
      Object.assign(cluster, { status: 'UPDATE_FAILED', status_reason: reason });
      Object.assign(group, { status: 'UPDATE_FAILED', status_reason: reason });
      await this.#save(family);
      throw error;
    }
    const groups = group.is_default ? family.nodegroups.filter((one) => one.is_default) : [group];
    for (const one of groups)
      one.labels = { ...one.labels, ...(kubeTag === undefined ? {} : { kube_tag: kubeTag }) };
    if (group.is_default) {
      cluster.cluster_template_id = template.uuid;
      cluster.labels = { ...group.labels };
    }
    // All tags at once: the masters go with the workers, whichever group was named.
    const tags =
      kubeTag === undefined
        ? {}
        : { kube_tag: kubeTag, kube_version: kubeTag, master_kube_tag: kubeTag, minion_kube_tag: kubeTag };
    group.status = 'UPDATE_IN_PROGRESS';
    await this.#updateStack(family, group, { ...tags, update_max_batch_size: maxBatchSize });
  }

  /** Makes new authorities at once; the nodes get them with an update of the stack. @throws MagnumError 400 */
  async rotate(family: ClusterFamily): Promise<void> {
    const { cluster } = family;
    requireComplete('Updating', cluster.status);
    family.authorities = makeAuthorities(cluster.name);
    const master = defaultGroup(family, 'master');
    await this.#updateStack(family, master, { kube_service_account_key: randomUUID() });
  }

  /** The rows come first; the stack is begun by the next message. */
  async #create({ family, masterCount, nodeCount }: Message<'create'>): Promise<void> {
    const { cluster } = family;
    const { store } = this.#parts;
    // Handled before, if not to the end.
    if ((store.families.get(cluster.uuid)?.nodegroups.length ?? 0) > 0) return;
    const now = Date.now();
    cluster.id = store.nextId();
    cluster.created_at = now;
    await store.saveFamily(family);
    await delay(BETWEEN_ROWS_MS);
    family.nodegroups = (['master', 'worker'] as const).map((role) => ({
      id: store.nextId(),
      uuid: randomUUID(),
      name: `default-${role}`,
      cluster_id: cluster.uuid,
      project_id: cluster.project_id,
      docker_volume_size: cluster.docker_volume_size,
      labels: cluster.labels,
      flavor_id: role === 'master' ? cluster.master_flavor_id : cluster.flavor_id,
      image_id: this.#template(cluster)?.image_id ?? null,
      node_addresses: [],
      node_count: role === 'master' ? masterCount : nodeCount,
      role,
      min_node_count: Number(cluster.labels['min_node_count'] ?? 0) || 0,
      max_node_count: null,
      is_default: true,
      stack_id: null,
      status: 'CREATE_IN_PROGRESS',
      status_reason: null,
      version: null,
      created_at: now,
      updated_at: null,
    }));
    await store.saveFamily(family);
  }

  async #build(family: ClusterFamily): Promise<void> {
    const { cluster } = family;
    if (cluster.stack_id !== null || cluster.status !== 'CREATE_IN_PROGRESS') return;
    family.authorities = makeAuthorities(cluster.name);
    family.served = family.authorities.kubernetes;
    cluster.discovery_url = `https://discovery.etcd.io/${hexId()}`;
    cluster.stack_id = await this.#parts.stacks.create(family, cluster.user_id);
    for (const group of family.nodegroups) group.stack_id = cluster.stack_id;
    await this.#save(family);
  }

  async #update(
    family: ClusterFamily,
    { status, nodeCount, health, rollback }: Message<'update'>,
  ): Promise<void> {
    if (!mayChange(status)) return;
    const { cluster } = family;
    cluster.health_status = health.status as HealthStatus | null;
    cluster.health_status_reason = health.reason;
    const worker = defaultGroup(family, 'worker');
    if (worker.node_count === nodeCount) return this.#save(family);
    worker.node_count = nodeCount;
    return this.#updateStack(family, worker, { number_of_minions: nodeCount }, rollback);
  }

  async #resize(family: ClusterFamily, message: Message<'resize'>): Promise<void> {
    const group = family.nodegroups.find(({ uuid }) => uuid === message.group);
    if (!mayResize(message.status) || group === undefined) return;
    group.node_count = message.nodeCount;
    group.status = 'UPDATE_IN_PROGRESS';
    await this.#updateStack(family, group, {
      number_of_minions: message.nodeCount,
      ...(message.nodesToRemove.length > 0 ? { minions_to_remove: message.nodesToRemove } : {}),
    });
  }

  async #delete(family: ClusterFamily): Promise<void> {
    const { cluster } = family;
    for (const group of family.nodegroups) {
      group.status = 'DELETE_IN_PROGRESS';
      if (!group.is_default) await this.#parts.stacks.delete(group.stack_id);
    }
    const isThere = await this.#parts.stacks.delete(cluster.stack_id);
    await this.#parts.apis.remove(cluster.uuid);
    if (!isThere) {
      await this.#parts.store.removeFamily(family);
      return;
    }
    cluster.status = 'DELETE_IN_PROGRESS';
    cluster.status_reason = null;
    await this.#save(family);
  }

  async #createGroup(family: ClusterFamily, row: NodeGroupRecord): Promise<void> {
    if (family.nodegroups.some(({ uuid, name }) => uuid === row.uuid || name === row.name)) return;
    const group = { ...row, id: this.#parts.store.nextId(), created_at: Date.now() };
    group.status = 'CREATE_IN_PROGRESS';
    family.nodegroups.push(group);
    group.stack_id = await this.#parts.stacks.create(family, family.cluster.user_id, group);
    this.#beginUpdate(family.cluster);
    await this.#save(family);
  }

  async #updateGroup(
    family: ClusterFamily,
    { group: uuid, min, max }: Message<'updateGroup'>,
  ): Promise<void> {
    const group = family.nodegroups.find((one) => one.uuid === uuid);
    if (group === undefined || !mayResize(group.status)) return;
    group.min_node_count = min;
    group.max_node_count = max;
    group.status = 'UPDATE_IN_PROGRESS';
    this.#beginUpdate(family.cluster);
    await this.#save(family);
  }

  async #deleteGroup(family: ClusterFamily, uuid: string): Promise<void> {
    const group = family.nodegroups.find((one) => one.uuid === uuid);
    if (group === undefined) return;
    const isThere = await this.#parts.stacks.delete(group.stack_id);
    // The group keeps its state until the next look at its stack.
    if (!isThere) family.nodegroups.splice(family.nodegroups.indexOf(group), 1);
    this.#beginUpdate(family.cluster);
    await this.#save(family);
  }

  /** Begins an update of a group's stack; the update has failed when somebody has deleted the stack. */
  async #updateStack(
    family: ClusterFamily,
    group: NodeGroupRecord,
    parameters: Partial<StackParameters>,
    rollback = false,
  ): Promise<void> {
    const { cluster } = family;
    this.#beginUpdate(cluster);
    if (!(await this.#parts.stacks.update(group.stack_id, parameters, rollback))) {
      const failure = {
        status: 'UPDATE_FAILED',
        status_reason: `ERROR: The Stack (${String(group.stack_id)}) could not be found.`,
      };
      Object.assign(cluster, failure);
      Object.assign(group, failure);
    }
    await this.#save(family);
  }

  #beginUpdate(cluster: ClusterRecord): void {
    cluster.status = 'UPDATE_IN_PROGRESS';
    cluster.status_reason = null;
  }

  async #save(family: ClusterFamily): Promise<void> {
    family.cluster.updated_at = Date.now();
    await this.#parts.store.saveFamily(family);
  }

  #template(cluster: ClusterRecord): TemplateRecord | undefined {
    return this.#parts.store.templates.get(cluster.cluster_template_id);
  }
}

/** Only plain versions are compared: a tag as `v1.23.3-rancher1` may be followed by a lower one. @throws MagnumError 400 */
function refuseDowngrade(current: string | undefined, wanted: string | undefined): void {
  const parse = (tag: string | undefined): number[] | undefined =>
    tag !== undefined && /^v*\d+(\.\d+){0,2}$/i.test(tag)
      ? tag.replace(/^v+/i, '').split('.').map(Number)
      : undefined;
  const [from, to] = [parse(current), parse(wanted)];
  if (from === undefined || to === undefined) return;
  const at = [0, 1, 2].find((index) => (from[index] ?? 0) !== (to[index] ?? 0));
  if (at !== undefined && (to[at] ?? 0) < (from[at] ?? 0)) {
    throw new MagnumError(400, 'Received invalid tag for kube_tag.');
  }
}
