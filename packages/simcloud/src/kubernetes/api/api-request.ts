import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse, YAMLParseError } from 'yaml';
import type { ClusterContext } from '../cluster-context.ts';
import type { ResourceType } from '../types/resource-type.ts';
import type { User } from './authentication.ts';
import { decodeProtobuf, PROTOBUF } from './protobuf.ts';
import type { RequestInfo } from './request-info.ts';
import { ApiError, badRequest, invalid } from './status-error.ts';
import type { Watches } from './watches.ts';

/** A request for a resource that has passed authentication and authorization. */
export interface ApiRequest {
  cluster: ClusterContext;
  watches: Watches;
  user: User;
  info: RequestInfo;
  type: ResourceType;
  method: string;
  query: URLSearchParams;
  request: IncomingMessage;
  response: ServerResponse;
}

const MOST_BYTES = 3 * 1024 * 1024;

/** Reads a request's body. @throws ApiError 413 when it is too long */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) {
      const message = `Request entity too large: limit is ${String(MOST_BYTES)}`;
      throw new ApiError(413, 'RequestEntityTooLarge', message, {});
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads JSON. @throws ApiError 400 */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

/** Kinds of body, beside patches, that are read. */
const JSON_TYPES = new Set(['', 'application/json', 'application/yaml', '*/*']);

/**
 * Reads a request's object: JSON, YAML, and protocol buffers of some kinds.
 * @throws ApiError 415 for another form, 400 for one that cannot be read
 */
export async function readDocument(request: IncomingMessage): Promise<unknown> {
  const media = mediaType(request);
  if (media === PROTOBUF) {
    const document = decodeProtobuf(await readBody(request));
    if (document !== undefined) return document;
  } else if (JSON_TYPES.has(media)) {
    const bytes = await readBody(request);
    return media === 'application/yaml' ? parseYaml(bytes) : parseJson(bytes);
  }
  const message =
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml';
  throw new ApiError(415, 'UnsupportedMediaType', message, {});
}

/** Reads YAML, of which JSON is a part. @throws ApiError 400 */
export function parseYaml(bytes: Buffer): unknown {
  try {
    return parse(bytes.toString('utf8'));
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw badRequest(`error decoding YAML: ${error.message}`);
  }
}

/** The bare media type of a request. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** `dryRun=All`. @throws ApiError 422 for other values */
export function isDryRun(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '');
  const wrong = values.find((value) => value !== 'All');
  if (wrong !== undefined) {
    const options = { group: 'meta.k8s.io', plural: 'options', kind: 'CreateOptions' };
    const detail = 'supported values: "All"';
    throw invalid(options, '', [{ field: 'dryRun', type: 'Unsupported', value: wrong, detail }]);
  }
  return values.length > 0;
}

/** Who writes, for the ownership of fields: the parameter, else the client program's name. */
export function managerOf({ query, request }: Pick<ApiRequest, 'query' | 'request'>): string {
  const name = query.get('fieldManager') ?? (request.headers['user-agent'] ?? '').split('/', 1)[0];
  return name === undefined || name === '' ? 'unknown' : name;
}
