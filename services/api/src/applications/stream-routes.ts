import {
  InstanceAttachQuery,
  InstanceExecQuery,
  InstanceLogQuery,
  InstanceParams,
  MAX_LOG_LINES,
  type InstanceTarget,
} from '@cetus/shared/schemas';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ApiDeps } from '../deps.ts';
import { ERROR_RESPONSES, scopeOfRequest, type TypedApp } from '../http/index.ts';
import { ask } from './ask.ts';
import { clusterOfInstance, TARGET_FIELDS, targetOf } from './instances.ts';

const TAGS = ['applications'];

const TERMINAL =
  'Standard streams as Kubernetes has them, with the subprotocol `v5.channel.k8s.io` or `v4.channel.k8s.io`. A browser gives its token as one more subprotocol: `base64url.token.cetus.io.` and the token in base64url.';

type InstanceRequest = FastifyRequest<{
  Params: { ref: string; instance: string };
  Querystring: {
    all_projects?: boolean;
    cluster?: string;
    container?: string;
    stdin?: boolean;
    tty?: boolean;
  };
}>;

/** Logs and terminals of instances. They come from the process that reaches the cluster, by a ticket, and only pass through. */
export function applicationStreamRoutes(app: TypedApp, deps: ApiDeps): void {
  const { applications } = deps;

  /** What every request about an instance names; looked up as nothing else says whose it is. */
  const instanceOf = async (request: InstanceRequest): Promise<InstanceTarget & { project_id: string }> => {
    const { ref, instance } = request.params;
    const { cluster, container } = request.query;
    const application = await applications.get(scopeOfRequest(request), ref, TARGET_FIELDS);
    const cluster_id = await clusterOfInstance(deps, targetOf(application, cluster), instance);
    const { _id: id, project_id } = application;
    return { id, project_id, cluster_id, instance, ...(container === undefined ? {} : { container }) };
  };

  /** Opens a terminal before the upgrade, so that a refusal is the answer to the request. */
  const connect = async (request: InstanceRequest, command: string[] | undefined): Promise<void> => {
    const { stdin = false, tty = false } = request.query;
    const ticket = await ask(deps, 'exec', {
      ...(await instanceOf(request)),
      ...(command === undefined ? {} : { command }),
      stdin,
      tty,
    });
    await app.ticketPipes.connect(request, ticket);
  };

  app.get(
    '/v1/applications/:ref/instances/:instance/logs',
    {
      config: { role: 'reader', media: 'text/plain' },
      schema: {
        tags: TAGS,
        operationId: 'readApplicationLog',
        summary: 'Read what a container of an instance wrote, or follow it',
        params: InstanceParams,
        querystring: InstanceLogQuery,
        response: {
          200: { content: { 'text/plain': { schema: Type.String() } } },
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request, reply) => {
      const { tail_lines = MAX_LOG_LINES, since_seconds, previous, timestamps, follow } = request.query;
      const ticket = await ask(deps, 'log', {
        ...(await instanceOf(request)),
        tail_lines,
        ...(since_seconds === undefined ? {} : { since_seconds }),
        ...(previous === undefined ? {} : { previous }),
        ...(timestamps === undefined ? {} : { timestamps }),
        ...(follow === undefined ? {} : { follow }),
      });
      return app.ticketPipes.pipeLog(request, reply, ticket);
    },
  );

  app.get(
    '/v1/applications/:ref/instances/:instance/exec',
    {
      websocket: true,
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'execInApplication',
        summary: 'Run a command in a container of an instance, over a WebSocket',
        description: TERMINAL,
        params: InstanceParams,
        querystring: InstanceExecQuery,
        response: ERROR_RESPONSES,
      },
      preHandler: async (request) => {
        const { command } = request.query;
        await connect(request, [command].flat());
      },
    },
    (socket, request) => app.ticketPipes.pipeWebSocket(socket, request),
  );

  app.get(
    '/v1/applications/:ref/instances/:instance/attach',
    {
      websocket: true,
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'attachToApplication',
        summary: 'Attach to what a container of an instance runs, over a WebSocket',
        description: TERMINAL,
        params: InstanceParams,
        querystring: InstanceAttachQuery,
        response: ERROR_RESPONSES,
      },
      preHandler: (request) => connect(request, undefined),
    },
    (socket, request) => app.ticketPipes.pipeWebSocket(socket, request),
  );
}
