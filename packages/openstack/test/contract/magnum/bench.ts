import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { requireOrSkip } from '@cetus/test-kit';
import { EndpointNotFoundError } from '../../../src/errors.ts';
import type { KeystoneSession } from '../../../src/keystone.ts';
import {
  MagnumClient,
  type CreateMagnumCluster,
  type CreateMagnumTemplate,
  type MagnumCluster,
  type MagnumNodeGroup,
  type MagnumTemplate,
} from '../../../src/magnum.ts';
import { targets, uniqueName, type Cloud } from '../targets.ts';

/** Names that exist in both clouds. */
export const PARTS = {
  coe: 'kubernetes',
  image_id: 'fedora-coreos-37',
  external_network_id: 'public',
  flavor_id: 'm1.small',
  master_flavor_id: 'm1.small',
  keypair_id: 'testkey',
  network_driver: 'flannel',
} as const satisfies CreateMagnumTemplate;

const POLL_MS = 100;

/** A cloud's Magnum as user `demo` sees it, and what was made there. */
export class MagnumBench {
  cloud!: Cloud;
  session!: KeystoneSession;
  magnum!: MagnumClient;
  url!: string;
  readonly #clusters: string[] = [];
  readonly #templates: string[] = [];

  /** @returns false when the cloud has no Magnum */
  async open(cloud: Cloud): Promise<boolean> {
    this.cloud = cloud;
    this.session = cloud.session('demo', 'demo');
    const url = await findMagnum(this.session);
    if (url === null) return false;
    this.url = url;
    this.magnum = this.client(this.session);
    return true;
  }

  /** Magnum as somebody else sees it. */
  client(session: KeystoneSession): MagnumClient {
    return new MagnumClient(session, { url: this.url });
  }

  /** Makes a template of a name of its own, which `close` deletes. */
  async template(more: Partial<CreateMagnumTemplate> = {}): Promise<MagnumTemplate> {
    const labels = { kube_tag: 'v1.23.3', boot_volume_size: '0' };
    const template = await this.magnum.createTemplate({
      ...PARTS,
      name: uniqueName('contract'),
      floating_ip_enabled: true,
      labels,
      ...more,
    });
    this.#templates.push(template.uuid);
    return template;
  }

  /** Makes a cluster of a name of its own, which `close` deletes. */
  async create(
    more: Partial<CreateMagnumCluster> & Pick<CreateMagnumCluster, 'cluster_template_id'>,
  ): Promise<string> {
    const { uuid } = await this.magnum.createCluster({
      name: uniqueName('contract'),
      create_timeout: 10,
      ...more,
    });
    this.#clusters.push(uuid);
    return uuid;
  }

  /** The cluster as soon as it is known and has one of these states. */
  async reaches(uuid: string, ...states: string[]): Promise<MagnumCluster> {
    for (;;) {
      const cluster = await this.magnum.getCluster(uuid);
      if (cluster !== null && states.includes(cluster.status ?? '')) return cluster;
      const failed = cluster?.status?.endsWith('_FAILED') === true;
      assert.ok(!failed, `${String(cluster?.status)}: ${JSON.stringify(cluster?.faults)}`);
      await delay(POLL_MS);
    }
  }

  /**
   * Asks for a change of a group and returns the cluster when it has ended. That it has begun is seen by the group: its
   * number of nodes and its status are written first, then Heat is asked, then the cluster's status is written.
   */
  async changed(uuid: string, groupName: string, ask: () => Promise<void>): Promise<MagnumCluster> {
    const before = await this.magnum.getNodeGroup(uuid, groupName);
    await ask();
    for (let begun = false; ;) {
      const group = await this.magnum.getNodeGroup(uuid, groupName);
      const cluster = await this.magnum.getCluster(uuid);
      assert.ok(group !== null && cluster !== null);
      const busy = [group, cluster].some(({ status }) => status?.endsWith('_IN_PROGRESS') === true);
      begun ||= busy || group.updated_at !== before?.updated_at;
      if (begun && !busy) return cluster;
      await delay(POLL_MS);
    }
  }

  /** The cluster when what was asked for of all of it has ended; the action may not have begun yet while it rests in `state`. */
  async leaves(uuid: string, state: string): Promise<MagnumCluster> {
    for (;;) {
      const cluster = await this.magnum.getCluster(uuid);
      assert.ok(cluster !== null);
      if (cluster.status !== state && cluster.status?.endsWith('_IN_PROGRESS') === false) return cluster;
      await delay(POLL_MS);
    }
  }

  /** A node group as soon as it is known and rests. */
  async group(cluster: string, name: string): Promise<MagnumNodeGroup> {
    for (;;) {
      const group = await this.magnum.getNodeGroup(cluster, name);
      if (group !== null && !(group.status ?? '_IN_PROGRESS').endsWith('_IN_PROGRESS')) return group;
      await delay(POLL_MS);
    }
  }

  async gone(uuid: string): Promise<void> {
    while ((await this.magnum.getCluster(uuid)) !== null) await delay(POLL_MS);
  }

  async close(): Promise<void> {
    for (const uuid of this.#clusters) await this.magnum.deleteCluster(uuid);
    for (const uuid of this.#clusters) await this.gone(uuid);
    for (const uuid of this.#templates) await this.magnum.deleteTemplate(uuid);
    await this.cloud.close();
  }
}

/** Its own entry in the catalog comes first: `container-infra` may be Cetus. */
async function findMagnum(session: KeystoneSession): Promise<string | null> {
  for (const type of ['container-infra-backend', 'container-infra']) {
    try {
      return await session.endpoint(type);
    } catch (error) {
      if (!(error instanceof EndpointNotFoundError)) throw error;
    }
  }
  return null;
}

/** One topic of what every Magnum is held to, for each of the clouds. */
export function magnumContract(topic: string, define: (bench: MagnumBench) => void): void {
  for (const target of targets) {
    describe(`Magnum contract, ${topic}: ${target.name}`, function () {
      this.timeout(300_000);
      const bench = new MagnumBench();
      before(async function () {
        requireOrSkip(this, await bench.open(await target.start()), `${target.name} has no Magnum`);
      });
      after(() => bench.close());
      define(bench);
    });
  }
}
