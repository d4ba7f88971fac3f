import { CetusError } from '@cetus/shared/errors';
import {
  AmbiguousNameError,
  EndpointNotFoundError,
  OpenStackError,
  OpenStackUnreachableError,
  ProjectScopeError,
} from '@cetus/openstack/errors';

/** Statuses with which a service says that it cannot now, though it may later. */
const LATER = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Runs calls of OpenStack; what they throw becomes CetusError, with the service's own words and the whole error as its cause.
 * @param own the driver's own errors in Cetus' words; what it does not know it gives back as it is
 */
export async function guardBackEnd<T>(
  run: () => Promise<T>,
  own: (error: unknown) => unknown = (error) => error,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw own(toCetusError(error));
  }
}

/** The same failure in Cetus' words; what is not of OpenStack stays as it is. */
function toCetusError(error: unknown): unknown {
  const cause = error;
  if (error instanceof OpenStackUnreachableError) {
    return new CetusError(
      'back_end_unavailable',
      `The ${error.service} service does not answer (${error.code})`,
      { cause },
    );
  }
  if (error instanceof OpenStackError) {
    const said = `The ${error.service} service answered ${String(error.status)}: ${error.message}`;
    if (LATER.has(error.status) || isOfTheMoment(error)) {
      const retryAfterMs =
        error.retryAfterSeconds === undefined ? {} : { retryAfterMs: error.retryAfterSeconds * 1000 };
      return new CetusError('back_end_unavailable', said, { cause, ...retryAfterMs });
    }
    return new CetusError('back_end_refused', said, { cause });
  }
  if (error instanceof EndpointNotFoundError || error instanceof ProjectScopeError) {
    return new CetusError('back_end_refused', error.message, { cause });
  }
  if (error instanceof AmbiguousNameError)
    return new CetusError('ambiguous_reference', error.message, { cause });
  return error;
}

/**
 * A 401 is about our own credential (a password that is being changed, a role that is not there yet), not about the cluster; a 404 without
 * a type comes from a proxy, not from the service behind it.
 */
function isOfTheMoment(error: OpenStackError): boolean {
  const ours = error.status === 401 || (error.status === 403 && error.service === 'identity');
  return ours || (error.status === 404 && error.code === undefined);
}
