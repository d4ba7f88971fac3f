import type { Blocker } from '@cetus/shared/schemas';
import type { KubernetesConnection } from './connection.ts';
import { hasStatus, isNotFound, KubernetesError } from './errors.ts';
import { listAll } from './list.ts';
import type { Event, Ingress, KubernetesObject, Service } from './objects.ts';
import { Owners } from './owners.ts';
import { ending, podPath } from './pods.ts';
import { claimsOf, provisionedVolumes } from './volumes.ts';

export interface DrainOptions {
  signal?: AbortSignal;
  /** Whether volumes that the cluster's provisioners made go with it. Default true. */
  volumes?: boolean;
}

/** Reasons that are asked for at most, one call: each is a request. */
const MAX_EVENTS = 20;

/** Something to delete, and what to call it. */
interface Target extends Blocker {
  object: KubernetesObject;
  path: string;
}

/**
 * Deletes what a cluster's own controllers made in the cloud around it, which would outlive the cluster and block its networks:
 * load balancers of Services and Ingresses, and volumes that were made for a claim and are to go with it. Whoever would make
 * them again, such as the StatefulSet whose pods use a claim, is deleted too. Volumes that are to be retained are left alone.
 *
 * One call looks once and acts on what it sees; it is to be called until nothing remains.
 * @returns what is still there, and why
 * @throws KubernetesError when it cannot look, KubernetesUnreachableError
 */
export async function drainCluster(
  connection: KubernetesConnection,
  options: DrainOptions = {},
): Promise<{ remaining: Blocker[] }> {
  return new Drain(connection, options.signal).run(options.volumes !== false);
}

class Drain {
  readonly #connection: KubernetesConnection;
  readonly #signal: AbortSignal | undefined;
  readonly #owners: Owners;
  /** Owners that were deleted in this look, by uid. */
  readonly #deletedOwners = new Map<string, Promise<string | undefined>>();
  #eventsLeft = MAX_EVENTS;

  constructor(connection: KubernetesConnection, signal?: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
    this.#owners = new Owners(connection, signal);
  }

