import type { KubernetesConnection } from './connection.ts';
import { inParallel } from './in-parallel.ts';

/** Something that a user may want to do. */
export interface Permission {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or `*`. */
  verb: string;
  /** Plural name, such as `pods`, or `*`. */
  resource: string;
  /** API group; default: the core's. */
  group?: string;
  /** Such as `eviction` or `scale`. */
  subresource?: string;
  /** Default: all namespaces, or none for what has none. */
  namespace?: string;
}

/** Of an answer that may come from anything. */
type Review = { status?: { allowed?: boolean } } | undefined;

/** Reviews under way at the same time. */
const CONCURRENCY = 4;

/**
 * Which of the permissions the connection's user does not have, asked one by one (SelfSubjectAccessReview), in their order.
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function missingPermissions(
  connection: KubernetesConnection,
  wanted: readonly Permission[],
  options: { signal?: AbortSignal } = {},
): Promise<Permission[]> {
  const allowed = await inParallel(wanted, CONCURRENCY, async (permission) => {
    const body = { spec: { resourceAttributes: permission } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await connection.request<Review>('POST', path, { body, signal: options.signal });
    return answer.body?.status?.allowed === true;
  });
  return wanted.filter((_, index) => allowed[index] !== true);
}
