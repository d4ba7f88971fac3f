import type { Node } from '@cetus/kubernetes/objects';
import { clusterResourceName } from '../template/names.ts';
import { ANNOTATION } from '../upgrade/annotations.ts';
import { isReady } from '../upgrade/upgrade-node.ts';

/** The mark of a node that pods were kept off because it is to be removed: the uuid of the operation. Who finds it otherwise did it themselves. */
export const REMOVAL_MARK = 'cetus.io/removal-operation';

/** What a removal needs to know of a node. */
export interface WorkerNode {
  name: string;
  uid: string;
  resourceVersion: string;
  ready: boolean;
  unschedulable: boolean;
  marked: boolean;
  /** An upgrade keeps pods off it, and lets them on it again. */
  upgrading: boolean;
}

/** The default workers', or the key of another group, and a number. */
const WORKER = /^(worker|[0-9a-f]{12})-\d+$/;

/** The nodes among others that are workers of the cluster, whether or not their group is still there. */
export function workerNodesOf(uuid: string, nodes: readonly Node[]): WorkerNode[] {
  const prefix = clusterResourceName(uuid, '');
  return nodes
    .filter(({ metadata: { name } }) => name.startsWith(prefix) && WORKER.test(name.slice(prefix.length)))
    .map((node) => {
      const { name, uid, resourceVersion, annotations = {} } = node.metadata;
      return {
        name,
        uid,
        resourceVersion,
        ready: isReady(node),
        unschedulable: node.spec?.unschedulable === true,
        marked: annotations[REMOVAL_MARK] !== undefined,
        upgrading: annotations[ANNOTATION.cordoned] !== undefined,
      };
    });
}
