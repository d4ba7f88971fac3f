import { createHash } from 'node:crypto';
import { PULL_SECRET } from '@cetus/shared/applications';
import type { ApplicationSpec } from '@cetus/shared/schemas';

// The names of an application's objects. An application's name has 40 characters at most, those of its files and secrets 20: nothing
// here gets longer than 63, which is what a label may have.

/** The ConfigMap, the Secret or the claim that an application calls so. */
export function partName(application: string, part: string): string {
  return `${application}-${part}`;
}

/** The Secret with the account for images. */
export function pullSecretName(application: string): string {
  return partName(application, PULL_SECRET);
}

/** The Service that gives the instances of a `stateful` application their names. */
export function headlessName(application: string): string {
  return `${application}-headless`;
}

/** The Job of a run that was asked for. */
export function runName(application: string, run: number): string {
  return `${application}-run-${String(run)}`;
}

/** A name of the namespace for one that the application uses: of one of its own secrets, or of somebody else's as it is. */
export function secretName(
  application: string,
  spec: Pick<ApplicationSpec, 'secrets'>,
  name: string,
): string {
  return spec.secrets.some((secret) => secret.name === name) ? partName(application, name) : name;
}

/** So many characters of a digest as names have room for. */
export function shortHash(text: string, length = 10): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
