import { createHash } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import { NovaClient } from '@cetus/openstack/nova';

/**
 * Magnum looks for a key pair among those of whoever asks it, which is the service user, not the user whose key it is. So the service user
 * gets a key pair of the same public key, named after the key: clusters of one user share it, as Nova limits the key pairs of a user (to
 * 100, where nobody changed it). It stays: every node that a cluster gets later needs it.
 * @param service the service user's own session: another user's key pair is shown to an administrator only
 * @returns the name to give to Magnum; null when the cluster asks for none
 * @throws CetusError `keypair_not_found`
 */
export async function ensureKeypair(
  service: KeystoneSession,
  { user_id: userId, spec: { keypair } }: Pick<StoredCluster, 'user_id' | 'spec'>,
  signal: AbortSignal,
): Promise<string | null> {
  if (keypair === null) return null;
  const nova = new NovaClient(service);
  const key = await nova.getKeypair(keypair, { userId, signal });
  if (key === null)
    throw new CetusError('keypair_not_found', `The key pair ${keypair} does not exist`, { field: 'keypair' });
  const name = `cetus-${createHash('sha256').update(key.public_key).digest('hex').slice(0, 32)}`;
  await nova.ensureKeypair({ name, public_key: key.public_key }, signal);
  return name;
}
