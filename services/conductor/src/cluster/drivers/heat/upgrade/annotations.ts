/**
 * What is said of an upgrade on a Node: this is the whole protocol between the conductor and the node itself, and all that is remembered.
 * `kubernetes-version`, `upgrade-operation`, `upgrade-since` and `upgrade-cordoned` are the conductor's, `upgrade-state`, `upgrade-message` and
 * `upgrade-reported` the node's.
 */
export const ANNOTATION = {
  /** What the node shall be: `v1.34.1`. */
  version: 'cetus.io/kubernetes-version',
  /** The uuid of the operation that changes the node. */
  operation: 'cetus.io/upgrade-operation',
  /** When the operation came to the node, or asked it for the version: what its time is counted from. */
  since: 'cetus.io/upgrade-since',
  /** Pods were kept off the node for the upgrade; without it they were by somebody else, and stay so. */
  cordoned: 'cetus.io/upgrade-cordoned',
  /** `running`, `done` or `failed`. */
  state: 'cetus.io/upgrade-state',
  /** The last thing that was said, for people. */
  message: 'cetus.io/upgrade-message',
  /** The operation that the state is about. */
  reported: 'cetus.io/upgrade-reported',
} as const;
