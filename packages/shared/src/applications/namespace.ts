import { createHash } from 'node:crypto';

const PREFIX = 'cetus-';
/** Characters of the digest that are kept: five bits each, so that no two are ever alike by chance. */
const LENGTH = 26;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The namespace that a user of a project has in each cluster: always the same, and nobody else's. Neither id can be told from it, and
 * whatever characters they have, it is a name that Kubernetes takes.
 */
export function namespaceOf(projectId: string, userId: string): string {
  // With its length before it, no project and user run into what another pair would be.
  const digest = createHash('sha256')
    .update(`${String(projectId.length)}:${projectId}/${userId}`)
    .digest();
  return `${PREFIX}${[...digest.subarray(0, LENGTH)].map((byte) => ALPHABET[byte & 31]).join('')}`;
}
