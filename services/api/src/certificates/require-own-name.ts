import type { Caller } from '@cetus/shared/auth';
import { CetusError } from '@cetus/shared/errors';
import type { SigningRequest } from '@cetus/shared/pki';
import type { StoredCluster } from '@cetus/shared/schemas';

/**
 * Whom a certificate may be for. A cluster that Cetus made is all its project's. One that was imported may be others' too, under whose
 * certificates their applications are kept apart: who handed in its kubeconfig has that power anyway, all others of the project get
 * certificates of their own name (the Keystone user id) only, and of no group.
 * @throws CetusError `forbidden`
 */
export function requireOwnName(
  { spec, user_id }: Pick<StoredCluster, 'spec' | 'user_id'>,
  { userId }: Pick<Caller, 'userId'>,
  { commonName, organizations }: Pick<SigningRequest, 'commonName' | 'organizations'>,
): void {
  if (spec.imported === null || user_id === userId) return;
  if (commonName === userId && organizations.length === 0) return;
  throw new CetusError(
    'forbidden',
    `csr must be for your own user id, ${userId}, and no group: the cluster was imported by another user`,
    { field: 'csr' },
  );
}
