import type { Pod } from '@cetus/kubernetes/objects';
import { APPLICATION_LABEL } from '@cetus/shared/schemas';
import { moreTelling, podTrouble, type PodTrouble } from './pod-trouble.ts';

/** As much of a pod as is needed to say how its application is: of one that is well next to nothing. */
export interface PodFacts {
  name: string;
  namespace: string;
  uid: string;
  /** The id of the application, as its label says. */
  application: string;
  /** The uid of the job that has made it; null where something else has. */
  owner: string | null;
  /** In milliseconds. */
  createdAt: number;
  /** It is being deleted. */
  leaving: boolean;
  /** One of its containers has been started, once at least. */
  started: boolean;
  ready: boolean;
  trouble: PodTrouble | null;
}

/** Keeps of a pod what is needed. Undefined for what has no application's label. */
export function podFacts(pod: Pod): PodFacts | undefined {
  const { metadata, status } = pod;
  const application = metadata.labels?.[APPLICATION_LABEL];
  if (application === undefined) return undefined;
  const containers = status?.containerStatuses ?? [];
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid,
    application,
    owner:
      metadata.ownerReferences?.find(({ kind, controller }) => kind === 'Job' && controller === true)?.uid ??
      null,
    createdAt: Date.parse(metadata.creationTimestamp),
    leaving: metadata.deletionTimestamp !== undefined,
    started: containers.some(
      ({ state, restartCount }) =>
        restartCount > 0 || state?.running !== undefined || state?.terminated !== undefined,
    ),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    trouble: podTrouble(pod),
  };
}

/** The facts of a pod that has changed, with what was known of it before and is not said again. */
export function afterPod(before: PodFacts, now: PodFacts): PodFacts {
  return before.uid === now.uid ? { ...now, trouble: moreTelling(before.trouble, now.trouble) } : now;
}
