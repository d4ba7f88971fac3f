import type { StoredCluster } from '@cetus/shared/schemas';

/**
 * What is remembered of a removal of nodes, in the cluster's `driver_state`: written before the first node is touched, and kept until nothing
 * of it is left in the cluster, neither marks on nodes that stay nor the Nodes of machines that have gone. Times are milliseconds since 1970.
 */
export interface RemovalNote {
  /** The uuid of the operation that removes them. */
  operation: string;
  /** When its drain began. */
  since: number;
  /** Since when the cluster does not answer; null: it did when it was last asked. */
  silent_since: number | null;
  /** The nodes are empty, or it was given up: Heat is next. */
  drained: boolean;
  /** Since when the cluster has been expected to notice that machines have gone; null: not yet. */
  leaving_since: number | null;
}

type State = StoredCluster['status']['driver_state'];

const REMOVAL = 'node_removal';

export function newNote(operation: string, now: number): RemovalNote {
  return { operation, since: now, silent_since: null, drained: false, leaving_since: null };
}

/** Null when there is nothing left to do of any removal. */
export function noteOf(state: State): RemovalNote | null {
  return (state[REMOVAL] as RemovalNote | undefined) ?? null;
}

export function withNote({ [REMOVAL]: _, ...state }: State, note: RemovalNote | null): State {
  return note === null ? state : { ...state, [REMOVAL]: note };
}
