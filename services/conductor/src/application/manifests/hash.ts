import { createHash } from 'node:crypto';
import type { Manifest } from '@cetus/kubernetes/apply';
import { GENERATION_ANNOTATION } from '@cetus/shared/schemas';

/** JSON that is the same for what is equal, in whatever order its fields are. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

/** What manifests say, in 64 characters. The generation does not count: with nothing else different there is nothing to apply. */
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
