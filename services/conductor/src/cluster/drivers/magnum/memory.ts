import type { Operation, StoredCluster } from '@cetus/shared/schemas';

type State = StoredCluster['status']['driver_state'];

/** Something that Magnum was told to do to a group (or to the cluster: `cluster`) for the operation that goes on. */
export interface Told {
  /** Milliseconds since the epoch. */
  at: number;
  /** `updated_at` of what it is about, before: Magnum begins some time after it answered, and changes it then. */
  mark: string | null;
  /** Seen at work since: what is read is of after it. */
  begun?: true;
  /** Told while Magnum was at work on something else, so that being at work says nothing. */
  over?: true;
}

/** What the driver remembers of a cluster between rounds, in its `driver_state`. */
export interface Memory {
  /** Magnum's uuid of the cluster. */
  uuid: string | null;
  /**
   * The operation that the create is sent for, and when it was announced, which comes before it is sent, as its answer may be lost; when it was
   * accepted, once that is known. Milliseconds since the epoch.
   */
  create: { operation: string; at: number } | null;
  /** Whether Magnum has shown the cluster, so that its absence means that it is gone. */
  seen: boolean;
  /** Whether there may be others of its name, as the answer to a create was lost. */
  ambiguous: boolean;
  /** The operation that `told` is about. */
  operation: string | null;
  told: Record<string, Told>;
  /** The authority that is being replaced: its fingerprint, and which of the rotations it is. */
  rotation: { before: string; target: number } | null;
  /** Templates that were used and may be of no use any more. */
  templates: string[];
  /** The cluster's `updated_at` when it was last compared as a whole, and how it differed then. */
  compared: { at: string; drift: string | null } | null;
  /** How often a deletion over which Heat itself stumbled was told again. */
  stumbles: number;
}

const NOTHING: Memory = {
  uuid: null,
  create: null,
  seen: false,
  ambiguous: false,
  operation: null,
  told: {},
  rotation: null,
  templates: [],
  compared: null,
  stumbles: 0,
};

/** How long Magnum may show what was before, after it accepted a request: it has passed on the request then, or never will. Milliseconds. */
const BEGINS_WITHIN_MS = 30_000;
/** Magnum's times are of whole seconds, by a clock that may differ from ours: after so many milliseconds a change shows in them. */
const SETTLED_MS = 5_000;

/** What is remembered; what was told for another operation, and how the cluster compared with what was asked then, is forgotten. */
export function memoryOf({ status }: Pick<StoredCluster, 'status'>, operation: Operation | null): Memory {
  const memory = { ...NOTHING, ...(status.driver_state as Partial<Memory>) };
  return operation === null || memory.operation === operation.uuid
    ? memory
    : { ...memory, operation: operation.uuid, told: {}, compared: null, stumbles: 0 };
}

/** As the cluster's status keeps it. */
export const stateOfMemory = (memory: Memory): State => ({ ...memory });

/** Remembers that something is told now. */
export function tell(memory: Memory, what: string, told: Omit<Told, 'at'>, now = Date.now()): Memory {
  return { ...memory, told: { ...memory.told, [what]: { at: now, ...told } } };
}

/** Remembers that Magnum has shown the cluster. */
export function shown(memory: Memory, uuid: string): Memory {
  return { ...memory, uuid, seen: true, ambiguous: memory.ambiguous || memory.uuid !== uuid };
}

/** Remembers that Magnum was seen at work. */
export function seenAtWork(memory: Memory): Memory {
  const begun = Object.entries(memory.told).map(([what, told]) => [
    what,
    told.over === true ? told : { ...told, begun: true as const },
  ]);
  return { ...memory, told: Object.fromEntries(begun) as Memory['told'] };
}

/** Whether what was told may not have begun yet, so that what is read may be of before. */
export function mayBeOld(told: Told | undefined, mark: string | null, now = Date.now()): boolean {
  return told !== undefined && told.begun !== true && told.mark === mark && now - told.at < BEGINS_WITHIN_MS;
}

/** Whether something was told that Magnum was not seen at work on. */
export function hasUnseen({ told }: Memory): boolean {
  return Object.values(told).some(({ begun }) => begun !== true);
}

/** Whether a create whose answer was lost has had its time to be recorded. */
export function isOverdue(at: number, now = Date.now()): boolean {
  return now - at >= BEGINS_WITHIN_MS;
}

/** Remembers a comparison, when a later change is going to show. */
export function compared(memory: Memory, at: string | null, drift: string | null, now = Date.now()): Memory {
  const settled = at !== null && now - Date.parse(at) > SETTLED_MS;
  return { ...memory, compared: settled ? { at, drift } : null };
}

/** A list with more in it, each once. */
export function including(list: readonly string[], ...more: readonly string[]): string[] {
  return [...new Set([...list, ...more])];
}
