import { createAuthority, signRequest } from '@cetus/shared/pki';
import { badRequest, MagnumError } from './errors.ts';
import type { Authorities, ClusterFamily } from './records.ts';

const DAYS = 5 * 365;

/** New authorities of a cluster, named after it. */
export function makeAuthorities(clusterName: string): Authorities {
  const make = () => createAuthority({ commonName: clusterName, days: DAYS });
  return { kubernetes: make(), etcd: make(), frontProxy: make() };
}

/** The authority of a kind; the one of Kubernetes for any word Magnum does not know. @throws MagnumError 404 */
function authorityOf(family: ClusterFamily, kind: string | undefined): Authorities[keyof Authorities] {
  if (family.authorities === null) throw new MagnumError(404, 'A key pair None could not be found.');
  if (kind === 'etcd') return family.authorities.etcd;
  if (kind === 'front-proxy' || kind === 'front_proxy') return family.authorities.frontProxy;
  return family.authorities.kubernetes;
}

/** The certificate of an authority, PEM. @throws MagnumError 404 before there is one. */
export function authorityCertificate(family: ClusterFamily, kind: string | undefined): string {
  return authorityOf(family, kind).certificate;
}

/** Signs a request as it is, whatever name it asks for. @throws MagnumError 404, 400 for what is no request. */
export function signCsr(family: ClusterFamily, csr: string, kind: string | undefined): string {
  const authority = authorityOf(family, kind);
  try {
    return signRequest(authority, csr, { usages: ['client', 'server'], days: DAYS });
  } catch (error) {
    throw Object.assign(badRequest(`Received invalid csr b'${csr}'.`), { cause: error });
  }
}
