import { CetusError } from '@cetus/shared/errors';
import { SecretError } from '@cetus/shared/secrets';
import { KubernetesError, KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import { briefly } from './brief.ts';

/** Why a cluster cannot be looked at: the reason and the message of its condition `Reachable`. */
export interface Trouble {
  reason:
    'NoAnswer' | 'CredentialsRefused' | 'CertificateRejected' | 'DifferentCluster' | 'KubeconfigInvalid';
  message: string;
}

/** What answers is not the cluster that it was. */
export class DifferentClusterError extends Error {
  override readonly name = 'DifferentClusterError';
}

/** What Node says of a server's certificate that it does not accept. Source: X509_verify_cert_error_string(3), tls of Node. */
const SERVER_CERTIFICATE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|ERR_TLS_CERT_)/;
/** What a server says of a client's certificate that it does not accept, by an alert of TLS. */
const CLIENT_CERTIFICATE = /^ERR_SSL_.*ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** Statuses that a proxy or a load balancer answers with when there is no API server behind it. */
const GATEWAY = new Set([502, 503, 504]);

/**
 * What a failed request says about reaching the cluster; null when it was answered, whatever the answer was.
 * @throws whatever has nothing to do with the cluster
 */
export function troubleOf(error: unknown): Trouble | null {
  const trouble = troubleIn(error);
  return trouble === null ? null : { ...trouble, message: briefly(trouble.message) };
}

/** What is not known to be a cluster's answer is none: whatever stands at its address must not keep an operation from ending. */
export function troubleWith(error: Error): Trouble {
  try {
    return troubleOf(error) ?? { reason: 'NoAnswer', message: error.message };
  } catch {
    return { reason: 'NoAnswer', message: `its answers cannot be used: ${error.message}` };
  }
}

function troubleIn(error: unknown): Trouble | null {
  if (error instanceof KubernetesError) return refusal(error);
  if (error instanceof KubernetesUnreachableError) {
    const { code, message } = error;
    if (SERVER_CERTIFICATE.test(code)) return { reason: 'CertificateRejected', message };
    if (CLIENT_CERTIFICATE.test(code)) return { reason: 'CredentialsRefused', message };
    return { reason: 'NoAnswer', message };
  }
  if (error instanceof DifferentClusterError) return { reason: 'DifferentCluster', message: error.message };
  if (error instanceof SecretError || (error instanceof CetusError && error.code === 'invalid_field')) {
    return { reason: 'KubeconfigInvalid', message: `The kubeconfig cannot be used: ${error.message}` };
  }
  throw error;
}

function refusal({ status, message, reason }: KubernetesError): Trouble | null {
  if (status === 401 || status === 403) {
    const what = status === 401 ? 'refuses the credentials' : 'does not let the user look';
    return { reason: 'CredentialsRefused', message: `The Kubernetes API answers but ${what}: ${message}` };
  }
  if (GATEWAY.has(status) && reason === undefined) {
    return {
      reason: 'NoAnswer',
      message: `Something answers in place of the Kubernetes API, with ${String(status)}`,
    };
  }
  return null;
}
