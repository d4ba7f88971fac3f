import { EnvironmentVariable as Schema, type EnvironmentVariable } from '@cetus/shared/schemas';
import { isFields, Mapping, textOf } from '../mapping.ts';
import type { Place } from '../report.ts';
import { literally, matches } from '../values.ts';
import type { Interpolation } from './interpolate.ts';

/** Names that say that the value is a secret; what ends with `_FILE` names a file. */
const SECRET_NAME =
  /(?:^|_)(?:PASS|PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|TOKEN|APIKEY|API_KEY|ACCESS_KEY|SECRET_KEY|PRIVATE_KEY|CREDENTIALS?)(?:_(?!FILE$)|$)/i;
/** An address with a password in it. */
const SECRET_ADDRESS = /:\/\/[^/\s:@]*:[^/\s@]+@/;

/** The variables of a service. */
export interface ServiceEnvironment {
  plain: EnvironmentVariable[];
  /** Those that are kept as secrets, by name. */
  secret: Record<string, string>;
}

/**
 * A Compose file has no other place for passwords: what is named like a secret becomes one, so that it is sealed and never shown.
 * Source: https://github.com/compose-spec/compose-spec/blob/main/05-services.md#environment
 */
export function environmentOf(service: Mapping, interpolation: Interpolation): ServiceEnvironment {
  const values = new Map<string, { text: string; at: Place }>();
  for (const { name, text = interpolation.get(name), at } of pairs(service)) {
    if (text === undefined) at.lost('It has no value, and is not given in variables.');
    else if (!matches(Schema.properties.name, name)) at.lost('It is not a name of a variable.');
    else values.set(name, { text, at });
  }
  const plain: EnvironmentVariable[] = [];
  const secret: [string, string][] = [];
  for (const [name, { text, at }] of values) {
    if (text !== '' && (SECRET_NAME.test(name) || SECRET_ADDRESS.test(text))) {
      at.changed('It is kept as a secret.');
      secret.push([name, text]);
    } else plain.push({ name, value: literally(text) });
  }
  return { plain, secret: Object.fromEntries(secret) };
}

interface Pair {
  name: string;
  text: string | undefined;
  at: Place;
}

function pairs(service: Mapping): Pair[] {
  const value = service.any('environment');
  const at = service.at.in('environment');
  if (isFields(value))
    return new Mapping(value, at).entries().flatMap((entry): Pair[] => {
      const text = textOf(entry.value);
      if (entry.value !== undefined && text === undefined) {
        entry.at.lost('It must be a text.');
        return [];
      }
      return [{ name: entry.key, text, at: entry.at }];
    });
  return service.list('environment').flatMap(({ value: item, at: itemAt }): Pair[] => {
    const text = textOf(item);
    if (text === undefined) {
      itemAt.lost('It must be a text.');
      return [];
    }
    const index = text.indexOf('=');
    if (index === -1) return [{ name: text, text: undefined, at: itemAt }];
    const name = text.slice(0, index);
    return [{ name, text: text.slice(index + 1), at: at.in(name) }];
  });
}
