import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from 'node:tls';
import { CetusError } from '@cetus/shared/errors';
import type { ClusterAccess } from './kubeconfig.ts';

/**
 * How the sockets to a cluster speak TLS, as undici's connector takes it; empty for plain http.
 * @throws CetusError `invalid_field` for what TLS does not take, such as a key that is too short
 */
export function tlsOptions(access: ClusterAccess): object {
  if (access.server.startsWith('http:')) return {};
  return {
    // One context for all sockets: parsing the certificates again for each would cost memory and time.
    secureContext: secureContextOf(access),
    rejectUnauthorized: !access.skipTlsVerify,
    ...serverIdentity(access.tlsServerName),
    // One session to resume is enough for one server.
    maxCachedSessions: 1,
  };
}

function secureContextOf(access: ClusterAccess): SecureContext {
  const { authorityCertificate: ca, clientCertificate: cert, clientKey: key } = access;
  try {
    return createSecureContext({ ca, cert, key });
  } catch (cause) {
    const why = `The certificates of the kubeconfig cannot be used: ${(cause as Error).message}`;
    throw new CetusError('invalid_field', why, { field: 'kubeconfig', cause });
  }
}

/** Who the server must be, when its address does not say it. */
function serverIdentity(name: string | undefined): object {
  if (name === undefined) return {};
  if (isIP(name) === 0) return { servername: name };
  // TLS has no names that are addresses (RFC 6066): none is sent for it, and the certificate must be for it all the same.
  return {
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
  };
}