  async run(volumes: boolean): Promise<{ remaining: Blocker[] }> {
    const remaining: Blocker[] = [];
    for (const target of [...(await this.#services()), ...(await this.#ingresses())]) {
      const kept = await this.#deleteWithOwner(target.object);
      remaining.push(blocker(target, kept ?? (await this.#delete(target))));
    }
    if (volumes) remaining.push(...(await this.#deleteVolumes()));
    return { remaining };
  }

  async #services(): Promise<Target[]> {
    const { items } = await listAll<Service>(this.#connection, '/api/v1/services', {
      signal: this.#signal,
      project: (service) => (service.spec?.type === 'LoadBalancer' ? service : undefined),
    });
    return items.map((object) => target('Service', object, '/api/v1', 'services'));
  }

  async #ingresses(): Promise<Target[]> {
    for (const api of ['/apis/networking.k8s.io/v1', '/apis/networking.k8s.io/v1beta1']) {
      try {
        const { items } = await listAll<Ingress>(this.#connection, `${api}/ingresses`, {
          signal: this.#signal,
          project: (ingress) =>
            (ingress.status?.loadBalancer?.ingress?.length ?? 0) > 0 ? ingress : undefined,
        });
        return items.map((object) => target('Ingress', object, api, 'ingresses'));
      } catch (error) {
        // Before 1.19 there is no v1.
        if (!hasStatus(error, 404)) throw error;
      }
    }
    return [];
  }

  async #deleteVolumes(): Promise<Blocker[]> {
    const { claims, released, pods } = await provisionedVolumes(this.#connection, this.#signal);
    // Why a pod still holds its claims, by the claims' names.
    const holders = new Map<string, string>();
    for (const pod of pods) {
      const { name, deletionTimestamp } = pod.metadata;
      const refused =
        (await this.#deleteWithOwner(pod)) ??
        (deletionTimestamp === undefined
          ? await this.#deleteObject(podPath(pod), pod.metadata.uid)
          : undefined);
      const why = refused ?? (deletionTimestamp === undefined ? 'the pod is ending' : ending(pod));
      for (const claim of claimsOf(pod)) holders.set(claim, `used by pod ${name}: ${why}`);
    }
    const remaining: Blocker[] = [];
    for (const claim of claims) {
      const it = target('PersistentVolumeClaim', claim, '/api/v1', 'persistentvolumeclaims');
      const reason = await this.#delete(it);
      const holder = holders.get(`${it.namespace ?? ''}/${it.name}`);
      remaining.push(blocker(it, holder ?? reason));
    }
    for (const volume of released) {
      const it = target('PersistentVolume', volume, '/api/v1', 'persistentvolumes');
      const { phase = 'Unknown', message } = volume.status ?? {};
      const why = message === undefined || message === '' ? '' : `: ${message}`;
      remaining.push(
        blocker(it, `${phase}; its provisioner has not deleted it yet${why}${await this.#warning(volume)}`),
      );
    }
    return remaining;
  }

  /** Deletes whoever would make the object again. Returns why that was not possible. */
  async #deleteWithOwner(object: KubernetesObject): Promise<string | undefined> {
    if (object.metadata.ownerReferences?.some(({ controller }) => controller === true) !== true)
      return undefined;
    try {
      const owner = await this.#owners.topOf(object);
      // A node's own pods come and go with it.
      if (owner === undefined || owner.kind === 'Node') return undefined;
      let deleted = this.#deletedOwners.get(owner.uid);
      if (deleted === undefined) {
        deleted = this.#deleteObject(owner.path, owner.uid);
        this.#deletedOwners.set(owner.uid, deleted);
      }
      const refused = await deleted;
      return refused === undefined ? undefined : `${owner.kind} ${owner.name} cannot be deleted: ${refused}`;
    } catch (error) {
      if (error instanceof KubernetesError) return `its owner cannot be found: ${error.message}`;
      throw error;
    }
  }

  /** Deletes the target unless that was asked for before. Returns why it is still there. */
  async #delete({ object, path }: Target): Promise<string> {
    if (object.metadata.deletionTimestamp === undefined) {
      return (await this.#deleteObject(path, object.metadata.uid)) ?? 'is being deleted';
    }
    const finalizers = object.metadata.finalizers ?? [];
    const held = finalizers.length === 0 ? '' : `, held by ${finalizers.join(', ')}`;
    return `is being deleted${held}${await this.#warning(object)}`;
  }

  /** Returns why the server refused. */
  async #deleteObject(path: string, uid: string): Promise<string | undefined> {
    const body = { propagationPolicy: 'Background', preconditions: { uid } };
    try {
      await this.#connection.request('DELETE', path, { body, signal: this.#signal });
      return undefined;
    } catch (error) {
      // 409: there is another object of this name now; the next look sees it.
      if (isNotFound(error) || hasStatus(error, 409)) return undefined;
      if (error instanceof KubernetesError) return error.message;
      throw error;
    }
  }

  /** The newest warning about an object, to be appended; empty when there is none, or it cannot be read. */
  async #warning({ metadata }: KubernetesObject): Promise<string> {
    if (this.#eventsLeft === 0) return '';
    this.#eventsLeft -= 1;
    const path = `/api/v1/namespaces/${metadata.namespace ?? 'default'}/events`;
    const query = { fieldSelector: `involvedObject.uid=${metadata.uid},type=Warning` };
    try {
      const { items } = await listAll<Event>(this.#connection, path, { query, signal: this.#signal });
      const newest = items.sort((a, b) => lastSeen(a).localeCompare(lastSeen(b))).at(-1);
      return newest === undefined ? '' : `: ${newest.reason ?? ''}: ${newest.message ?? ''}`;
    } catch (error) {
      if (error instanceof KubernetesError) return '';
      throw error;
    }
  }
}

function lastSeen({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp;
}

function target(kind: string, object: KubernetesObject, api: string, plural: string): Target {
  const { namespace, name } = object.metadata;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return {
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    reason: '',
    object,
    path: `${api}${scope}/${plural}/${name}`,
  };
}

function blocker({ kind, namespace, name }: Target, reason: string): Blocker {
  return { kind, ...(namespace === undefined ? {} : { namespace }), name, reason };
}
