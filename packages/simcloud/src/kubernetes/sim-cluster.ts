import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { issueCertificate } from '@cetus/shared/pki';
import type { Scheduler, Wakeup } from '../scheduler.ts';
import type { Credentials, User } from './api/authentication.ts';
import { dispatch, type ServedCluster } from './api/dispatch.ts';
import { ServiceAccountTokens } from './api/service-account-tokens.ts';
import { Watches } from './api/watches.ts';
import type { ClusterSeconds } from './cluster-context.ts';
import { Controllers } from './controllers/controllers.ts';
import {
  applyNode,
  removeNode,
  renewConditions,
  renewHeartbeats,
  silenceNode,
  type NodeReadiness,
} from './controllers/nodes.ts';
import type { UpgradeFault } from './controllers/controller-context.ts';
import { withKeptVersions } from './kept-versions.ts';
import type { HttpFront } from './listener.ts';
import { Listener, type Network } from './listener.ts';
import { seed } from './seed.ts';
import type { SimClusterSpec } from './spec.ts';
import { ObjectStore, type StoreDocument } from './store.ts';
import { registryOf, type Registry } from './types/registry.ts';
import { WriteGate } from './write-gate.ts';

/** What a cluster is made from. */
export interface SimClusterParts {
  scheduler: Scheduler;
  front: HttpFront;
  seconds: ClusterSeconds;
  /** State of a former run. */
  document: StoreDocument | undefined;
  onError: (error: unknown) => void;
  /** Called after every write. */
  onChange: () => void;
}

const SERVING_DAYS = 3650;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Addresses that do not exist on this machine, or may not be listened on. */
const UNUSABLE = new Set(['EADDRNOTAVAIL', 'EACCES']);

/** One simulated cluster: a Kubernetes API with what stands behind it, and switches for tests. */
export class SimCluster implements ServedCluster {
  readonly scheduler: Scheduler;
  readonly seconds: ClusterSeconds;
  readonly store: ObjectStore;
  readonly watches: Watches;
  /** Through which all writes of clients come. */
  readonly writes = new WriteGate();
  registry: Registry;
  spec: SimClusterSpec;
  credentials: Credentials;
  readonly #parts: SimClusterParts;
  readonly #health = new Map<string, string>();
  readonly #upgradeFaults = new Map<string, UpgradeFault>();
  readonly #readiness = new Map<string, NodeReadiness>();
  /** The machines that there are, and what will be noted of those that have gone. */
  #machines = new Set<string>();
  readonly #silences = new Map<string, Wakeup>();
  readonly #listener: Listener;
  readonly #controllers: Controllers;
  #tokens: ServiceAccountTokens;
  #latencyMs = 0;
  #isListening = false;
  #podFailure: ((pod: { namespace: string; name: string; image: string }) => string | undefined) | undefined;

