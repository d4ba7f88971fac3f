import {
  applicationSpecOf,
  MAX_REVISIONS,
  type ApplicationRevision,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { sameForm } from './form.ts';
import { MAX_REVISION_BYTES } from './limits.ts';

/** An application with one revision more, when its form is another one than that of the newest. */
export function withRevision(application: StoredApplication): StoredApplication {
  const { revisions, spec, generation, operation, user_id, updated_at } = application;
  const newest = revisions.at(-1);
  if (newest !== undefined && sameForm(newest.spec, spec)) return application;
  const next: ApplicationRevision = {
    number: (newest?.number ?? 0) + 1,
    generation,
    requested: operation?.requested ?? 'create',
    user_id: operation?.user_id ?? user_id,
    created_at: updated_at,
    spec,
  };
  return { ...application, revisions: kept([...revisions, next]) };
}

/** The revision that counts now: the newest, or after a rollback the one that was gone back to; undefined when that one is not kept. */
export function currentRevision(application: StoredApplication): ApplicationRevision | undefined {
  const spec = applicationSpecOf(application);
  return application.revisions.findLast((revision) => sameForm(revision.spec, spec));
}

/** The newest of the revisions, as many as there is room for; the newest of all in any case. */
function kept(revisions: readonly ApplicationRevision[]): ApplicationRevision[] {
  let bytes = 0;
  const newest = revisions.slice(-MAX_REVISIONS).toReversed();
  const tooMany = newest.findIndex(({ spec }, index) => {
    bytes += Buffer.byteLength(JSON.stringify(spec));
    return index > 0 && bytes > MAX_REVISION_BYTES;
  });
  return (tooMany === -1 ? newest : newest.slice(0, tooMany)).toReversed();
}
