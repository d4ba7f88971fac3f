import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClusterContext } from '../cluster-context.ts';
import { isAllowed, type Access } from '../rbac/rules.ts';
import { minorOf } from '../types/registry.ts';
import { authenticate, type Credentials, type User } from './authentication.ts';
import { componentStatuses } from './component-status.ts';
import { discoveryOf } from './discovery.ts';
import { sendError, sendJson, sendText } from './exchange.ts';
import { answerHealth } from './health.ts';
import { requestInfo, type RequestInfo } from './request-info.ts';
import { handleResource, isWatch } from './resource-handlers.ts';
import { REVIEWS } from './reviews.ts';
import { ApiError, forbidden, methodNotAllowed, noSuchResource, unauthorized } from './status-error.ts';
import { handleSubresource } from './subresources.ts';
import type { Watches } from './watches.ts';

/** What answers the requests for one cluster. */
export interface ServedCluster extends ClusterContext {
  readonly watches: Watches;
  readonly credentials: Credentials;
}

/** An empty OpenAPI 2 document, as protocol buffers: its field 1 is the version. */
const EMPTY_OPENAPI = Buffer.concat([Buffer.from([0x0a, 0x03]), Buffer.from('2.0')]);
const OPENAPI_TYPE = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Answers one request. @throws what is not meant: a mistake of the simulation */
export async function dispatch(
  cluster: ServedCluster,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await answer(cluster, request, response);
  } catch (error) {
    if (error instanceof ApiError) {
      sendError(response, error);
      return;
    }
    // The client went away in the middle of its request.
    if (request.destroyed && !request.complete) return;
    sendError(response, new ApiError(500, 'InternalError', `Internal error occurred: ${String(error)}`));
    throw error;
  }
}

async function answer(
  cluster: ServedCluster,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://cluster');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, '') : url.pathname;
  const caller = authenticate(request, cluster.credentials);
  if (caller === null) throw unauthorized();
  const user = impersonated(cluster, caller, request);
  const info = requestInfo(path);
  if (info !== undefined) {
    await answerResource(cluster, request, response, { url, user, info });
    return;
  }
  const verb = (request.method ?? 'GET').toLowerCase();
  if (!isAllowed(cluster.store, user, { verb, path })) throw forbiddenPath(user, verb, path);
  if (answerHealth(path, url.searchParams, cluster.health, response)) return;
  answerDocument(cluster, path, request, response);
}

/** The user in whose name somebody who may do so asks (`kubectl --as`). @throws ApiError 403 for who may not */
function impersonated(cluster: ServedCluster, caller: User, { headers }: IncomingMessage): User {
  const name = headers['impersonate-user'];
  if (typeof name !== 'string') return caller;
  const access = { verb: 'impersonate', group: '', resource: 'users', name };
  if (!isAllowed(cluster.store, caller, access)) {
    const users = { group: '', plural: 'users', kind: 'User' };
    throw forbidden(
      users,
      name,
      `User "${caller.name}" cannot impersonate resource "users" in API group "" at the cluster scope`,
    );
  }
  const groups = headers['impersonate-group'];
  return { name, groups: [...(groups === undefined ? [] : [groups].flat()), 'system:authenticated'] };
}

function answerDocument(
  cluster: ServedCluster,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (path === '/version') {
    sendJson(response, 200, versionOf(cluster.spec.version));
    return;
  }
  if (path === '/openapi/v2') {
    if (/protobuf/.test(request.headers.accept ?? '')) {
      response.writeHead(200, { 'Content-Type': OPENAPI_TYPE, 'Content-Length': EMPTY_OPENAPI.length });
      response.end(EMPTY_OPENAPI);
    } else {
      sendJson(response, 200, {
        swagger: '2.0',
        info: { title: 'Kubernetes', version: cluster.spec.version },
        paths: {},
      });
    }
    return;
  }
  const server = `${cluster.spec.address}:${String(cluster.spec.port)}`;
  const document = discoveryOf(cluster.registry).document(path, server);
  if (document !== undefined) sendJson(response, 200, document);
  else if (path === '/')
    sendJson(response, 200, { paths: ['/api', '/apis', '/healthz', '/livez', '/readyz', '/version'] });
  else sendText(response, 404, '404 page not found\n');
}

function versionOf(version: string): object {
  return {
    major: '1',
    minor: String(minorOf(version)),
    gitVersion: version,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2026-01-01T00:00:00Z',
    goVersion: 'go1.24.0',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}

async function answerResource(
  cluster: ServedCluster,
  request: IncomingMessage,
  response: ServerResponse,
  { url, user, info }: { url: URL; user: User; info: RequestInfo },
): Promise<void> {
  const { searchParams: query } = url;
  const method = request.method ?? 'GET';
  const access = accessOf(info, method, query);
  if (!isAllowed(cluster.store, user, access)) throw forbiddenResource(user, info, access);
  const type = cluster.registry.find(info.groupVersion, info.plural);
  // A namespaced resource can be listed in all namespaces; anything else names one.
  const isMisplaced =
    type !== undefined &&
    (type.namespaced
      ? info.namespace === undefined && (info.name !== undefined || method !== 'GET')
      : info.namespace !== undefined);
  if (type === undefined && info.group !== '' && !cluster.registry.hasGroup(info.group)) {
    sendText(response, 404, '404 page not found\n');
    return;
  }
  // Writing to a collection of all namespaces, or to a whole collection, is no method of it.
  if (isMisplaced && info.name === undefined && type.namespaced) throw methodNotAllowed();
  if (type === undefined || isMisplaced) throw noSuchResource();
  const api = { cluster, watches: cluster.watches, user, info, type, method, query, request, response };
  const review = REVIEWS[info.plural];
  if (review !== undefined) {
    if (method !== 'POST') throw methodNotAllowed();
    await review(api);
  } else if (type.storage === 'componentstatuses') {
    sendJson(response, 200, componentStatuses(cluster.health, info.name));
  } else if (info.subresource === undefined) {
    await handleResource(api);
  } else if (info.subresource in type.subresources) {
    await handleSubresource(api, info.subresource);
  } else {
    throw noSuchResource();
  }
}

function accessOf(info: RequestInfo, method: string, query: URLSearchParams): Access {
  const { name, group, plural, subresource, namespace } = info;
  const reading = name !== undefined ? 'get' : isWatch(query) ? 'watch' : 'list';
  const removing = name === undefined ? 'deletecollection' : 'delete';
  return {
    verb:
      method === 'GET' || method === 'HEAD'
        ? reading
        : method === 'DELETE'
          ? removing
          : (VERBS[method] ?? ''),
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
    ...(name === undefined ? {} : { name }),
    // A namespace's own roles hold for itself.
    ...(namespace === undefined
      ? plural === 'namespaces' && name !== undefined
        ? { namespace: name }
        : {}
      : { namespace }),
  };
}

function forbiddenResource(
  user: User,
  { group, plural, name, namespace }: RequestInfo,
  access: Access,
): ApiError {
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return forbidden(
    { group, plural, kind: '' },
    name ?? '',
    `User "${user.name}" cannot ${access.verb} resource "${access.resource ?? ''}" in API group "${group}" ${where}`,
  );
}

function forbiddenPath(user: User, verb: string, path: string): ApiError {
  return new ApiError(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${path}"`, {});
}
