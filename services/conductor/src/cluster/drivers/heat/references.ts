import { CetusError } from '@cetus/shared/errors';
import type { ClusterSpec } from '@cetus/shared/schemas';
import { AmbiguousNameError } from '@cetus/openstack/errors';
import { GlanceClient } from '@cetus/openstack/glance';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import { NeutronClient } from '@cetus/openstack/neutron';
import { NovaClient } from '@cetus/openstack/nova';
import type { ReferenceCheck, ReferenceProblem, References } from '../../cluster-driver.ts';
import { distributionOf } from './bootstrap/distributions.ts';
import { UnsupportedImageError } from './errors.ts';

/** What the names in a cluster's spec stand for. */
export interface ResolvedReferences {
  image: { id: string; name?: string; osDistro?: string };
  flavorId: string;
  masterFlavorId: string;
  sshPublicKey?: string;
  externalNetwork: string;
  fixedNetwork?: string;
  fixedSubnet?: string;
}

type Lookup<T> = () => Promise<T | null>;

/** Finds the objects that a request or a cluster names, in the project that asks. */
export class ReferenceLookup {
  private readonly problems: ReferenceProblem[] = [];
  private readonly glance: GlanceClient;
  private readonly nova: NovaClient;
  private readonly neutron: NeutronClient;
  private readonly keypairs: NovaClient;
  private readonly signal: AbortSignal;

  /** @param service the service user's own session: another user's key pair is shown to an administrator only */
  constructor(service: KeystoneSession, projectId: string, signal: AbortSignal) {
    const project = service.forProject(projectId);
    this.glance = new GlanceClient(project);
    this.nova = new NovaClient(project);
    this.neutron = new NeutronClient(project);
    this.keypairs = new NovaClient(service);
    this.signal = signal;
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
   * @throws CetusError with the code of the first problem
   */
  async resolve(spec: ClusterSpec, userId: string): Promise<ResolvedReferences> {
    const [image, flavor, masterFlavor, keypair, external, network, subnet] = await Promise.all([
      this.image(spec.image_id),
      this.flavor('flavor_id', spec.flavor_id),
      this.flavor('master_flavor_id', spec.master_flavor_id ?? spec.flavor_id),
      this.keypair(spec.keypair, userId),
      this.externalNetwork(spec.external_network_id),
      this.network(spec.fixed_network),
      this.subnet(spec.fixed_subnet),
    ]);
    this.required('flavor_id', flavor);
    this.required('external_network_id', external);
    const [problem] = this.problems;
    if (problem !== undefined) {
      throw new CetusError(problem.code as never, problem.detail, { field: problem.field });
    }
    if (image === null || flavor === null || masterFlavor === null || external === null) {
      throw new Error('a reference without a problem was not resolved');
    }
    return {
      image: {
        id: image.id,
        name: image.name ?? spec.image_id,
        ...(image.os_distro === undefined ? {} : { osDistro: image.os_distro }),
      },
      flavorId: flavor.id,
      masterFlavorId: masterFlavor.id,
      externalNetwork: external.id,
      ...(keypair === null ? {} : { sshPublicKey: keypair.public_key }),
      ...(network === null ? {} : { fixedNetwork: network.id }),
      ...(subnet === null ? {} : { fixedSubnet: subnet.id }),
    };
  }

  private async image(ref: string | null | undefined) {
    const image = await this.find('image_id', 'image', ref, () =>
      this.glance.findImage(ref ?? '', this.signal),
    );
    if (image !== null) {
      try {
        distributionOf({ id: image.id, name: image.name ?? undefined, osDistro: image.os_distro });
      } catch (error) {
        if (!(error instanceof UnsupportedImageError)) throw error;
        this.problems.push({ field: 'image_id', code: error.code, detail: error.message });
      }
    }
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
