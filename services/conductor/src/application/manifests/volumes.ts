import { canonicalQuantity } from '@cetus/shared/applications';
import type { InitContainer, Mount, Volume } from '@cetus/shared/schemas';
import { given, nonEmpty, type Fields, type ManifestInput } from './input.ts';
import { partName, secretName, shortHash } from './names.ts';

/** Names of volumes have 63 characters at most. */
const MAX_NAME = 63;

/**
 * The volumes of an instance: the application's own, and one for each of the files and secrets that a container mounts. What they are is
 * in their names: a volume that becomes something else is another one, as older API servers leave something of what it was.
 */
export function podVolumes(input: ManifestInput): Fields[] | undefined {
  const { application, spec } = input;
  const volumes = new Map<string, Fields>();
  for (const volume of spec.volumes ?? []) {
    // A StatefulSet adds those itself, one for each instance.
    if (isClaimed(input, volume)) continue;
    const name = volumeName(input, sourceKind(volume), volume.name);
    volumes.set(name, { name, ...sourceOf(application.name, volume) });
  }
  for (const { mounts = [] } of [...spec.containers, ...(spec.init_containers ?? [])]) {
    for (const mount of mounts) {
      const source = projection(input, mount);
      if (source === undefined) continue;
      const name = mountedVolume(input, mount);
      volumes.set(name, { name, projected: { sources: [source] } });
    }
  }
  return nonEmpty([...volumes.values()]);
}

/** Where a container sees them. */
export function volumeMounts(input: ManifestInput, { mounts = [] }: InitContainer): Fields[] | undefined {
  return nonEmpty(
    mounts.map((mount) =>
      given({
        name: mountedVolume(input, mount),
        mountPath: mount.path,
        subPath: mount.sub_path,
        readOnly: nonEmpty(mount.read_only),
      }),
    ),
  );
}

function sourceOf(
  application: string,
  { name, empty_dir, claim, claim_template, host_path }: Volume,
): Fields {
  if (claim !== undefined)
    return { persistentVolumeClaim: given({ claimName: claim.name, readOnly: nonEmpty(claim.read_only) }) };
  if (claim_template !== undefined)
    return { persistentVolumeClaim: { claimName: partName(application, name) } };
  if (host_path !== undefined) return { hostPath: { path: host_path.path } };
  const { size_limit, memory = false } = empty_dir ?? {};
  return {
    emptyDir: given({
      medium: memory ? 'Memory' : undefined,
      sizeLimit: size_limit === undefined ? undefined : canonicalQuantity(size_limit),
    }),
  };
}

function sourceKind({ claim, claim_template, host_path }: Volume): string {
  if (claim !== undefined || claim_template !== undefined) return 'claim';
  return host_path === undefined ? 'empty' : 'host';
}

function isClaimed({ spec }: ManifestInput, { claim_template }: Volume): boolean {
  return spec.kind === 'stateful' && claim_template !== undefined;
}

function projection({ application, spec }: ManifestInput, { config, secret }: Mount): Fields | undefined {
  if (config !== undefined) return { configMap: { name: partName(application.name, config) } };
  if (secret !== undefined) return { secret: { name: secretName(application.name, spec, secret) } };
  return undefined;
}

/** The name of the volume that a mount is of. */
function mountedVolume(input: ManifestInput, { config, secret, volume = '' }: Mount): string {
  if (config !== undefined) return volumeName(input, 'config', config);
  if (secret !== undefined) return volumeName(input, 'secret', secret);
  const found = (input.spec.volumes ?? []).find(({ name }) => name === volume);
  // Claims of a StatefulSet are called as it is said.
  return found === undefined || isClaimed(input, found)
    ? volume
    : volumeName(input, sourceKind(found), volume);
}

function volumeName(input: ManifestInput, kind: string, name: string): string {
  const wanted = `${kind}-${name}`;
  const isTaken = (input.spec.volumes ?? []).some(
    (volume) => volume.name === wanted && isClaimed(input, volume),
  );
  // A Secret of somebody else may have a name that no volume can have.
  const isName = wanted.length <= MAX_NAME && !wanted.includes('.') && !isTaken;
  return isName ? wanted : `${kind}-${shortHash(wanted)}`;
}
