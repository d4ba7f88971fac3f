/**
 * What a driver can do, declared by it, so that the API refuses what it cannot before anything is accepted:
 *
 * - `create`: makes clusters; `import`: takes in clusters that others made;
 * - `resize`: changes the number of workers; `nodes-to-remove`: lets the request name the nodes that go;
 * - `node-groups`: more than the two default groups; `node-labels`: labels and taints of their nodes;
 * - `upgrade`: another version or image, node by node; `rollback`: back to what was there before a change that failed;
 * - `show-ca`, `sign-certificates`, `rotate-ca`: the cluster's authority.
 */
export const CAPABILITIES = [
  'create',
  'import',
  'resize',
  'nodes-to-remove',
  'node-groups',
  'node-labels',
  'upgrade',
  'rollback',
  'show-ca',
  'sign-certificates',
  'rotate-ca',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** The name under which the conductors that have a driver answer requests about its clusters: see `Bus.request`. */
export function driverService(driver: string): string {
  return `conductor.${driver}`;
}

/** A driver as the API knows it. */
export interface DriverDescription {
  /** As in a template's `driver`. */
  name: string;
  capabilities: Capability[];
}
