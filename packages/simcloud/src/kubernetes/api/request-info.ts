/** What a path of the API asks for. */
export interface RequestInfo {
  /** `v1` or `apps/v1`. */
  groupVersion: string;
  group: string;
  plural: string;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
  /** Path behind the subresource, for proxies. */
  rest: string;
}

/** Reads `/api/v1/…` and `/apis/<group>/<version>/…`; undefined for other paths and for discovery. */
export function requestInfo(path: string): RequestInfo | undefined {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const [root, ...after] = parts;
  const isCore = root === 'api';
  if (!isCore && root !== 'apis') return undefined;
  const group = isCore ? '' : (after[0] ?? '');
  const version = after[isCore ? 0 : 1];
  const segments = after.slice(isCore ? 1 : 2);
  if (version === undefined || segments.length === 0) return undefined;
  const groupVersion = isCore ? version : `${group}/${version}`;
  // `namespaces/x` is the namespace itself, and so are its own subresources.
  const isInside =
    segments[0] === 'namespaces' &&
    segments.length > 2 &&
    !['status', 'finalize'].includes(segments[2] ?? '');
  const namespace = isInside ? segments[1] : undefined;
  const [plural = '', name, subresource, ...rest] = isInside ? segments.slice(2) : segments;
  return { groupVersion, group, plural, namespace, name, subresource, rest: rest.join('/') };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
