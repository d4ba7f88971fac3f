import { at } from './objects.ts';
import type { SimClusterSpec, SimNode } from './spec.ts';
import type { ObjectStore } from './store.ts';

/**
 * The spec of a cluster, with the versions that its machines have brought themselves to: what a machine was booted with counts only until it
 * was upgraded where it is.
 */
export function withKeptVersions(spec: SimClusterSpec, store: ObjectStore): SimClusterSpec {
  const nodes = spec.nodes.map((node) => {
    const version = keptVersion(node, store);
    return version === undefined ? node : { ...node, version };
  });
  const master = spec.nodes.find(({ role }) => role === 'master');
  const version = master === undefined ? undefined : keptVersion(master, store);
  return { ...spec, nodes, version: version ?? spec.version };
}

function keptVersion({ name, machine }: SimNode, store: ObjectStore): string | undefined {
  const info = at(store.get('nodes', undefined, name)?.status, 'nodeInfo');
  const version = at(info, 'kubeletVersion');
  return machine !== undefined && at(info, 'systemUUID') === machine && typeof version === 'string'
    ? version
    : undefined;
}
