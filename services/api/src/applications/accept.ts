import { isDeepStrictEqual } from 'node:util';
import { acceptOperation, type AcceptOptions } from '@cetus/shared/operations';
import {
  applicationSpecOf,
  DEFAULT_PROGRESS_DEADLINE_SECONDS,
  Ref,
  stateOf,
  type ApplicationSpec,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { APPLICATION } from '@cetus/shared/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppConfig } from '../config.ts';
import type { ApiDeps } from '../deps.ts';
import { requesterOf, scopeOfRequest, type LinkBuilder } from '../http/index.ts';
import { sameForm } from './form.ts';
import { withRevision } from './revisions.ts';

/** What an accepted request about an application answers. */
export const ApplicationIdRef = Ref<{ uuid: string }>('ApplicationId');

/** Seconds that an operation has besides those in which its rollout may make no progress. */
const MORE_SECONDS = 120;

type ApplicationRequest = FastifyRequest<{
  Params: { ref: string };
  Querystring: { all_projects?: boolean };
}>;

/** What an operation changes. */
export interface ApplicationPlan {
  spec?: ApplicationSpec;
  /** That a failure is undone, whatever the form says. */
  rollbackOnFailure?: boolean;
  force?: boolean;
}

export interface ApplicationChange {
  requested: AcceptOptions<ApplicationSpec>['requested'];
  /**
   * What an application shall be after the request, which it refuses by throwing; null when nothing is left to do. Called with the newest
   * document, again when another writer came first.
   */
  plan?: (application: StoredApplication) => ApplicationPlan | null;
  ifMatch?: string;
}

/** Accepts an operation on the application that a request names: one write, one command. Answers its id. */
export async function changeApplication(
  deps: ApiDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { requested, plan, ...options }: ApplicationChange,
): Promise<{ uuid: string }> {
  const { params } = request as ApplicationRequest;
  const caller = requesterOf(request);
  let changed = false;
  const application = await deps.applications.change(
    scopeOfRequest(request as ApplicationRequest),
    params.ref,
    (current) => {
      const planned = plan === undefined ? {} : plan(current);
      changed = planned !== null;
      if (planned === null) return current;
      const next = acceptOperation(current, {
        kind: APPLICATION,
        caller,
        requested,
        ...planned,
        ...(requested === 'delete' ? {} : undoing(current, planned)),
        deadlineMs: deadlineMs(deps.config, current, requested, planned.spec),
      });
      return planned.spec === undefined || requested === 'delete' ? next : withRevision(next);
    },
    options,
  );
  if (changed) await deps.dispatcher.dispatch(APPLICATION, application);
  if (application.operation !== null) reply.header('cetus-operation-id', application.operation.uuid);
  return { uuid: application._id };
}

/** The answer to a request for a new application. */
export function accepted(
  reply: FastifyReply,
  links: LinkBuilder,
  base: string,
  application: StoredApplication,
): { uuid: string } {
  // A later operation is not what the request was answered with first.
  if (application.operation?.generation === 1) reply.header('cetus-operation-id', application.operation.uuid);
  reply.code(202).header('location', links.self(base, 'applications', application._id));
  return { uuid: application._id };
}

/**
 * The plan of a change to another specification; null when that is what the application is or is becoming. What failed is tried again by
 * whoever asks for the same once more.
 */
export function planOf(
  application: StoredApplication,
  spec: ApplicationSpec,
  more: Pick<ApplicationPlan, 'rollbackOnFailure'> = {},
): ApplicationPlan | null {
  const state = stateOf(application);
  const settled = !state.endsWith('_FAILED') && !state.startsWith('DELETE_');
  return settled && isDeepStrictEqual(applicationSpecOf(application), spec) ? null : { spec, ...more };
}

/** What counts as asked for is what was applied before. */
export function isRolledBack(application: Pick<StoredApplication, 'operation' | 'status'>): boolean {
  return stateOf(application).startsWith('ROLLBACK_');
}

/** Milliseconds that making an application, or changing it, may take. */
export function progressDeadlineMs({ progress_deadline_seconds }: ApplicationSpec): number {
  return ((progress_deadline_seconds ?? DEFAULT_PROGRESS_DEADLINE_SECONDS) + MORE_SECONDS) * 1_000;
}

function deadlineMs(
  config: Pick<AppConfig, 'CETUS_DELETE_TIMEOUT_MINUTES'>,
  current: StoredApplication,
  requested: ApplicationChange['requested'],
  next: ApplicationSpec | undefined,
): number {
  const { status } = current;
  const deletes = requested === 'delete' || (requested === 'retry' && status.state === 'DELETE_FAILED');
  if (deletes) return config.CETUS_DELETE_TIMEOUT_MINUTES * 60_000;
  const goneBackTo = requested === 'rollback' ? status.applied_spec : null;
  return progressDeadlineMs(next ?? goneBackTo ?? applicationSpecOf(current));
}

/** A failure is undone where the form or the request says so, the form is what changes, and there is something to go back to. */
function undoing(
  application: StoredApplication,
  { spec, rollbackOnFailure = false }: ApplicationPlan,
): { rollbackOnFailure?: boolean } {
  if (spec === undefined) return {};
  const asked = rollbackOnFailure || spec.rollback_on_failure === true;
  const { applied_spec } = application.status;
  return { rollbackOnFailure: asked && applied_spec != null && !sameForm(applied_spec, spec) };
}
