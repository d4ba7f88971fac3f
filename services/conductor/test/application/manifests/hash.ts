import { createHash } from 'node:crypto';
import type { Manifest } from '@cetus/kubernetes/apply';
import { GENERATION_ANNOTATION } from '@cetus/shared/schemas';
import { canonicalJson } from '../../../src/application/manifests/canonical-json.ts';

/** What manifests say, in 64 characters, without the generation. */
export function hashOf(manifests: readonly Manifest[]): string {
  return createHash('sha256')
    .update(canonicalJson(manifests.map(withoutGeneration)))
    .digest('hex');
}

function withoutGeneration(manifest: Manifest): Manifest {
  const { annotations, ...metadata } = manifest.metadata;
  const { [GENERATION_ANNOTATION]: _, ...others } = annotations ?? {};
  return { ...manifest, metadata: { ...metadata, annotations: others } };
}
