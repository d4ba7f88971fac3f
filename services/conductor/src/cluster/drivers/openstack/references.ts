import { CetusError } from '@cetus/shared/errors';
import {
  defaultMasterOf,
  defaultWorkerOf,
  isMaster,
  nodeGroupsOf,
  type ClusterSpec,
  type NodeGroupSpec,
} from '@cetus/shared/schemas';
import { AmbiguousNameError } from '@cetus/openstack/errors';
import { GlanceClient, type Image } from '@cetus/openstack/glance';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import { NeutronClient } from '@cetus/openstack/neutron';
import { NovaClient } from '@cetus/openstack/nova';
import type { ReferenceCheck, ReferenceProblem, References } from '../../cluster-driver.ts';

/** What the names in a node group stand for. */
interface GroupReferences {
  image: { id: string; name?: string; osDistro?: string };
  flavorId: string;
}

/** What the names in a cluster's spec stand for. */
export interface ResolvedReferences {
  /** Of the node groups that were looked up, by uuid. */
  groups: ReadonlyMap<string, GroupReferences>;
  sshPublicKey?: string;
  externalNetwork: string;
  fixedNetwork?: string;
  fixedSubnet?: string;
}

/** Why nodes cannot be made from an image; null when they can. */
export type ImageProblem = (image: Image) => Omit<ReferenceProblem, 'field'> | null;

type Lookup<T> = () => Promise<T | null>;

/** Finds the objects that a request or a cluster names, in the project that asks. */
export class ReferenceLookup {
  private readonly problems: ReferenceProblem[] = [];
  private readonly glance: GlanceClient;
  private readonly nova: NovaClient;
  private readonly neutron: NeutronClient;
  private readonly keypairs: NovaClient;
  private readonly signal: AbortSignal;
  private readonly imageProblem: ImageProblem;

  /**
   * @param service the service user's own session: another user's key pair is shown to an administrator only
   * @param imageProblem what the driver asks of images
   */
  constructor(service: KeystoneSession, projectId: string, signal: AbortSignal, imageProblem: ImageProblem) {
    const project = service.forProject(projectId);
    this.glance = new GlanceClient(project);
    this.nova = new NovaClient(project);
    this.neutron = new NeutronClient(project);
    this.keypairs = new NovaClient(service);
    this.signal = signal;
    this.imageProblem = imageProblem;
  }

  /** Checks what is named, and answers everything that is wrong. */
  async check(references: References, userId: string): Promise<ReferenceCheck> {
    const [image] = await Promise.all([
      this.image(references.image_id),
      this.flavor('flavor_id', references.flavor_id),
      this.flavor('master_flavor_id', references.master_flavor_id),
      this.keypair(references.keypair, userId),
      this.externalNetwork(references.external_network_id),
      this.network(references.fixed_network),
      this.subnet(references.fixed_subnet),
    ]);
    return {
      problems: this.problems,
      image: image === null ? null : { id: image.id, os_distro: image.os_distro ?? null },
    };
  }

  /**
   * Resolves everything that a cluster needs.
   * @param nodeGroups those whose images and flavors are needed: not those that are made, which may have lost them since
   * @throws CetusError with the code of the first problem
   */
  async resolve(
    spec: ClusterSpec,
    userId: string,
    nodeGroups: readonly NodeGroupSpec[] = nodeGroupsOf(spec),
  ): Promise<ResolvedReferences> {
    const [groups, keypair, external, network, subnet] = await Promise.all([
      this.groups(spec, nodeGroups),
      this.keypair(spec.keypair, userId),
      this.externalNetwork(spec.external_network_id),
      this.network(spec.fixed_network),
      this.subnet(spec.fixed_subnet),
    ]);
    this.required('external_network_id', external);
    const [problem] = this.problems;
    if (problem !== undefined) {
      throw new CetusError(problem.code as never, problem.detail, { field: problem.field });
    }
    if (external === null) throw unresolved();
    return {
      groups,
      externalNetwork: external.id,
      ...(keypair === null ? {} : { sshPublicKey: keypair.public_key }),
      ...(network === null ? {} : { fixedNetwork: network.id }),
      ...(subnet === null ? {} : { fixedSubnet: subnet.id }),
    };
  }

