import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { CetusError } from '@cetus/shared/errors';
import type { SealedSecret, SealAnswer, SealRequest, SecretValues } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';

const FIELD = 'spec.sealed';

/** The values of an application's secrets; null: it has none. @throws SecretError */
export function openValues(box: SecretBox, id: string, sealed: SealedSecret | null): SecretValues | null {
  return sealed === null ? null : (JSON.parse(box.open(sealed, { id, field: FIELD })) as SecretValues);
}

/**
 * Seals the values of a request, together with those that it leaves as they were. What it does not name is forgotten; where nothing is
 * different, what was sealed is answered as it is.
 * @throws CetusError `missing_field` for values that are left as they were and never were there; SecretError
 */
export function sealValues(box: SecretBox, request: SealRequest, before: SealedSecret | null): SealAnswer {
  const known = openValues(box, request.id, before);
  const secrets: SecretValues['secrets'] = {};
  for (const [name, values] of Object.entries(request.secrets))
    secrets[name] = values ?? kept(known?.secrets[name], `secrets/${name}/values`);
  const pull_password =
    request.pull_password === null
      ? kept(known?.pull_password ?? undefined, 'image_pull_secret/password')
      : (request.pull_password ?? null);
  const keys = Object.fromEntries(
    Object.entries(secrets).map(([name, values]) => [name, Object.keys(values).sort()]),
  );
  if (Object.keys(secrets).length === 0 && pull_password === null) return { sealed: null, keys };
  const values: SecretValues = {
    secrets,
    pull_password,
    salt: known?.salt ?? randomBytes(16).toString('hex'),
  };
  if (before !== null && isDeepStrictEqual(values, known)) return { sealed: before, keys };
  return { sealed: box.seal(JSON.stringify(values), { id: request.id, field: FIELD }), keys };
}

function kept<T>(value: T | undefined, field: string): T {
  if (value !== undefined) return value;
  throw new CetusError('missing_field', `${field} is missing: there is none that could stay as it is`, {
    field,
  });
}
