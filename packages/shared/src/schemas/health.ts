import type { Condition } from './state.ts';

/**
 * How a cluster is, as its follower sees it: a field of its own in the cluster's document, written only by the holder of `follow`.
 * Its conditions are `Reachable` and `Healthy`: unreachable is not unhealthy.
 */
export interface ClusterHealth {
  /** Magnum's word: `UNKNOWN` while the cluster cannot be reached. */
  status: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
  /** What was looked at and what it said, as in Magnum: `api` → `ok`, `node-1.Ready` → `True`. */
  reasons: Record<string, string>;
  nodes: { ready: number; total: number };
  /** The version that the cluster's API says it has, `v1.33.2`. */
  version: string | null;
  /** When the cluster's own API last answered. */
  last_contact: Date | null;
  conditions: Condition[];
  /** Which cluster this is, by the id of its namespace `kube-system`, as long as the kubeconfig is the same: whether another came to its address. */
  identity?: { uid: string; kubeconfig: string };
}

/** Which conductor follows a cluster. Taken by compare-and-set; `token` rises with every holder and fences late writes. */
export interface FollowLease {
  owner: string;
  until: Date;
  token: number;
}
