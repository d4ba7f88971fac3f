import { applyPatch, checkName, isApplication } from '../patch/apply-patch.ts';
import { isFields, listOf, type Fields, type KubeObject, textOf } from '../objects.ts';
import { createObject, deleteObject, replaceObject, type DeleteOptions } from '../writes.ts';
import { isDryRun, managerOf, mediaType, readBody, readDocument, type ApiRequest } from './api-request.ts';
import { present, readObject } from './codec.ts';
import { sendJson } from './exchange.ts';
import { listObjects, numberOf, presentList, revisionOf, selectorOf } from './lists.ts';
import { methodNotAllowed, notFound } from './status-error.ts';
import { sendTable, wantsTable, tableOf } from './tables.ts';

/** The object a request names. @throws ApiError 404 */
export function found({ cluster, type, info }: ApiRequest): KubeObject {
  const name = info.name ?? '';
  const object = cluster.store.get(type.storage, type.namespaced ? info.namespace : undefined, name);
  if (object === undefined) throw notFound(type, name);
  return object;
}

/** Sends one object, as a table when the client prefers one. */
export function sendObject(api: ApiRequest, code: number, object: KubeObject): void {
  if (wantsTable(api.request)) sendTable(api, code, {}, [object]);
  else sendJson(api.response, code, present(api.type, object));
}

/** Carries out a request for a resource itself, without a subresource. @throws ApiError */
export async function handleResource(api: ApiRequest): Promise<void> {
  const isOne = api.info.name !== undefined;
  switch (api.method) {
    case 'GET':
      api.cluster.beforeRead(api.type.storage);
      if (isOne) sendObject(api, 200, found(api));
      else if (isWatch(api.query)) openWatch(api);
      else sendList(api);
      return;
    case 'POST':
      if (isOne) throw methodNotAllowed();
      return create(api);
    case 'PUT':
      if (!isOne) throw methodNotAllowed();
      return update(api, undefined);
    case 'PATCH':
      if (!isOne) throw methodNotAllowed();
      return patch(api, undefined);
    case 'DELETE':
      return isOne ? remove(api) : removeAll(api);
    default:
      throw methodNotAllowed();
  }
}

/** True for `watch=true`. */
export function isWatch(query: URLSearchParams): boolean {
  return ['true', '1'].includes(query.get('watch') ?? '');
}

function sendList(api: ApiRequest): void {
  const { cluster, type, info, query, response } = api;
  const { metadata, objects } = listObjects(cluster.store, type, info.namespace, query);
  if (wantsTable(api.request)) sendTable(api, 200, metadata, objects);
  else sendJson(response, 200, presentList(type, metadata, objects));
}

function openWatch(api: ApiRequest): void {
  const { type, info, query, watches, response } = api;
  const timeout = numberOf(query, 'timeoutSeconds') ?? 0;
  const asTable = wantsTable(api.request);
  let isFirst = true;
  watches.open(
    {
      type,
      namespace: info.namespace,
      matches: selectorOf(type, query),
      since: revisionOf(query, type),
      allowBookmarks: ['true', '1'].includes(query.get('allowWatchBookmarks') ?? ''),
      sendInitialEvents: query.get('sendInitialEvents') === 'true',
      timeoutSeconds: timeout > 0 ? timeout : undefined,
      present: (object) => {
        if (!asTable) return present(type, object);
        const table = tableOf(api, {}, [object]);
        // Only the first table of a watch has headings.
        if (!isFirst) table['columnDefinitions'] = null;
        isFirst = false;
        return table;
      },
    },
    response,
  );
}

/** Puts what the client is to be warned of into the answer's headers. */
function warner({ response }: ApiRequest): (text: string) => void {
  return (text) => void response.appendHeader('Warning', `299 - ${JSON.stringify(text)}`);
}

