import type { Node, Pod } from '@cetus/kubernetes/objects';
import { word } from './brief.ts';

/** A part of a cluster, a node or a pod of its own, as much of it as its health needs. */
export interface Part {
  name: string;
  /** `True`, `False`, `Unknown`, as Kubernetes' condition `Ready` has it. */
  ready: string;
  /** Why it is not ready, a word for machines, or what it is under pressure of. */
  trouble: string | null;
  createdAt: number;
  /** It is not ready, but may still be starting: nothing of it has failed. */
  fresh: boolean;
  /** It is as good as gone, or has done its work: it does not count. */
  leaving: boolean;
}

/** How long a part may take to start, in milliseconds. */
const START_MS = 180_000;
/** Conditions of nodes that are bad when they are true. */
const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];
/** What containers wait for that have not failed. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);

/** Whether a part is in trouble: not ready, when it should be by now. */
export function isBad(part: Part, now: number): boolean {
  if (part.leaving || (part.ready === 'True' && part.trouble === null)) return false;
  return !(part.fresh && now - part.createdAt < START_MS);
}

export function nodePart({ metadata, status }: Node): Part {
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const pressures = conditions
    .filter(({ type, status: is }) => PRESSURES.includes(type) && is === 'True')
    .map(({ type }) => type);
  const is = ready?.status ?? 'Unknown';
  const trouble = is === 'True' ? (pressures[0] ?? null) : (ready?.reason ?? 'NotReady');
  return {
    name: word(metadata.name),
    ready: word(is),
    trouble: trouble === null ? null : word(trouble),
    createdAt: Date.parse(metadata.creationTimestamp),
    fresh: is !== 'True' && is !== 'Unknown',
    leaving: metadata.deletionTimestamp !== undefined,
  };
}

export function podPart({ metadata, status }: Pod): Part {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const waiting = containers
    .map(({ state }) => state?.waiting?.reason)
    .find((reason) => reason !== undefined && !STARTING.has(reason));
  const is = ready?.status ?? 'False';
  return {
    name: word(metadata.name),
    ready: word(is),
    trouble:
      is === 'True' ? null : word(waiting ?? status?.reason ?? ready?.reason ?? status?.phase ?? 'NotReady'),
    createdAt: Date.parse(metadata.creationTimestamp),
    fresh: waiting === undefined && containers.every(({ restartCount }) => restartCount === 0),
    // One that failed was evicted, say; whoever made it makes another.
    leaving:
      metadata.deletionTimestamp !== undefined || ['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  };
}

/** A part that was ready once does not start any more. */
export function after(before: Part | undefined, now: Part): Part {
  const was = before !== undefined && (before.ready === 'True' || !before.fresh);
  return was && now.fresh ? { ...now, fresh: false } : now;
}
