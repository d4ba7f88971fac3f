import { randomUUID } from 'node:crypto';
import { qosOf } from '@cetus/shared/applications';
import { CetusError } from '@cetus/shared/errors';
import type { Requester } from '@cetus/shared/operations';
import type {
  ApplicationForm,
  ApplicationSpec,
  DryRunRequest,
  DryRunView,
  StoredApplication,
} from '@cetus/shared/schemas';
import { applicationSpecOf } from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { ask } from './ask.ts';
import { SEALED_FIELDS } from './fields.ts';
import { changedSpec, draftOf, newSpec } from './spec.ts';

/** What stands for a value that is not told. */
const REDACTED = '***';

/**
 * What would become of a new application. Nothing is written; secrets are sealed, as they would be, for the service that asks the clusters.
 * @throws CetusError as creating it does; `request_deadline_exceeded`, `bus_unavailable`
 */
export async function dryRunOfNew(
  deps: ApiDeps,
  { projectId, userId }: Requester,
  name: string,
  form: ApplicationForm,
): Promise<DryRunView> {
  const id = randomUUID();
  if (await deps.applications.exists(scopeOf({ projectId }), { name })) {
    throw new CetusError('conflict', `The project has an application named ${name}`, { field: 'name' });
  }
  const draft = await draftOf(deps, { id, projectId, form, before: null });
  const spec = newSpec(draft);
  return verdict(deps, { id, project_id: projectId, user_id: userId, name, generation: 1, spec });
}

/** What would become of an application with another form. Throws as changing it does. */
export async function dryRunOfChange(
  deps: ApiDeps,
  application: StoredApplication,
  form: ApplicationForm,
): Promise<DryRunView> {
  const { _id: id, project_id, user_id, name, generation } = application;
  const before = applicationSpecOf(application);
  const draft = await draftOf(deps, { id, projectId: project_id, form, before });
  const sealed = draft.sealed === 'as before' ? await sealedOf(deps, application) : draft.sealed;
  const spec = changedSpec(application, { ...draft, sealed });
  return verdict(deps, { id, project_id, user_id, name, generation: generation + 1, spec });
}

/** What is sealed of an application, which is read for nothing else. */
async function sealedOf(
  { applications }: ApiDeps,
  { _id, project_id }: StoredApplication,
): Promise<ApplicationSpec['sealed']> {
  const found = await applications.get(scopeOf({ projectId: project_id }), _id, SEALED_FIELDS);
  return applicationSpecOf(found).sealed ?? null;
}

async function verdict(deps: ApiDeps, request: DryRunRequest): Promise<DryRunView> {
  const { placements } = await ask(deps, 'dryRun', request);
  return {
    admitted: placements.every(({ admitted }) => admitted),
    qos: qosOf(request.spec),
    placements: placements.map((placement) => ({
      ...placement,
      objects: placement.objects.map((object) => ({ ...object, manifest: withoutValues(object.manifest) })),
    })),
  };
}

/** Of a Secret only the keys, whoever filled it in. */
function withoutValues(manifest: Record<string, unknown>): Record<string, unknown> {
  if (manifest['kind'] !== 'Secret') return manifest;
  const { data, stringData, ...rest } = manifest;
  const keys = [data, stringData].flatMap((one) => Object.keys(one ?? {})).sort();
  return { ...rest, data: Object.fromEntries(keys.map((key) => [key, REDACTED])) };
}
