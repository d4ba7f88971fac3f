import type { Fields, KubeObject } from '../objects.ts';
import { CompactedError, type ObjectStore } from '../store.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { presentItem } from './codec.ts';
import { labelsOf, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { ApiError, badRequest, expired } from './status-error.ts';

/** The test that both selectors of a request make. @throws ApiError 400 */
export function selectorOf(type: ResourceType, query: URLSearchParams): (object: KubeObject) => boolean {
  const labelText = query.get('labelSelector');
  const labels = parseLabelSelector(labelText);
  const fields = parseFieldSelector(query.get('fieldSelector'), { ...type }, labelText);
  return (object) => labels(labelsOf(object)) && fields(object);
}

/** A resource version of a request; undefined for none and for any. @throws ApiError 400 */
export function revisionOf(query: URLSearchParams, resource: ResourceType): number | undefined {
  const text = query.get('resourceVersion');
  if (text === null || text === '' || text === '0') return undefined;
  if (!/^\d+$/.test(text)) {
    throw new ApiError(
      400,
      'BadRequest',
      `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
      { kind: resource.plural },
    );
  }
  return Number(text);
}

/** A number of a query. @throws ApiError 400 */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

interface Continue {
  v: string;
  rv: number;
  start: string;
}

function readContinue(text: string): Continue {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Partial<Continue>;
    if (typeof token.rv === 'number' && typeof token.start === 'string')
      return { v: 'meta.k8s.io/v1', rv: token.rv, start: token.start };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest('continue key is not valid: unrecognized version');
}

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

/** One page of a list. @throws ApiError 400 for a wrong parameter, 410 when the page's list is no longer known */
export function listObjects(
  store: ObjectStore,
  type: ResourceType,
  namespace: string | undefined,
  query: URLSearchParams,
): { metadata: Fields; objects: KubeObject[] } {
  const matches = selectorOf(type, query);
  const token = query.get('continue') ? readContinue(query.get('continue') ?? '') : undefined;
  const asked = revisionOf(query, type);
  if (token !== undefined && asked !== undefined)
    throw badRequest('specifying resource version is not allowed when using continue');
  if (asked !== undefined && asked > store.revision) {
    const message = `Timeout: Too large resource version: ${String(asked)}, current: ${String(store.revision)}`;
    throw new ApiError(504, 'Timeout', message, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  const exact = query.get('resourceVersionMatch') === 'Exact' ? asked : undefined;
  const isAny = query.get('resourceVersion') === '0';
  const revision = token?.rv ?? exact ?? (isAny ? store.cachedRevision : store.revision);
  let entries: [string, KubeObject][];
  try {
    entries = store.listAt(type.storage, namespace, revision);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw expired(token === undefined ? `The resourceVersion for the provided list is too old.` : TOO_OLD);
  }
  const start = token?.start;
  const found = entries.filter(([key, object]) => (start === undefined || key >= start) && matches(object));
  const limit = numberOf(query, 'limit') ?? 0;
  const page = limit > 0 && found.length > limit ? found.slice(0, limit) : found;
  const next = found[page.length];
  const hasSelector = Boolean(query.get('labelSelector') ?? query.get('fieldSelector'));
  const metadata: Fields = { resourceVersion: String(revision) };
  if (next !== undefined) {
    const follow: Continue = { v: 'meta.k8s.io/v1', rv: revision, start: next[0] };
    metadata['continue'] = Buffer.from(JSON.stringify(follow)).toString('base64url');
    if (!hasSelector) metadata['remainingItemCount'] = found.length - page.length;
  }
  return { metadata, objects: page.map(([, object]) => object) };
}

/** The body of a list. */
export function presentList(type: ResourceType, metadata: Fields, objects: readonly KubeObject[]): Fields {
  return {
    kind: `${type.kind}List`,
    apiVersion: type.groupVersion,
    metadata,
    items: objects.map((object) => presentItem(type, object)),
  };
}
