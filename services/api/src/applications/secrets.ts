import type { Bus } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import type { ApplicationForm, ApplicationSpec, SealRequest } from '@cetus/shared/schemas';
import { ask } from './ask.ts';
import { APPLICATION_BODY_BYTES } from './limits.ts';

/** What a specification says of secrets. */
export interface SpecSecrets extends Pick<ApplicationSpec, 'secrets' | 'image_pull_secret'> {
  /** `as before`: what the specification before has stays as it is. */
  sealed: ApplicationSpec['sealed'] | 'as before';
}

/** The part of a form that {@link checkForm} has let through. */
type Secrets = Pick<ApplicationForm, 'secrets' | 'image_pull_secret'>;

/** Characters of base64 of as many sealed bytes as a request may have: what changes leave as it was adds up. */
const MAX_SEALED_CHARACTERS = Math.ceil((APPLICATION_BODY_BYTES * 4) / 3);

/**
 * Has the values of a form's secrets sealed: nobody but the service that holds the keys sees them again. What the form leaves out is as
 * it was.
 * @param id the application that they are sealed for
 * @param before what the application is asked to be so far; null: it is new
 * @throws CetusError `missing_field`, `invalid_field`; what {@link ask} throws
 */
export async function sealSecrets(
  deps: { bus: Bus },
  id: string,
  form: Secrets,
  before: ApplicationSpec | null,
): Promise<SpecSecrets> {
  const asked = toSeal(form, before);
  const image_pull_secret = pullSecretOf(form, before);
  if (asked.pull_password === undefined && Object.keys(asked.secrets).length === 0) {
    return { secrets: [], image_pull_secret, sealed: null };
  }
  if (before !== null && asBefore(asked, before)) {
    return { secrets: withKeys(form, keysOf(before)), image_pull_secret, sealed: 'as before' };
  }
  const { sealed, keys } = await ask(deps, 'seal', { id, ...asked });
  if ((sealed?.ciphertext.length ?? 0) > MAX_SEALED_CHARACTERS) {
    const detail = `The values of all secrets together must have at most ${String(APPLICATION_BODY_BYTES)} bytes`;
    throw new CetusError('invalid_field', detail, { field: 'secrets' });
  }
  return { secrets: withKeys(form, new Map(Object.entries(keys))), image_pull_secret, sealed };
}

/** @throws CetusError `missing_field` where there is nothing to be left as it was */
function toSeal(
  { secrets = [], image_pull_secret: pull }: Secrets,
  before: ApplicationSpec | null,
): Omit<SealRequest, 'id'> {
  const had = new Set(before?.secrets.map(({ name }) => name));
  for (const [index, { name, values }] of secrets.entries()) {
    if (values === undefined && !had.has(name)) {
      const field = `secrets/${String(index)}/values`;
      throw new CetusError('missing_field', `${field} is missing: there are none yet`, { field });
    }
  }
  return {
    secrets: Object.fromEntries(secrets.map(({ name, values = null }) => [name, values])),
    ...(pull?.registry === undefined ? {} : { pull_password: pull.password ?? null }),
  };
}

function pullSecretOf(
  { image_pull_secret: pull }: Secrets,
  before: ApplicationSpec | null,
): ApplicationSpec['image_pull_secret'] {
  if (pull === undefined) return null;
  const { name, registry = '', username = '', password } = pull;
  if (name !== undefined) return { name };
  const had = before?.image_pull_secret;
  const same = had != null && 'registry' in had && had.registry === registry && had.username === username;
  // A password is for the account that it was given for, and for no other.
  if (password === undefined && !same) {
    const field = 'image_pull_secret/password';
    throw new CetusError('missing_field', `${field} is missing: none was given for this account`, { field });
  }
  return { registry, username };
}

/** Whether nothing is to be sealed anew; what is left out must be forgotten, not kept beside the rest. */
function asBefore({ secrets, pull_password }: Omit<SealRequest, 'id'>, before: ApplicationSpec): boolean {
  const had = before.image_pull_secret !== null && 'registry' in before.image_pull_secret;
  return (
    Object.values(secrets).every((values) => values === null) &&
    Object.keys(secrets).length === before.secrets.length &&
    pull_password === (had ? null : undefined)
  );
}

function keysOf({ secrets }: ApplicationSpec): ReadonlyMap<string, string[]> {
  return new Map(secrets.map(({ name, keys }) => [name, keys]));
}

/** The secrets of a form, in its order. */
function withKeys(
  { secrets = [] }: Secrets,
  keys: ReadonlyMap<string, string[]>,
): ApplicationSpec['secrets'] {
  return secrets.map(({ name }) => ({ name, keys: keys.get(name) ?? [] }));
}
