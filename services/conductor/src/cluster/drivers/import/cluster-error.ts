import {
  hasStatus,
  KubernetesError,
  KubernetesUnreachableError,
  toCetusError,
} from '@cetus/kubernetes/errors';
import { CetusError, type ErrorCode } from '@cetus/shared/errors';
import { troubleOf, type Trouble } from '../../../health/trouble.ts';

/** What only a person can mend: none of these is tried again. */
const CODES: Readonly<Partial<Record<Trouble['reason'], ErrorCode>>> = {
  CredentialsRefused: 'cluster_credentials_rejected',
  CertificateRejected: 'cluster_untrusted',
};

/** Characters of what a cluster says that are passed on. */
const MAX_QUOTE = 500;

/**
 * Runs calls of a cluster's API; what they throw becomes CetusError. Not retryable are credentials that do not count any more
 * (`cluster_credentials_rejected`), rights that are missing (`cluster_permissions_missing`), a server that may not be the one that it was
 * (`cluster_untrusted`), and requests that the cluster refuses (`back_end_refused`).
 */
export async function guardCluster<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw clusterError(error);
  }
}

function clusterError(cause: unknown): unknown {
  if (!(cause instanceof KubernetesError) && !(cause instanceof KubernetesUnreachableError)) return cause;
  const trouble = troubleOf(cause);
  const code = trouble === null ? undefined : CODES[trouble.reason];
  if (trouble === null || code === undefined) return shortened(toCetusError(cause) as CetusError);
  const said = trouble.message.slice(0, MAX_QUOTE);
  return new CetusError(hasStatus(cause, 403) ? 'cluster_permissions_missing' : code, said, { cause });
}

function shortened(error: CetusError): CetusError {
  const { code, message, cause, retryAfterMs } = error;
  const options = { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return message.length <= MAX_QUOTE ? error : new CetusError(code, message.slice(0, MAX_QUOTE), options);
}
