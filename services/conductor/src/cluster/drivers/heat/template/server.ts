import { getResource, type HotResource, type HotValue } from '../hot.ts';
import type { NodeStackInput } from '../stack-input.ts';

/** How a server boots: from its flavor's disk, or from a volume made of the image. */
export interface BootDisk {
  resources: Record<string, HotResource>;
  properties: Record<string, HotValue>;
}

/** @param resourceName what the volume resource is called, where one is needed */
export function bootDisk(input: NodeStackInput, resourceName: string, volumeName: string): BootDisk {
  const image = input.image.id;
  if (input.bootVolumeSize === undefined) return { resources: {}, properties: { image } };
  if (input.bootVolumeType === undefined) {
    const mapping = { image, boot_index: 0, volume_size: input.bootVolumeSize, delete_on_termination: true };
    return { resources: {}, properties: { block_device_mapping_v2: [mapping] } };
  }
  // Heat's block device mapping knows no volume type.
  return {
    resources: {
      [resourceName]: {
        type: 'OS::Cinder::Volume',
        properties: {
          name: volumeName,
          image,
          size: input.bootVolumeSize,
          volume_type: input.bootVolumeType,
          ...(input.availabilityZone === undefined ? {} : { availability_zone: input.availabilityZone }),
        },
      },
    },
    properties: {
      block_device_mapping_v2: [
        { volume_id: getResource(resourceName), boot_index: 0, delete_on_termination: false },
      ],
    },
  };
}

/** Properties common to masters and workers. User data is taken as it is, without Heat's own additions. */
export function serverProperties(
  input: NodeStackInput,
  node: { name: HotValue; role: 'master' | 'worker'; userData: HotValue },
): Record<string, HotValue> {
  return {
    name: node.name,
    flavor: input.flavorId,
    ...(input.availabilityZone === undefined ? {} : { availability_zone: input.availabilityZone }),
    metadata: { cetus_cluster: input.uuid, cetus_role: node.role },
    user_data_format: 'RAW',
    user_data: node.userData,
    // A machine reads it once. What changes in it later, an address say, must not cost a server that runs.
    user_data_update_policy: 'IGNORE',
  };
}

/** An additional volume of a server, and its attachment. */
export function dataVolume(
  input: NodeStackInput,
  volume: { resourceName: string; name: HotValue; size: number; server: string },
): Record<string, HotResource> {
  return {
    [volume.resourceName]: {
      type: 'OS::Cinder::Volume',
      properties: {
        name: volume.name,
        size: volume.size,
        ...(input.volumeType === undefined ? {} : { volume_type: input.volumeType }),
        metadata: { cetus_cluster: input.uuid },
      },
    },
    [`${volume.resourceName}_attachment`]: {
      type: 'OS::Cinder::VolumeAttachment',
      properties: { instance_uuid: getResource(volume.server), volume_id: getResource(volume.resourceName) },
    },
  };
}
