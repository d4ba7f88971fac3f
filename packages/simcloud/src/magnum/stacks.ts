import { randomInt, randomUUID } from 'node:crypto';
import type { HeatEngine } from '../heat/engine.ts';
import { goalOf } from '../heat/goal.ts';
import { membersOf } from '../heat/group.ts';
import { outputValue } from '../heat/scope.ts';
import type { StackStore } from '../heat/store.ts';
import { statusOf, type Definition, type ResourceRecord, type StackRecord } from '../heat/types.ts';
import { shortId } from '../ids.ts';
import type { SwitchBoard } from '../switches.ts';
import type { ClusterFamily, ClusterRecord, NodeGroupRecord } from './records.ts';
import { DEFAULT_KUBE_TAG, stackTemplate, type StackParameters } from './stack-template.ts';
import { defaultGroup } from './store.ts';

/** A server that is there. */
export interface Server {
  name: string;
  address: string;
  kubeTag: string;
  /** False while something is done with it. */
  settled: boolean;
}

/** What a stack says of a node group. */
export interface StackReport {
  status: string;
  reason: string;
  apiAddress: string | null;
  masterAddresses: string[];
  nodeAddresses: string[];
  kubeTag: string;
}

const MOST_NAMED = { cluster: 30, clusterOfGroup: 20, group: 9 };

/** The stacks of clusters and node groups in the simulated Heat. */
export class ClusterStacks {
  readonly #store: StackStore;
  readonly #engine: HeatEngine;
  readonly #switches: SwitchBoard;

  constructor(store: StackStore, engine: HeatEngine, switches: SwitchBoard) {
    this.#store = store;
    this.#engine = engine;
    this.#switches = switches;
  }

  /** Starts the stack of a cluster, or of a group that is added to it. @returns its id. */
  async create(family: ClusterFamily, owner: string, group?: NodeGroupRecord): Promise<string> {
    const { cluster } = family;
    const definition: Definition = {
      template: stackTemplate(group === undefined),
      parameters: { ...parametersOf(family, group) },
      environment: {},
      files: {},
    };
    goalOf(definition);
    const stack = this.#engine.create({
      name: stackName(cluster, group),
      projectId: cluster.project_id,
      owner,
      tags: [],
      timeoutMins: cluster.create_timeout === 0 ? 60 : cluster.create_timeout,
      disableRollback: true,
      definition,
    });
    await this.#store.save(stack);
    return stack.id;
  }

  /** Starts an update with other values of some parameters. @returns false when there is no such stack any more. */
  async update(
    stackId: string | null,
    parameters: Partial<StackParameters>,
    rollback = false,
  ): Promise<boolean> {
    const stack = this.#living(stackId);
    if (stack === undefined) return false;
    const definition = { ...stack.definition, parameters: { ...stack.definition.parameters, ...parameters } };
    goalOf(definition);
    stack.disableRollback = !rollback;
    this.#engine.update(stack, definition);
    await this.#store.save(stack);
    return true;
  }

  /** Starts the deletion. @returns false when there is no such stack any more. */
  async delete(stackId: string | null): Promise<boolean> {
    const stack = this.#living(stackId);
    if (stack === undefined) return false;
    this.#engine.delete(stack);
    await this.#store.save(stack);
    return true;
  }

  /** What a stack has come to; undefined when Heat does not know it. */
  report(stackId: string, floatingIps: boolean): StackReport | undefined {
    const stack = this.#store.byId(stackId);
    if (stack === undefined) return undefined;
    const suffix = floatingIps ? '' : '_private';
    const isDeleted = stack.action === 'DELETE';
    const output = (key: string): unknown =>
      isDeleted ? null : outputValue(this.#store, this.#switches, stack, key);
    const list = (key: string): string[] =>
      ((output(key) ?? []) as (string | null)[]).filter((address) => address !== null);
    return {
      status: statusOf(stack),
      reason: stack.reason,
      apiAddress: (output('api_address') as string | null) ?? null,
      masterAddresses: list(`kube_masters${suffix}`),
      nodeAddresses: list(`kube_minions${suffix}`),
      kubeTag: String(stack.definition.parameters['kube_tag']),
    };
  }

  /** Servers of a group of a stack that have been made and are not being deleted. */
  servers(stackId: string, resource: 'kube_masters' | 'kube_minions'): Server[] {
    const stack = this.#store.byId(stackId);
    const group = stack?.resources.find((record) => record.name === resource && !record.obsolete);
    const nested = group?.nestedId == null ? undefined : this.#store.byId(group.nestedId);
    if (stack === undefined || nested === undefined) return [];
    const addresses = (outputValue(this.#store, this.#switches, stack, `${resource}_private`) ?? []) as (
      string | null
    )[];
    return membersOf(nested).flatMap((record, index) => {
      const address = addresses[index];
      const isThere =
        record.action !== 'DELETE' && !(record.action === 'CREATE' && record.status !== 'COMPLETE');
      return isThere && typeof address === 'string' ? [serverOf(record, address)] : [];
    });
  }

  #living(stackId: string | null): StackRecord | undefined {
    const stack = stackId === null ? undefined : this.#store.byId(stackId);
    return stack?.deletedAt === null ? stack : undefined;
  }
}

function serverOf(record: ResourceRecord, address: string): Server {
  const { name, metadata } = record.properties as { name: string; metadata: { kube_tag: string } };
  return { name, address, kubeTag: metadata.kube_tag, settled: record.status !== 'IN_PROGRESS' };
}

function parametersOf(family: ClusterFamily, group: NodeGroupRecord | undefined): StackParameters {
  const { cluster } = family;
  const nodes = group ?? defaultGroup(family, 'worker');
  const masters = defaultGroup(family, 'master');
  const kubeTag = nodes.labels['kube_tag'] ?? DEFAULT_KUBE_TAG;
  return {
    number_of_masters: group === undefined ? masters.node_count : 0,
    number_of_minions: nodes.node_count,
    minions_to_remove: [],
    master_flavor: masters.flavor_id ?? 'm1.small',
    minion_flavor: nodes.flavor_id ?? 'm1.small',
    master_image: masters.image_id ?? '',
    minion_image: nodes.image_id ?? '',
    ssh_key_name: cluster.keypair ?? '',
    fixed_network_name: cluster.fixed_network ?? cluster.name,
    api_address: freeAddress(),
    kube_tag: kubeTag,
    kube_version: kubeTag,
    master_kube_tag: kubeTag,
    minion_kube_tag: kubeTag,
    kube_service_account_key: randomUUID(),
    update_max_batch_size: 1,
    cluster_uuid: cluster.uuid,
    is_cluster_stack: group === undefined ? 'True' : 'False',
  };
}

/**
 * An address of this machine for a Kubernetes API. One of 8 million: clusters of other simulated clouds listen here too.
 */
function freeAddress(): string {
  return ['127', randomInt(31, 155), randomInt(0, 256), randomInt(1, 255)].join('.');
}

function stackName(cluster: ClusterRecord, group: NodeGroupRecord | undefined): string {
  const name =
    group === undefined
      ? cluster.name.slice(0, MOST_NAMED.cluster)
      : `${cluster.name.slice(0, MOST_NAMED.clusterOfGroup)}-${group.name.slice(0, MOST_NAMED.group)}`;
  return `${name.replace(/[_.]/g, '-').replace(/[^A-Za-z0-9-]/g, '')}-${shortId()}`.toLowerCase();
}
