import { CetusError } from '@cetus/shared/errors';
import type { ApplicationSpec } from '@cetus/shared/schemas';
import type { ManifestInput } from './input.ts';

/**
 * The values of one of the application's secrets.
 * @throws CetusError `internal_error` when one is missing: they are written with the names of their keys
 */
export function secretValues(
  { application, values }: Pick<ManifestInput, 'application' | 'values'>,
  { name, keys }: ApplicationSpec['secrets'][number],
): Record<string, string> {
  const known = values?.secrets ?? {};
  const found = Object.hasOwn(known, name) ? (known[name] ?? {}) : {};
  return Object.fromEntries(
    keys.map((key) => {
      const value = Object.hasOwn(found, key) ? found[key] : undefined;
      if (value === undefined)
        throw new CetusError(
          'internal_error',
          `The application ${application.name} has no value for ${key} of its secret ${name}`,
        );
      return [key, value];
    }),
  );
}

/** The password of the pull secret. @throws CetusError `internal_error` when there is none */
export function pullPassword({ application, values }: Pick<ManifestInput, 'application' | 'values'>): string {
  if (values?.pull_password != null) return values.pull_password;
  throw new CetusError(
    'internal_error',
    `The application ${application.name} has no password for its image_pull_secret`,
  );
}
