import { namespaceOf } from '@cetus/shared/applications';
import { newObject, type Requester } from '@cetus/shared/operations';
import { pendingPlacement, type ApplicationSpec, type StoredApplication } from '@cetus/shared/schemas';
import { APPLICATION, type IdempotentRequest } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { progressDeadlineMs } from './accept.ts';
import { withRevision } from './revisions.ts';
import { newSpec, type Draft } from './spec.ts';

export interface NewApplication {
  uuid: string;
  caller: Requester;
  name: string;
  draft: Draft;
  idempotency: IdempotentRequest | undefined;
}

/**
 * Accepts a new application: one write, one command. Of requests with one Idempotency-Key, all answer the application of the first.
 * @throws CetusError `conflict` when the project has one of this name, `idempotency_key_reused`
 */
export async function insertApplication(deps: ApiDeps, asked: NewApplication): Promise<StoredApplication> {
  const { uuid, caller, name, draft, idempotency } = asked;
  const spec = newSpec(draft);
  const { object, replayed } = await deps.applications.create(
    withRevision({
      ...newObject<ApplicationSpec, StoredApplication['status']>({
        kind: APPLICATION,
        uuid,
        caller,
        name,
        spec,
        status: { placements: pendingPlacements(caller, draft), applied_spec: null },
        deadlineMs: progressDeadlineMs(spec),
      }),
      observed: {},
      revisions: [],
    }),
    idempotency,
  );
  if (!replayed) await deps.dispatcher.dispatch(APPLICATION, object);
  return object;
}

/** The clusters that a new application names, before anything was done there. Those that its labels choose are found by who brings it there. */
function pendingPlacements({ projectId, userId }: Requester, { spec, names }: Draft) {
  const namespace = namespaceOf(projectId, userId);
  return spec.placements.flatMap(({ cluster_id: id }) =>
    id === null ? [] : [pendingPlacement(id, names.get(id) ?? id, namespace)],
  );
}