  /** Groups mostly share an image and a flavor, which are looked up once. */
  private async groups(
    spec: ClusterSpec,
    nodeGroups: readonly NodeGroupSpec[],
  ): Promise<Map<string, GroupReferences>> {
    const once = <T>(look: (ref: string) => Promise<T | null>) => {
      const looks = new Map<string, Promise<T | null>>();
      return (ref: string): Promise<T | null> => {
        const found = looks.get(ref) ?? look(ref);
        looks.set(ref, found);
        return found;
      };
    };
    const image = once((ref) => this.image(ref));
    const flavor = once((ref) => this.flavor('flavor_id', ref));
    const masterFlavor = once((ref) => this.flavor('master_flavor_id', ref));
    const found = await Promise.all(
      nodeGroups.map(async (group) => {
        const workers = group.flavor_id ?? defaultWorkerOf(spec)?.flavor_id ?? null;
        const ref = isMaster(group)
          ? (group.flavor_id ?? defaultMasterOf(spec)?.flavor_id ?? workers)
          : workers;
        const [glance, nova] = await Promise.all([
          image(group.image_id),
          ref === null ? null : (isMaster(group) ? masterFlavor : flavor)(ref),
        ]);
        if (ref === null) this.required('flavor_id', null);
        return { group, glance, nova };
      }),
    );
    if (this.problems.length > 0) return new Map();
    return new Map(
      found.map(({ group, glance, nova }) => {
        if (glance === null || nova === null) throw unresolved();
        const image = {
          id: glance.id,
          name: glance.name ?? group.image_id,
          ...(glance.os_distro === undefined ? {} : { osDistro: glance.os_distro }),
        };
        return [group.uuid, { image, flavorId: nova.id }];
      }),
    );
  }

  private async image(ref: string | null | undefined) {
    const image = await this.find('image_id', 'image', ref, () =>
      this.glance.findImage(ref ?? '', this.signal),
    );
    const problem = image === null ? null : this.imageProblem(image);
    if (problem !== null) this.problems.push({ field: 'image_id', ...problem });
    return image;
  }

  private flavor(field: string, ref: string | null | undefined) {
    return this.find(field, 'flavor', ref, () => this.nova.findFlavor(ref ?? '', this.signal));
  }

  private keypair(ref: string | null | undefined, userId: string) {
    return this.find('keypair', 'key pair', ref, () =>
      this.keypairs.getKeypair(ref ?? '', { userId, signal: this.signal }),
    );
  }

  private async externalNetwork(ref: string | null | undefined) {
    const field = 'external_network_id';
    const network = await this.find(field, 'network', ref, () =>
      this.neutron.findNetwork(ref ?? '', this.signal),
    );
    if (network !== null && !network.external) {
      this.problems.push({
        field,
        code: 'network_not_external',
        detail: `The network ${ref ?? ''} is not an external network`,
      });
    }
    return network;
  }

  private network(ref: string | null | undefined) {
    return this.find('fixed_network', 'network', ref, () => this.neutron.findNetwork(ref ?? '', this.signal));
  }

  private subnet(ref: string | null | undefined) {
    return this.find('fixed_subnet', 'subnet', ref, () => this.neutron.findSubnet(ref ?? '', this.signal));
  }

  private async find<T>(
    field: string,
    thing: string,
    ref: string | null | undefined,
    lookup: Lookup<T>,
  ): Promise<T | null> {
    if (ref == null) return null;
    try {
      const found = await lookup();
      if (found === null) {
        const code = `${thing.replace(' ', '')}_not_found`;
        this.problems.push({ field, code, detail: `The ${thing} ${ref} does not exist` });
      }
      return found;
    } catch (error) {
      if (!(error instanceof AmbiguousNameError)) throw error;
      this.problems.push({ field, code: 'ambiguous_reference', detail: error.message });
      return null;
    }
  }

  private required(field: string, found: unknown): void {
    if (found !== null || this.problems.some((problem) => problem.field === field)) return;
    this.problems.push({
      field,
      code: 'missing_field',
      detail: `Neither the cluster nor its template names a ${field}`,
    });
  }
}

function unresolved(): Error {
  return new Error('a reference without a problem was not resolved');
}
