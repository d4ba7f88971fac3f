import type { NodeStackInput } from '../stack-input.ts';
import { cloudConfig } from './cloud-config.ts';
import { distributionOf } from './distributions.ts';
import { ignitionConfig } from './ignition.ts';
import type { NodeRole } from './node-file.ts';
import { nodeFiles, type PublicSecrets } from './node-files.ts';

/** Nova's limit, in bytes, of user data after base64. */
export const USER_DATA_LIMIT_BYTES = 65_535;

/**
 * The user data of one node, in the form its image reads, with tokens for Heat's str_replace.
 * @param node `masterIndex` counts masters from 0 and is ignored for workers
 * @throws UnsupportedImageError when nodes cannot be made from the image
 */
export function nodeUserData(
  input: NodeStackInput,
  secrets: PublicSecrets,
  node: { role: NodeRole; nodeName: string; masterIndex: number },
): string {
  const distribution = distributionOf(input.image);
  const description = {
    nodeName: node.nodeName,
    sshPublicKey: input.sshPublicKey,
    files: nodeFiles(input, secrets, node, distribution),
  };
  return distribution === 'debian' ? cloudConfig(description) : ignitionConfig(description);
}
