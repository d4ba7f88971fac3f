import { randomUUID } from 'node:crypto';
import { CetusError, type ErrorCode } from '@cetus/shared/errors';
import type { Requester } from '@cetus/shared/operations';
import type { ImportResult, StoredApplication } from '@cetus/shared/schemas';
import type { IdempotentRequest } from '@cetus/shared/store';
import type { FastifyBaseLogger } from 'fastify';
import type { ApiDeps } from '../../deps.ts';
import { firstAnswer } from '../../http/index.ts';
import { insertApplication } from '../insert.ts';
import { draftOf, type Draft } from '../spec.ts';
import type { Converted } from './converted.ts';
import { problemsWith, type FormProblem } from './judge.ts';

export interface ImportRequest {
  caller: Requester;
  idempotency: IdempotentRequest | undefined;
  log: FastifyBaseLogger;
}

/** An application to be accepted, or one that the same request had accepted before. */
interface Wanted {
  one: Converted;
  uuid: string;
  idempotency: IdempotentRequest | undefined;
  before: StoredApplication | null;
}

/**
 * Accepts all applications of an import, each as one of its own. All are judged before the first is sealed, and all are sealed before the
 * first is written; what can still go wrong then is told of each. Of a request that is repeated with its Idempotency-Key, those that
 * were accepted are answered, and the others are tried again.
 * @throws CetusError when nothing was accepted: the first problem, naming what it was made of
 */
export async function acceptAll(
  deps: ApiDeps,
  applications: readonly Converted[],
  { caller, idempotency, log }: ImportRequest,
): Promise<Omit<ImportResult, 'report'>> {
  const wanted: Wanted[] = [];
  for (const [index, one] of applications.entries()) {
    const own = ownKey(idempotency, index);
    const before = await firstAnswer(deps.applications, caller, own);
    wanted.push({ one, uuid: randomUUID(), idempotency: own, before });
  }
  await judge(deps, caller, wanted);
  const drafts = new Map<Wanted, Draft>();
  for (const each of wanted) if (each.before === null) drafts.set(each, await draft(deps, caller, each));
  const result: Omit<ImportResult, 'report'> = { applications: [], refused: [] };
  let stopped: { code: ErrorCode; detail: string } | undefined;
  for (const each of wanted) {
    const { source, form } = each.one;
    const { name } = form;
    try {
      if (stopped !== undefined) {
        result.refused.push({ name, source, ...stopped });
        continue;
      }
      const accepted = each.before ?? (await insert(deps, caller, each, drafts.get(each)));
      result.applications.push({ uuid: accepted._id, name: accepted.name, source });
    } catch (error) {
      const isLast = each === wanted.at(-1);
      if (result.applications.length === 0 && (isLast || !isTheirs(error))) throw named(each.one, error);
      const refusal = refusalOf(error, log);
      result.refused.push({ name, source, ...refusal });
      // What fails behind the API would fail for the next one, too, after the same time.
      if (!isTheirs(error)) stopped = refusal;
    }
  }
  return result;
}

/** No client can send a key with a space in it. Conversion makes the same of the same, in the same order. */
function ownKey(request: IdempotentRequest | undefined, index: number): IdempotentRequest | undefined {
  if (request === undefined) return undefined;
  const { record } = request;
  return { ...request, record: { ...record, key: `${record.key} import ${String(index)}` } };
}

async function judge(deps: ApiDeps, caller: Requester, wanted: readonly Wanted[]): Promise<void> {
  const found: { source: string; problem: FormProblem }[] = [];
  for (const each of wanted) {
    if (each.before !== null) continue;
    const problems = await problemsWith(deps, caller.projectId, each.one);
    // The same request, sent twice at once, may have taken the name since it was looked for.
    if (problems.some(({ code }) => code === 'conflict'))
      each.before = await firstAnswer(deps.applications, caller, each.idempotency);
    if (each.before === null)
      found.push(...problems.map((problem) => ({ source: each.one.source, problem })));
  }
  const [first] = found;
  if (first === undefined) return;
  const more = found.length === 1 ? '' : `; and ${String(found.length - 1)} more, which a dry run lists`;
  const detail = `content: ${first.source}: ${first.problem.detail}${more}`;
  throw new CetusError(first.problem.code, detail, { field: 'content' });
}

async function draft(deps: ApiDeps, { projectId }: Requester, { one, uuid }: Wanted): Promise<Draft> {
  const { name: _name, ...form } = one.form;
  try {
    return await draftOf(deps, { id: uuid, projectId, form, before: null });
  } catch (error) {
    throw named(one, error);
  }
}

async function insert(
  deps: ApiDeps,
  caller: Requester,
  { one, uuid, idempotency }: Wanted,
  made: Draft | undefined,
): Promise<StoredApplication> {
  if (made === undefined) throw new TypeError('An application without a draft');
  return insertApplication(deps, { uuid, caller, name: one.form.name, draft: made, idempotency });
}

function isTheirs(error: unknown): boolean {
  return error instanceof CetusError && error.status < 500;
}

/** An error of what a client sent says what it is about. */
function named({ source }: Converted, error: unknown): unknown {
  if (!(error instanceof CetusError) || !isTheirs(error)) return error;
  return new CetusError(error.code, `content: ${source}: ${error.message}`, {
    cause: error,
    field: 'content',
  });
}

function refusalOf(error: unknown, log: FastifyBaseLogger): { code: ErrorCode; detail: string } {
  if (error instanceof CetusError) return { code: error.code, detail: error.message };
  log.error({ err: error }, 'an application of an import was not accepted');
  return {
    code: 'internal_error',
    detail: 'It could not be accepted; the operator finds it by the id of the request',
  };
}
