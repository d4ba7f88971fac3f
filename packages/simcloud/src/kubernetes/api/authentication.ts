import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** Who asks. */
export interface User {
  name: string;
  groups: string[];
  uid?: string;
}

/** What a cluster believes. */
export interface Credentials {
  authorities: readonly X509Certificate[];
  tokens: Readonly<Record<string, { user: string; groups: string[] }>>;
  /** Reads a token the cluster has signed itself; undefined when it is none, or no longer good. */
  serviceAccount(token: string): User | undefined;
}

const CLIENT_USE = '1.3.6.1.5.5.7.3.2';
const AUTHENTICATED = 'system:authenticated';
const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The user of a request; null when it brings credentials that are no good. */
export function authenticate(request: IncomingMessage, credentials: Credentials): User | null {
  const certificate =
    request.socket instanceof TLSSocket ? request.socket.getPeerX509Certificate() : undefined;
  const fromCertificate = certificate === undefined ? undefined : certificateUser(certificate, credentials);
  if (fromCertificate !== undefined) return fromCertificate;
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token !== undefined) {
    const known = Object.hasOwn(credentials.tokens, token) ? credentials.tokens[token] : undefined;
    if (known !== undefined) return { name: known.user, groups: [...known.groups, AUTHENTICATED] };
    return credentials.serviceAccount(token) ?? null;
  }
  return certificate !== undefined || request.headers.authorization !== undefined ? null : ANONYMOUS;
}

function certificateUser(certificate: X509Certificate, { authorities }: Credentials): User | undefined {
  const now = Date.now();
  if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now) return undefined;
  // Node calls the extended usages by this name.
  const usages = certificate.keyUsage as string[] | undefined;
  if (usages !== undefined && !usages.includes(CLIENT_USE)) return undefined;
  const isSigned = authorities.some(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
  if (!isSigned) return undefined;
  const { CN, O } = certificate.toLegacyObject().subject as { CN?: string; O?: string | string[] };
  return { name: CN ?? '', groups: [...(O === undefined ? [] : [O].flat()), AUTHENTICATED] };
}