async function create(api: ApiRequest): Promise<void> {
  const { type, info, user, cluster, query } = api;
  const object = readObject(type, await readDocument(api.request), info.namespace);
  const options = { user, dryRun: isDryRun(query), manager: managerOf(api), warn: warner(api) };
  const stored = createObject(cluster, type, object, options);
  sendObject(api, 201, stored);
}

/** PUT of an object or of a part of it. */
export async function update(api: ApiRequest, subresource: string | undefined): Promise<void> {
  const { type, info, user, cluster, query } = api;
  const given = readObject(type, await readDocument(api.request), info.namespace);
  checkName(given, info.name ?? '');
  const options = { user, dryRun: isDryRun(query), manager: managerOf(api), subresource, warn: warner(api) };
  sendObject(api, 200, replaceObject(cluster, type, found(api), given, options));
}

/** PATCH of an object or of a part of it, in any of the four kinds. */
export async function patch(api: ApiRequest, subresource: string | undefined): Promise<void> {
  const { type, info, user, cluster, query } = api;
  const body = await readBody(api.request);
  const old = cluster.store.get(type.storage, type.namespaced ? info.namespace : undefined, info.name ?? '');
  const result = applyPatch({
    type,
    old,
    name: info.name ?? '',
    namespace: info.namespace,
    subresource,
    media: mediaType(api.request),
    body,
    applier: query.get('fieldManager') ?? undefined,
    isForced: query.get('force') === 'true',
  });
  const isApplied = isApplication(mediaType(api.request));
  const options = {
    user,
    dryRun: isDryRun(query),
    warn: warner(api),
    ...(isApplied ? {} : { manager: managerOf(api) }),
  };
  if (old === undefined) sendObject(api, 201, createObject(cluster, type, result, options));
  else sendObject(api, 200, replaceObject(cluster, type, old, result, { ...options, subresource }));
}

/** Options of a deletion: in the body, or, where there is none, as parameters. */
export async function deleteOptions(api: ApiRequest): Promise<DeleteOptions> {
  const body = await readDocument(api.request);
  return { ...readDeleteOptions(body, api.query), user: api.user };
}

/** Reads DeleteOptions. Beside a body, be it an empty one, parameters count for nothing. */
export function readDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const given = isFields(body) ? body : parametersOf(query);
  const { gracePeriodSeconds: grace, orphanDependents: orphan, preconditions, dryRun } = given;
  const policy =
    given['propagationPolicy'] ??
    (orphan === undefined ? undefined : textOf(orphan) === 'true' ? 'Orphan' : 'Background');
  return {
    gracePeriodSeconds: grace === undefined || grace === null ? undefined : Number(grace),
    propagationPolicy: policy as string | undefined,
    preconditions: isFields(preconditions) ? preconditions : undefined,
    dryRun: isDryRun(
      new URLSearchParams(listOf<string>(dryRun).map((value): [string, string] => ['dryRun', value])),
    ),
  };
}

function parametersOf(query: URLSearchParams): Fields {
  const given: Fields = { dryRun: query.getAll('dryRun') };
  for (const name of ['gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'])
    if (query.has(name)) given[name] = query.get(name);
  return given;
}

async function remove(api: ApiRequest): Promise<void> {
  const { cluster, type } = api;
  const options = await deleteOptions(api);
  const { object, isGone } = deleteObject(cluster, type, found(api), options);
  if (!isGone || type.storage === 'pods') {
    sendObject(api, 200, object);
    return;
  }
  const { name, uid } = object.metadata;
  const { group, plural } = type;
  sendJson(api.response, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(group === '' ? {} : { group }), kind: plural, uid },
  });
}

async function removeAll(api: ApiRequest): Promise<void> {
  const { cluster, type, info, query } = api;
  if (!type.verbs.includes('deletecollection')) throw methodNotAllowed();
  const options = await deleteOptions(api);
  const { metadata, objects } = listObjects(cluster.store, type, info.namespace, query);
  for (const object of objects) deleteObject(cluster, type, object, options);
  sendJson(api.response, 200, presentList(type, metadata, objects));
}
