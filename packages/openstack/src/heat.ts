import { isStackNotFound, OpenStackError } from './errors.ts';
import { splitStatus } from './heat-types.ts';
import type {
  CreateStack,
  HeatTemplate,
  ListEvents,
  ListResources,
  ListStacks,
  Stack,
  StackEvent,
  StackResource,
  StackSummary,
  UpdateStack,
} from './heat-types.ts';
import { header, type HttpAnswer } from './http.ts';
import type { KeystoneSession, SessionRequestOptions } from './keystone.ts';

export * from './heat-types.ts';

const SERVICE = 'orchestration';

/** A stack by both its names (saves a request), or by either. */
export type StackRef = string | { name: string; id: string };

const isOkOrRedirect = (status: number): boolean => (status >= 200 && status < 300) || status === 302;

/**
 * The Orchestration API v1 in the project of a session. Every method may throw OpenStackError (its `code` is Heat's
 * `error.type`) and OpenStackUnreachableError.
 */
export class HeatClient {
  readonly #session: KeystoneSession;

  constructor(session: KeystoneSession) {
    this.#session = session;
  }

  /**
   * Starts a stack. Not repeated by itself when the answer is lost: look for the name before trying again.
   * @throws OpenStackError 409 `StackExists` (see isStackExists); 400 `StackValidationFailed`, `UserParameterMissing`,
   *   `InvalidTemplateReference`, … for a template Heat refuses.
   */
  async createStack(stack: CreateStack, signal?: AbortSignal): Promise<{ id: string }> {
    const answer = await this.#session.request(SERVICE, 'POST', '/stacks', {
      json: {
        stack_name: stack.name,
        template: stack.template,
        parameters: stack.parameters ?? {},
        disable_rollback: stack.disableRollback ?? true,
        ...(stack.environment === undefined ? {} : { environment: stack.environment }),
        ...(stack.files === undefined ? {} : { files: stack.files }),
        ...(stack.tags === undefined ? {} : { tags: stack.tags.join(',') }),
        ...(stack.timeoutMins === undefined ? {} : { timeout_mins: stack.timeoutMins }),
      },
      signal,
    });
    return { id: (answer.body as { stack: { id: string } }).stack.id };
  }

  /**
   * A stack by name, id, or both. By id, a deleted stack is still answered, as `DELETE_COMPLETE`, until Heat purges
   * it; by name only living ones are found. A stack is quite gone when `deletion_time` is set: Heat says
   * `DELETE_COMPLETE` a moment earlier, when the name is still taken.
   * @param options.resolveOutputs default true; false saves Heat the work of computing the outputs.
   * @returns null when there is none.
   */
  async getStack(
    ref: StackRef,
    options: { resolveOutputs?: boolean; signal?: AbortSignal } = {},
  ): Promise<Stack | null> {
    const query = { resolve_outputs: options.resolveOutputs === false ? 'false' : undefined };
    try {
      const answer = await this.#onStack('GET', ref, '', { query, signal: options.signal });
      return (answer.body as { stack: Stack }).stack;
    } catch (error) {
      if (isStackNotFound(error)) return null;
      throw error;
    }
  }

  /** A living stack by its name, without outputs; null when there is none. */
  async findByName(name: string, signal?: AbortSignal): Promise<Stack | null> {
    const stack = await this.getStack(name, {
      resolveOutputs: false,
      ...(signal === undefined ? {} : { signal }),
    });
    // Heat looks the word up as an id too.
    return stack === null || stack.stack_name !== name ? null : stack;
  }

  /**
   * Pages of stacks, newest first. A page may be shorter than the limit: Heat fails (500) on tags together with
   * another filter, so with tags the other filters are applied here.
   */
  async *listStacks(options: ListStacks = {}): AsyncGenerator<StackSummary[], void, undefined> {
    const limit = options.limit ?? 100;
    const filters = new URLSearchParams({ limit: String(limit) });
    const tags = options.tags ?? [];
    if (tags.length > 0) filters.set('tags', tags.join(','));
    else {
      for (const status of options.status ?? []) filters.append('status', status);
      if (options.name !== undefined) filters.set('name', options.name);
    }
    if (options.showDeleted === true) filters.set('show_deleted', 'true');
    if (options.showNested === true) filters.set('show_nested', 'true');
    const isWanted = (stack: StackSummary): boolean =>
      (options.name === undefined || stack.stack_name === options.name) &&
      (options.status === undefined ||
        options.status.length === 0 ||
        options.status.includes(splitStatus(stack.stack_status).status));
    let marker = options.marker;
    for (;;) {
      if (marker !== undefined) filters.set('marker', marker);
      const answer = await this.#session.request(SERVICE, 'GET', `/stacks?${filters.toString()}`, {
        signal: options.signal,
      });
      const { stacks } = answer.body as { stacks: StackSummary[] };
      const wanted = stacks.filter(isWanted);
      if (wanted.length > 0) yield wanted;
      const last = stacks.at(-1);
      if (last === undefined || stacks.length < limit) return;
      marker = last.id;
    }
  }

  /**
   * Changes a stack: with a template the whole definition is replaced (PUT) unless `keep` is said, without one the stored
   * template is kept and the given parameters change (PATCH). With convergence, Heat's default, an update of a stack that is being
   * created or updated is accepted and takes over.
   * @throws OpenStackError 409 `ActionInProgress` (see isActionInProgress) from engines without convergence;
   *   400 `NotSupported` for a stack that is being deleted or suspended; 404 when there is none.
   */
  async updateStack(ref: StackRef, update: UpdateStack, signal?: AbortSignal): Promise<void> {
    const existing = update.template === undefined || update.keep === true;
    await this.#onStack(existing ? 'PATCH' : 'PUT', await this.#resolve(ref, signal), '', {
      json: {
        parameters: update.parameters ?? {},
        disable_rollback: update.disableRollback ?? true,
        ...(update.template === undefined ? {} : { template: update.template }),
        ...(update.environment === undefined ? {} : { environment: update.environment }),
        ...(update.files === undefined ? {} : { files: update.files }),
        ...(update.tags === undefined ? {} : { tags: update.tags.join(',') }),
        ...(update.timeoutMins === undefined ? {} : { timeout_mins: update.timeoutMins }),
      },
      signal,
    });
  }

  /** The template that a stack was last told of. @throws OpenStackError 404 when there is no such stack. */
  async getTemplate(ref: StackRef, signal?: AbortSignal): Promise<HeatTemplate> {
    return (await this.#onStack('GET', ref, '/template', { signal })).body as HeatTemplate;
  }

  /** Starts a stack's deletion, legal in every state. No stack is fine. */
  async deleteStack(ref: StackRef, signal?: AbortSignal): Promise<void> {
    try {
      await this.#onStack('DELETE', ref, '', { idempotent: true, signal });
    } catch (error) {
      if (!isStackNotFound(error)) throw error;
    }
  }

  /** Stops an update and rolls back. @throws OpenStackError 400 `NotSupported` when no update is under way. */
  async cancelUpdate(ref: StackRef, signal?: AbortSignal): Promise<void> {
    await this.#onStack('POST', await this.#resolve(ref, signal), '/actions', {
      json: { cancel_update: null },
      signal,
    });
  }

  /** The resources of a stack; none for a deleted one. @throws OpenStackError 404 when there is no such stack. */
  async listResources(ref: StackRef, options: ListResources = {}): Promise<StackResource[]> {
    const query = { nested_depth: options.nestedDepth, status: options.status, type: options.type };
    const answer = await this.#onStack('GET', ref, '/resources', { query, signal: options.signal });
    return (answer.body as { resources: StackResource[] }).resources;
  }

  /** Events of a stack (Heat keeps the last 1000 or so). @throws OpenStackError 404 when there is no such stack. */
  async listEvents(ref: StackRef, options: ListEvents = {}): Promise<StackEvent[]> {
    const query = {
      limit: options.limit,
      marker: options.marker,
      sort_dir: options.sortDir,
      nested_depth: options.nestedDepth,
      resource_status: options.filter?.resourceStatus,
      resource_action: options.filter?.resourceAction,
      resource_name: options.filter?.resourceName,
      resource_type: options.filter?.resourceType,
    };
    const answer = await this.#onStack('GET', ref, '/events', { query, signal: options.signal });
    return (answer.body as { events: StackEvent[] }).events;
  }

  async #onStack(
    method: string,
    ref: StackRef,
    below: string,
    options: SessionRequestOptions,
  ): Promise<HttpAnswer> {
    const send = (path: string): Promise<HttpAnswer> =>
      this.#session.request(SERVICE, method, `/stacks/${path}${below}`, {
        ...options,
        accept: isOkOrRedirect,
      });
    const answer = await send(refPath(ref));
    // A bare name or id is answered by a redirect to `{name}/{id}`, for DELETE too.
    return answer.status === 302 ? send(refPath(redirectTarget(answer, method, below))) : answer;
  }

  /** PATCH, PUT and POST know no redirect: they need both names. */
  async #resolve(ref: StackRef, signal: AbortSignal | undefined): Promise<StackRef> {
    if (typeof ref !== 'string') return ref;
    const answer = await this.#session.request(SERVICE, 'GET', `/stacks/${refPath(ref)}`, {
      accept: isOkOrRedirect,
      signal,
    });
    return answer.status === 302 ? redirectTarget(answer, 'GET', '') : ref;
  }
}

function refPath(ref: StackRef): string {
  return typeof ref === 'string'
    ? encodeURIComponent(ref)
    : `${encodeURIComponent(ref.name)}/${encodeURIComponent(ref.id)}`;
}

/**
 * The stack a redirect points to. Only the two names are taken from it: behind a proxy the host in `Location` is
 * often one that cannot be reached from here.
 */
function redirectTarget(answer: HttpAnswer, method: string, below: string): { name: string; id: string } {
  const location = header(answer.headers, 'location') ?? '';
  const [, name, id] = /\/stacks\/([^/?]+)\/([^/?]+)/.exec(location) ?? [];
  if (name === undefined || id === undefined) {
    const info = { service: SERVICE, method, path: `/stacks/…${below}` };
    const message = `Heat redirected to "${location}", which names no stack.`;
    throw new OpenStackError(info, {
      status: answer.status,
      message,
      code: 'InvalidBody',
      body: answer.body,
    });
  }
  return { name: decodeURIComponent(name), id: decodeURIComponent(id) };
}
