import { at, isSame, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { ControllerContext } from './controller-context.ts';
import { templateHash } from './pod-template.ts';

const REVISIONS = 'controllerrevisions.apps';
/** The label of pods that names their revision. */
export const REVISION_LABEL = 'controller-revision-hash';

/**
 * The name of the revision that keeps a StatefulSet's or DaemonSet's template of now; made when it is new. An older one
 * that is the same again becomes the newest.
 */
export function currentRevision(context: ControllerContext, storage: string, owner: KubeObject): string {
  const template = at(owner.spec, 'template');
  const all = context.controlledBy(REVISIONS, owner);
  const highest = Math.max(0, ...all.map((one) => Number(one['revision'])));
  const found = all.find((one) => isSame(at(one['data'], 'spec', 'template'), template));
  if (found !== undefined) {
    if (Number(found['revision']) < highest)
      context.store.put(REVISIONS, { ...found, revision: highest + 1 });
    return found.metadata.name;
  }
  const hash = templateHash([template, owner.metadata.uid]);
  const made = context.store.put(REVISIONS, {
    metadata: {
      ...newMetadata(`${owner.metadata.name}-${hash}`, owner.metadata.namespace, {
        uid: crypto.randomUUID(),
        creationTimestamp: owner.metadata.creationTimestamp,
        labels: { ...(at(template, 'metadata', 'labels') as Record<string, string>), [REVISION_LABEL]: hash },
        ownerReferences: [context.ownerReference(storage, owner)],
      }),
    },
    data: { spec: { template } },
    revision: highest + 1,
  });
  const limit = Number(at(owner.spec, 'revisionHistoryLimit') ?? 10);
  const old = all.sort((a, b) => Number(a['revision']) - Number(b['revision']));
  for (const one of old.slice(0, Math.max(0, old.length - limit))) context.store.remove(REVISIONS, one);
  return made.metadata.name;
}
