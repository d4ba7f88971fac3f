import { attributeOf, FLOATING_IP } from '../../heat/resource-types.ts';
import type { StackStore } from '../../heat/store.ts';
import type { ResourceRecord, StackRecord } from '../../heat/types.ts';
import type { Scheduler, Wakeup } from '../../scheduler.ts';
import { isSame } from '../objects.ts';
import type { KubernetesHost } from '../kubernetes-host.ts';
import type { SimClusterSpec, SimNode } from '../spec.ts';
import { machineOf, type Machine } from './machine.ts';

const SERVER = 'OS::Nova::Server';
/** Changes of a stack that come together are looked at once. */
const SETTLE_MS = 10;

interface Server {
  machine: Machine;
  record: ResourceRecord;
}

/**
 * Boots the servers of stacks: those whose user data starts kubeadm are the nodes of a Kubernetes cluster, whose id is
 * the stack's and whose API is at the stack's floating address, or where there is none at the API's private one.
 */
export class StackClusters {
  readonly #host: KubernetesHost;
  readonly #store: StackStore;
  readonly #scheduler: Scheduler;
  readonly #log: (message: string) => void;
  readonly #waiting = new Map<string, Wakeup>();
  readonly #applied = new Map<string, SimClusterSpec>();
  readonly #machines = new WeakMap<ResourceRecord, { userData: unknown; machine: Machine | undefined }>();

  constructor(parts: {
    host: KubernetesHost;
    store: StackStore;
    scheduler: Scheduler;
    log: (message: string) => void;
  }) {
    this.#host = parts.host;
    this.#store = parts.store;
    this.#scheduler = parts.scheduler;
    this.#log = parts.log;
    parts.store.onTouched((stack) => this.#lookSoon(stack.rootId));
  }

  /** Boots what a former run had booted; resolves when it is there. */
  async resume(): Promise<void> {
    const roots = this.#store.roots().filter(({ deletedAt }) => deletedAt === null);
    await Promise.all(roots.map(({ id }) => this.#lookAndTell(id)));
  }

  #lookSoon(id: string): void {
    if (this.#waiting.has(id)) return;
    const wakeup = this.#scheduler.at(Date.now() + SETTLE_MS, () => {
      this.#waiting.delete(id);
      // It tells of what goes wrong by itself.
      void this.#lookAndTell(id);
    });
    this.#waiting.set(id, wakeup);
  }

  async #lookAndTell(id: string): Promise<void> {
    try {
      await this.#look(id);
    } catch (error) {
      this.#log(`The Kubernetes cluster of stack ${id} could not be changed: ${String(error)}`);
    }
  }

  async #look(id: string): Promise<void> {
    const root = this.#store.byId(id);
    const servers = root === undefined ? [] : this.#servers(root);
    const isGone = root === undefined || root.deletedAt !== null || root.action === 'DELETE';
    const spec = root === undefined ? undefined : this.#specOf(root, servers);
    if (spec === undefined) {
      // A stack that has not come so far, or whose masters are all being replaced, is left as it is.
      if (!isGone) return;
      this.#applied.delete(id);
      await this.#host.remove(id);
    } else if (!isSame(this.#applied.get(id), spec)) {
      this.#applied.set(id, spec);
      try {
        await this.#host.apply(spec);
      } catch (error) {
        this.#applied.delete(id);
        throw error;
      }
    }
  }

  /** The servers that run, in the order in which they were made. */
  #servers(root: StackRecord): Server[] {
    return [root, ...this.#store.nestedOf(root)].flatMap((stack) =>
      stack.resources.flatMap((record) => {
        const runs =
          record.physicalId !== null &&
          (record.action === 'UPDATE' || (record.action === 'CREATE' && record.status === 'COMPLETE'));
        const machine = record.type === SERVER && runs ? this.#machine(record) : undefined;
        return machine === undefined ? [] : [{ machine, record }];
      }),
    );
  }

  /** User data is long, and read once for each server. */
  #machine(record: ResourceRecord): Machine | undefined {
    const userData = record.properties['user_data'];
    const known = this.#machines.get(record);
    if (known !== undefined && known.userData === userData) return known.machine;
    const machine = typeof userData === 'string' ? machineOf(userData) : undefined;
    this.#machines.set(record, { userData, machine });
    return machine;
  }

  #specOf(root: StackRecord, servers: Server[]): SimClusterSpec | undefined {
    const masters = servers.filter(({ machine }) => machine.role !== 'worker');
    // kubeadm joins nothing before there is a control plane.
    const first = masters.find(({ machine }) => machine.role === 'init');
    const key = first?.machine.authority.key;
    if (first === undefined || key === undefined) return undefined;
    const { machine } = first;
    // A server that takes another's place has its name, and comes after it.
    const nodes = new Map(servers.map((server) => [server.machine.name, nodeOf(server)]));
    return {
      id: root.id,
      address: floatingAddress(root) ?? machine.apiAddress,
      port: machine.apiPort,
      authority: { certificate: machine.authority.certificate, key },
      ...(machine.serviceAccountKey === undefined ? {} : { serviceAccountKey: machine.serviceAccountKey }),
      version: machine.version,
      nodes: [...nodes.values()],
    };
  }
}

function nodeOf({ machine, record }: Server): SimNode {
  return {
    name: machine.name,
    role: machine.role === 'worker' ? 'worker' : 'master',
    address: machine.address ?? String(attributeOf(SERVER, record, 'first_address')),
    version: machine.version,
    ...(record.physicalId === null ? {} : { machine: record.physicalId }),
    upgradesItself: machine.upgradesItself,
    labels: machine.labels,
    ...(machine.taints === undefined ? {} : { taints: machine.taints }),
  };
}

function floatingAddress(root: StackRecord): string | undefined {
  const record = root.resources.find(
    (one) => one.type === FLOATING_IP && !one.obsolete && one.physicalId !== null,
  );
  const address = record === undefined ? undefined : attributeOf(FLOATING_IP, record, 'floating_ip_address');
  return typeof address === 'string' ? address : undefined;
}
