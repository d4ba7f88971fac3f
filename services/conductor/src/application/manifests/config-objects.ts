import type { Manifest } from '@cetus/kubernetes/apply';
import type { ManifestInput } from './input.ts';
import { metadataOf } from './metadata.ts';
import { partName, pullSecretName } from './names.ts';
import { pullPassword, secretValues } from './values.ts';

/** @throws CetusError `internal_error` when values are missing */
export function secrets(input: ManifestInput): Manifest[] {
  const { application, spec } = input;
  const own = spec.secrets.map((secret): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(input, partName(application.name, secret.name)),
    data: Object.fromEntries(
      Object.entries(secretValues(input, secret)).map(([key, value]) => [key, base64(value)]),
    ),
  }));
  const account = spec.image_pull_secret;
  return account !== null && 'registry' in account ? [...own, pullSecret(input, account)] : own;
}

/** Where images may be had from; undefined: from anywhere that needs no account. */
export function imagePullSecrets({ application, spec }: ManifestInput): { name: string }[] | undefined {
  const account = spec.image_pull_secret;
  if (account === null) return undefined;
  return [{ name: 'registry' in account ? pullSecretName(application.name) : account.name }];
}

export function configMaps(input: ManifestInput): Manifest[] {
  return (input.spec.config_files ?? []).map(({ name, files }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(input, partName(input.application.name, name)),
    data: files,
  }));
}

function pullSecret(
  input: ManifestInput,
  { registry, username }: { registry: string; username: string },
): Manifest {
  const password = pullPassword(input);
  const auths = { [registry]: { username, password, auth: base64(`${username}:${password}`) } };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(input, pullSecretName(input.application.name)),
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
  };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