  constructor(spec: SimClusterSpec, parts: SimClusterParts) {
    this.#parts = parts;
    this.store = new ObjectStore(parts.document);
    this.spec = withKeptVersions(spec, this.store);
    this.scheduler = parts.scheduler;
    this.seconds = parts.seconds;
    this.registry = registryOf(this.spec.version);
    this.watches = new Watches(this.store, parts.scheduler);
    this.#tokens = new ServiceAccountTokens(spec.serviceAccountKey ?? spec.authority.key);
    this.credentials = this.#credentialsOf(spec);
    this.#listener = new Listener(parts.front, this.#servingCertificate(spec), (request, response) =>
      this.#serve(request, response),
    );
    this.#controllers = new Controllers(this, {
      onError: parts.onError,
      isAlive: (node) => this.#isAlive(node),
      upgradeFault: (node) => this.#upgradeFaults.get(node),
      upgraded: (node, version) => this.#upgraded(node, version),
      podFailure: (pod) => this.#podFailure?.(pod),
    });
    this.store.listen(parts.onChange);
    if (parts.document === undefined) {
      seed(this);
      this.store.compact();
    }
  }

  /** Where the API is, without a slash at the end. */
  get url(): string {
    return `https://${this.spec.address}:${String(this.#listener.port)}`;
  }

  get network(): Network {
    return this.#listener.network;
  }

  get health(): ReadonlyMap<string, string> {
    return this.#health;
  }

  /** @returns false when the address cannot be listened on here @throws the system's error for an address in use */
  async start(): Promise<boolean> {
    try {
      await this.#listener.listen(this.spec.address, this.spec.port);
      this.#isListening = true;
    } catch (error) {
      if (!UNUSABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    this.#applyNodes([]);
    this.#controllers.start();
    return this.#isListening;
  }

  /** Changes the cluster to another spec; all but its id may be another. */
  async change(spec: SimClusterSpec): Promise<void> {
    const before = this.spec;
    this.spec = withKeptVersions(spec, this.store);
    this.registry = registryOf(this.spec.version);
    this.#tokens = new ServiceAccountTokens(spec.serviceAccountKey ?? spec.authority.key);
    this.credentials = this.#credentialsOf(spec);
    const isAuthorityOther =
      spec.authority.certificate !== before.authority.certificate ||
      spec.authority.key !== before.authority.key;
    const isElsewhere =
      spec.address !== before.address || (spec.port !== 0 && spec.port !== this.#listener.port);
    if (isAuthorityOther || isElsewhere) this.#listener.setCertificate(this.#servingCertificate(spec));
    if (isElsewhere) {
      await this.#listener.close();
      await this.#listener.listen(spec.address, spec.port);
    }
    this.#applyNodes(before.nodes);
  }

  async close(): Promise<void> {
    this.#controllers.stop();
    for (const silence of this.#silences.values()) silence.cancel();
    this.watches.close();
    await this.#listener.close();
  }

  // Switches

  /** Cuts the network to the API or mends it. */
  async setNetwork(network: Network): Promise<void> {
    if (this.#isListening) await this.#listener.setNetwork(network);
  }

  /** Makes a node's kubelet say that it is (not) ready, or (`Unknown`) say nothing. */
  setNodeReady(name: string, readiness: NodeReadiness): void {
    this.#readiness.set(name, readiness);
    const node = this.spec.nodes.find((one) => one.name === name);
    if (node !== undefined) applyNode(this, node, readiness);
  }

  /**
   * Makes a component ill, or (null) well. `etcd` also fails the API's own health; `scheduler`, `controller-manager`,
   * `kube-apiserver` show in their pods and in componentstatuses; any name of a check of `/readyz` fails that check.
   */
  setComponent(name: string, problem: string | null): void {
    if (problem === null) this.#health.delete(name);
    else this.#health.set(name, problem);
    this.#controllers.componentsChanged();
  }

  /** Makes the upgrade of a node go wrong, or (null) end well. */
  setUpgradeFault(node: string, fault: UpgradeFault | null): void {
    if (fault === null) this.#upgradeFaults.delete(node);
    else this.#upgradeFaults.set(node, fault);
    this.#controllers.componentsChanged();
  }

  /** Ends all watches with 410, and forgets what a watch could go on from. */
  expireWatches(): void {
    this.store.compact();
    this.watches.expire();
  }

  /** Has lists of any version (`resourceVersion=0`) answered as it is now, or (false) as it is then. */
  freezeCache(frozen: boolean): void {
    this.store.freezeCache(frozen);
  }

  /** Milliseconds before every answer. */
  setLatency(milliseconds: number): void {
    this.#latencyMs = milliseconds;
  }

  /** Decides which pods fail when they are started: with the reason that is returned, e.g. `ErrImagePull`. */
  failPods(
    failure: ((pod: { namespace: string; name: string; image: string }) => string | undefined) | undefined,
  ): void {
    this.#podFailure = failure;
    this.#controllers.componentsChanged();
  }

  // For the parts of the cluster

  beforeRead(storage: string): void {
    if (storage === 'leases.coordination.k8s.io') renewHeartbeats(this, (name) => this.#isAlive(name));
    else if (storage === 'nodes') renewConditions(this, (name) => this.#isAlive(name));
  }

  signToken(
    account: { namespace: string; name: string; uid: string },
    seconds: number,
  ): { token: string; expires: number } {
    return this.#tokens.sign(account, seconds);
  }

  userOfToken(token: string): User | undefined {
    return this.#tokens.user(token, this.store);
  }

  /** The first master is upgraded with the whole control plane. */
  #upgraded(name: string, version: string): void {
    const { nodes } = this.spec;
    const first = nodes.find(({ role }) => role === 'master');
    this.spec = {
      ...this.spec,
      version: first?.name === name ? version : this.spec.version,
      nodes: nodes.map((node) => (node.name === name ? { ...node, version } : node)),
    };
    this.registry = registryOf(this.spec.version);
    this.#applyNodes(nodes);
  }

  #isAlive(name: string): boolean {
    return this.#machines.has(name) && this.#readiness.get(name) !== 'Unknown';
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const answer = (): void =>
      this.writes.pass(request, response, (to) => {
        dispatch(this, request, to).catch(this.#parts.onError);
      });
    if (this.#latencyMs === 0) answer();
    else this.scheduler.at(Date.now() + this.#latencyMs, answer);
  }

  #applyNodes(before: SimClusterSpec['nodes']): void {
    this.#machines = new Set(this.spec.nodes.map((node) => node.name));
    for (const { name } of [...before, ...this.#nodesOfFormerRun()]) {
      if (this.#machines.has(name)) continue;
      if (this.spec.cloudControllers === true) removeNode(this, name);
      else this.#silenceSoon(name);
    }
    for (const node of this.spec.nodes) applyNode(this, node, this.#readiness.get(node.name) ?? 'True');
    this.#controllers.componentsChanged();
  }

  #silenceSoon(name: string): void {
    if (this.#silences.has(name)) return;
    const silence = this.scheduler.at(Date.now() + this.seconds.nodeSilence * 1000, () => {
      this.#silences.delete(name);
      if (!this.#machines.has(name)) silenceNode(this, name);
    });
    this.#silences.set(name, silence);
  }

  #nodesOfFormerRun(): { name: string }[] {
    return this.store.list('nodes').map(([name]) => ({ name }));
  }

  #credentialsOf(spec: SimClusterSpec): Credentials {
    const texts = spec.authority.certificate.match(CERTIFICATE) ?? [spec.authority.certificate];
    return {
      authorities: texts.map((text) => new X509Certificate(text)),
      tokens: spec.tokens ?? {},
      serviceAccount: (token) => this.userOfToken(token),
    };
  }

  #servingCertificate({ authority, address, nodes }: SimClusterSpec): { certificate: string; key: string } {
    const masters = nodes.filter((node) => node.role === 'master').map((node) => node.address);
    return issueCertificate(authority, {
      commonName: 'kube-apiserver',
      dnsNames: [
        'localhost',
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ],
      ipAddresses: [...new Set([address, '127.0.0.1', '10.96.0.1', ...masters])],
      usages: ['server'],
      days: SERVING_DAYS,
    });
  }
}
