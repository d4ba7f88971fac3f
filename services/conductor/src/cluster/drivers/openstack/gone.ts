import type { ClusterFacts } from '../../cluster-driver.ts';

/** What is left of a cluster that is gone. */
export const GONE: ClusterFacts = {
  actual_node_count: 0,
  actual_master_count: 0,
  api_address: null,
  master_addresses: [],
  node_addresses: [],
  node_groups: [],
  kubeconfig: null,
};
