import type { Manifest } from '@cetus/kubernetes/apply';

/** What stands for a value that is not told. */
const REDACTED = '***';

/** A manifest for people: the values of a Secret are left out. */
export function redactManifest(manifest: Manifest): Manifest {
  if (manifest.kind !== 'Secret') return manifest;
  return {
    ...manifest,
    ...hidden('data', manifest['data']),
    ...hidden('stringData', manifest['stringData']),
  };
}

function hidden(field: string, data: unknown): object {
  if (typeof data !== 'object' || data === null) return {};
  return { [field]: Object.fromEntries(Object.keys(data).map((key) => [key, REDACTED])) };
}
