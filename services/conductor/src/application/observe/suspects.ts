import type { PodFacts } from './pod-facts.ts';
import type { TroubleKind } from './pod-trouble.ts';
import type { WorkloadFacts } from './workload-facts.ts';

/** What is to be asked of the cluster, because an object of the application does not say it itself. */
export interface Suspect {
  /** As long as it is the same, there is nothing new to be found, unless time brings it. */
  key: string;
  about: TroubleKind | 'creation';
  namespace: string;
  /** The object that the trouble is of. */
  object: { name: string; uid: string };
  container?: string;
  /** See `PodTrouble`. */
  previous?: boolean;
  exitCode?: number;
  /** What the object says itself. */
  said?: string;
  /** What is asked for again, as it changes with nothing else that can be seen. */
  changing: boolean;
}

/** What was found: what of a cause is said better. */
export interface Finding {
  reason?: string;
  message?: string;
  log?: string;
}

/** Troubles of which an object says all that there is. */
const SAID: ReadonlySet<TroubleKind> = new Set(['evicted', 'lost']);

/** What there is to ask about a pod in trouble; null: it says everything itself. */
export function suspectOf({ name, namespace, uid, trouble }: PodFacts): Suspect | null {
  if (trouble === null || SAID.has(trouble.kind)) return null;
  const { kind, container, restarts, previous, exitCode, message, vague } = trouble;
  if (kind === 'image' && vague !== true) return null;
  const times = kind === 'crash' ? String(restarts) : '';
  return {
    key: [uid, kind, container ?? '', times].join('/'),
    about: kind,
    namespace,
    object: { name, uid },
    ...(container === undefined ? {} : { container }),
    ...(previous === undefined ? {} : { previous }),
    ...(exitCode === undefined ? {} : { exitCode }),
    said: message,
    changing: kind !== 'crash' && kind !== 'image',
  };
}

/** What there is to ask about a workload that has fewer pods than it should: its events say why none can be made. */
export function creationSuspect({
  name,
  namespace,
  uid,
  resourceGeneration,
}: Pick<WorkloadFacts, 'name' | 'namespace' | 'uid' | 'resourceGeneration'>): Suspect {
  const key = [uid, 'creation', String(resourceGeneration)].join('/');
  return { key, about: 'creation', namespace, object: { name, uid }, changing: true };
}
