import type { SimClusterSpec } from '../kubernetes/spec.ts';

/** What serves the Kubernetes APIs of the clusters. */
export interface ClusterHost {
  /** Starts the cluster, or changes it to what is given. */
  apply(cluster: SimClusterSpec): Promise<void>;
  remove(id: string): Promise<void>;
}
