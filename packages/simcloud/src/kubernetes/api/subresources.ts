import { at, fieldsOf, isFields, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';
import { evict } from '../controllers/disruption.ts';
import { readLogQuery, sendLog } from '../controllers/logs.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { replaceObject } from '../writes.ts';
import {
  isDryRun,
  managerOf,
  mediaType,
  parseJson,
  readBody,
  readDocument,
  type ApiRequest,
} from './api-request.ts';
import { sendJson, sendText } from './exchange.ts';
import { serveExec } from './exec.ts';
import { found, patch, readDeleteOptions, sendObject, update } from './resource-handlers.ts';
import { ApiError, badRequest, conflict, methodNotAllowed, MODIFIED } from './status-error.ts';

type Handler = (api: ApiRequest) => Promise<void>;

const HANDLERS: Readonly<Record<string, Handler>> = {
  status: part('status'),
  approval: part('approval'),
  finalize: part('finalize'),
  scale,
  eviction,
  binding,
  log,
  exec,
  attach,
  token,
  proxy,
};

/** Carries out a request for a subresource. @throws ApiError */
export function handleSubresource(api: ApiRequest, name: string): Promise<void> {
  const handler = HANDLERS[name];
  if (handler === undefined) throw new ApiError(501, 'NotImplemented', `${name} is not simulated`, {});
  return handler(api);
}

function part(name: string): Handler {
  return async (api) => {
    if (api.method === 'GET') sendObject(api, 200, found(api));
    else if (api.method === 'PUT') await update(api, name);
    else if (api.method === 'PATCH') await patch(api, name);
    else throw methodNotAllowed();
  };
}

/** A workload's number of replicas, in the form all workloads share. */
function scaleOf(api: ApiRequest, object: KubeObject): Fields {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = at(object.spec, 'selector');
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    // Go leaves out a zero here.
    spec: at(object.spec, 'replicas') ? { replicas: at(object.spec, 'replicas') } : {},
    status: {
      replicas: at(object.status, 'replicas') ?? 0,
      selector: selectorText(api.type.group === '' ? { matchLabels: selector } : selector),
    },
  };
}

/** A selector as text. */
function selectorText(selector: unknown): string {
  const labels = Object.entries(fieldsOf(at(selector, 'matchLabels'))).map(
    ([key, value]) => `${key}=${String(value)}`,
  );
  const words: Record<string, string> = { In: 'in', NotIn: 'notin' };
  const expressions = listOf<{ key: string; operator: string; values?: string[] }>(
    at(selector, 'matchExpressions'),
  ).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    return operator === 'DoesNotExist' ? `!${key}` : `${key} ${words[operator] ?? ''} (${values.join(',')})`;
  });
  return [...labels.sort(), ...expressions].join(',');
}

async function scale(api: ApiRequest): Promise<void> {
  const old = found(api);
  const current = scaleOf(api, old);
  if (api.method === 'GET') {
    sendJson(api.response, 200, current);
    return;
  }
  const body =
    api.method === 'PUT' ? await readDocument(api.request) : parseJson(await readBody(api.request));
  const isJsonPatch = mediaType(api.request) === 'application/json-patch+json';
  const asked = fieldsOf(
    api.method === 'PUT'
      ? body
      : isJsonPatch
        ? applyJsonPatch(current, body)
        : applyMergePatch(current, body),
  );
  const version = fieldsOf(asked['metadata'])['resourceVersion'];
  if (typeof version === 'string' && version !== '' && version !== old.metadata.resourceVersion)
    throw conflict(api.type, old.metadata.name, MODIFIED);
  const replicas = at(asked['spec'], 'replicas') ?? 0;
  if (typeof replicas !== 'number')
    throw badRequest('json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32');
  const given: KubeObject = { ...old, spec: { ...old.spec, replicas } };
  const stored = replaceObject(api.cluster, api.type, old, given, {
    user: api.user,
    dryRun: isDryRun(api.query),
    manager: managerOf(api),
  });
  sendJson(api.response, 200, scaleOf(api, stored));
}

/** The answer where there is no object to show. */
const CREATED = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

async function eviction(api: ApiRequest): Promise<void> {
  if (api.method !== 'POST') throw methodNotAllowed();
  const body = fieldsOf(await readDocument(api.request));
  const name = at(body, 'metadata', 'name');
  if (name !== undefined && name !== api.info.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const options = readDeleteOptions(fieldsOf(body['deleteOptions']), api.query);
  const dryRun = options.dryRun === true || isDryRun(api.query);
  evict(api.cluster, api.type, found(api), { ...options, dryRun, user: api.user });
  sendJson(api.response, 201, CREATED);
}

/** A scheduler of somebody's own gives a pod to a node. */
async function binding(api: ApiRequest): Promise<void> {
  const body = await readDocument(api.request);
  const pod = found(api);
  const node = at(body, 'target', 'name');
  if (typeof node !== 'string' || node === '') throw badRequest('target.name: Required value');
  if (at(pod.spec, 'nodeName'))
    throw conflict(
      api.type,
      pod.metadata.name,
      `pod ${pod.metadata.name} is already assigned to node "${String(at(pod.spec, 'nodeName'))}"`,
    );
  bindPod(api, pod, node);
  sendJson(api.response, 201, CREATED);
}

function bindPod({ cluster, type }: ApiRequest, pod: KubeObject, nodeName: string): void {
  const condition = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(),
  };
  const conditions = listOf<Fields>(at(pod.status, 'conditions')).filter(
    (one) => one['type'] !== 'PodScheduled',
  );
  cluster.store.put(type.storage, {
    ...pod,
    spec: { ...pod.spec, nodeName },
    status: { ...pod.status, conditions: [...conditions, condition] },
  });
}

async function log(api: ApiRequest): Promise<void> {
  if (api.method !== 'GET') throw methodNotAllowed();
  const query = readLogQuery(api.query, api.info.name ?? '');
  sendLog(api, found(api), query);
}

async function exec(api: ApiRequest): Promise<void> {
  await serveExec(api, found(api), 'exec');
}

async function attach(api: ApiRequest): Promise<void> {
  await serveExec(api, found(api), 'attach');
}

/** A token for a service account; it is gone with the process that has signed it. */
async function token(api: ApiRequest): Promise<void> {
  if (api.method !== 'POST') throw methodNotAllowed();
  const body = fieldsOf(await readDocument(api.request));
  const { name, namespace, uid } = found(api).metadata;
  const spec = fieldsOf(body['spec']);
  const seconds = Number(spec['expirationSeconds'] ?? 3600);
  const signed = api.cluster.signToken({ namespace: namespace ?? '', name, uid }, seconds);
  sendJson(api.response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestamp() },
    spec: { ...spec, expirationSeconds: seconds },
    status: { token: signed.token, expirationTimestamp: timestamp(signed.expires) },
  });
}

/** The kubelet behind a node, as far as it is asked for its health. */
async function proxy(api: ApiRequest): Promise<void> {
  const object = found(api);
  if (api.type.storage !== 'nodes' || api.method !== 'GET') throw methodNotAllowed();
  const isReady = listOf<Fields>(at(object.status, 'conditions')).some(
    (one) => isFields(one) && one['type'] === 'Ready' && one['status'] === 'True',
  );
  if (!isReady) {
    const message = `error trying to reach service: dial tcp: connect: connection refused`;
    throw new ApiError(503, 'ServiceUnavailable', message, {});
  }
  if (api.info.rest !== 'healthz') sendText(api.response, 404, '404 page not found\n');
  else sendText(api.response, 200, 'ok');
}
