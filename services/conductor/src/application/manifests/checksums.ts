import { createHash, createHmac } from 'node:crypto';
import type { Container, InitContainer } from '@cetus/shared/schemas';
import { canonicalJson } from './canonical-json.ts';
import type { ManifestInput } from './input.ts';
import { secretValues } from './values.ts';

/** On the instances, so that they are replaced when what they read changes. */
const CONFIG_CHECKSUM_ANNOTATION = 'cetus.io/config-checksum';
const SECRET_CHECKSUM_ANNOTATION = 'cetus.io/secret-checksum';

/**
 * Sums over the files and the values that the containers use: a file that nobody reads replaces no instance. Of Secrets that are not
 * the application's nothing is known.
 * @throws CetusError `internal_error` when values are missing
 */
export function checksums(input: ManifestInput): Record<string, string> {
  const { spec } = input;
  const containers: InitContainer[] = [...spec.containers, ...(spec.init_containers ?? [])];
  const configs = new Set(containers.flatMap(mountedConfigs));
  const secrets = new Set(containers.flatMap(usedSecrets));
  const files = (spec.config_files ?? []).filter(({ name }) => configs.has(name));
  const values = spec.secrets
    .filter(({ name }) => secrets.has(name))
    .map((secret) => ({ name: secret.name, values: secretValues(input, secret) }));
  return {
    ...(files.length === 0
      ? {}
      : { [CONFIG_CHECKSUM_ANNOTATION]: createHash('sha256').update(canonicalJson(files)).digest('hex') }),
    ...(values.length === 0
      ? {}
      : {
          // With a key that nobody else knows, so that what is easily guessed cannot be tried out.
          [SECRET_CHECKSUM_ANNOTATION]: createHmac('sha256', input.values?.salt ?? '')
            .update(canonicalJson(values))
            .digest('hex'),
        }),
  };
}

function mountedConfigs({ mounts = [] }: Container | InitContainer): string[] {
  return mounts.flatMap(({ config }) => config ?? []);
}

function usedSecrets({ mounts = [], env = [] }: Container | InitContainer): string[] {
  return [
    ...mounts.flatMap(({ secret }) => secret ?? []),
    ...env.flatMap(({ secret }) => secret?.name ?? []),
  ];
}
