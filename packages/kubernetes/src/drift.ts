import { isSameQuantity } from '@cetus/shared/applications';
import type { Manifest } from './apply.ts';
import {
  asksNothing,
  isExactMap,
  isFreeMap,
  isLeftOut,
  isQuantity,
  listTrait,
  type ListKeys,
  type Place,
} from './field-traits.ts';
import type { KubernetesObject } from './objects.ts';

/** A field that is not as the manifest wants it. */
export interface Difference {
  /** `spec.template.spec.containers[name="web"].image`, `metadata.labels["example.org/tier"]`, `spec.rules[0].host`. */
  path: string;
  /** What the manifest says; undefined for what it does not have, in a map that is one value. */
  desired: unknown;
  /** What the object has; undefined when it has nothing there. */
  live: unknown;
}

export interface DifferencesOptions {
  /** More are not looked for. Default 20. */
  most?: number | undefined;
}

/** Stands for a value that is not to be shown. */
export const HIDDEN = '(hidden)';

/** Of the server alone, or of the object's history. */
const NOT_COMPARED = new Set([
  'resourceVersion',
  'managedFields',
  'creationTimestamp',
  'generation',
  'selfLink',
]);

/**
 * The fields of a manifest that are not so in the object that is there, both in the same API version. What the server has filled in, and
 * what others have added, is no difference. The values of a Secret are compared and not shown.
 */
export function differences(
  desired: Manifest,
  live: KubernetesObject,
  { most = 20 }: DifferencesOptions = {},
): Difference[] {
  const comparison = new Comparison(desired.kind, most);
  const { status: _status, ...wanted } = desired;
  comparison.fields(withData(wanted), live as unknown as Fields, [], '');
  return comparison.found;
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The server keeps a Secret's `stringData` as `data`. */
function withData({ stringData, ...rest }: Fields): Fields {
  if (rest['kind'] !== 'Secret' || !isFields(stringData))
    return { ...rest, ...(stringData === undefined ? {} : { stringData }) };
  const encoded = Object.entries(stringData).map(([key, text]): [string, string] => [
    key,
    Buffer.from(String(text), 'utf8').toString('base64'),
  ]);
  return {
    ...rest,
    data: { ...(isFields(rest['data']) ? rest['data'] : {}), ...Object.fromEntries(encoded) },
  };
}

/** One walk through both, along what is wanted. */
class Comparison {
  readonly found: Difference[] = [];
  readonly #kind: string;
  readonly #most: number;

  constructor(kind: string, most: number) {
    this.#kind = kind;
    this.#most = most;
  }

  fields(desired: Fields, live: Fields, place: Place, path: string): void {
    for (const [name, value] of Object.entries(desired)) {
      if (place.length === 1 && place[0] === 'metadata' && NOT_COMPARED.has(name)) continue;
      // Items of a list come without their kind and version.
      if (place.length === 0 && (name === 'kind' || name === 'apiVersion') && live[name] === undefined)
        continue;
      this.value(value, live[name], [...place, name], path + step(name, path));
    }
    if (!isExactMap(place)) return;
    for (const [name, value] of Object.entries(live))
      if (desired[name] === undefined && !isLeftOut(value, [...place, name], this.#kind))
        this.#add(path + step(name, path), undefined, value, place);
  }

  value(desired: unknown, live: unknown, place: Place, path: string): void {
    if (this.found.length >= this.#most || asksNothing(desired, place, this.#kind)) return;
    if (live === undefined || live === null) {
      if (!isLeftOut(desired, place, this.#kind)) this.#add(path, desired, undefined, place);
    } else if (Array.isArray(desired) && Array.isArray(live)) this.#list(desired, live, place, path);
    else if (isFields(desired) && isFields(live)) this.fields(desired, live, place, path);
    else if (!this.#isSameValue(desired, live, place)) this.#add(path, desired, live, place);
  }

  #isSameValue(desired: unknown, live: unknown, place: Place): boolean {
    return desired === live || (isQuantity(place, this.#kind) && isSameQuantity(desired, live));
  }

  #list(desired: readonly unknown[], live: readonly unknown[], place: Place, path: string): void {
    const trait = listTrait(place, this.#kind);
    if (trait === 'set') {
      for (const item of desired)
        if (!live.includes(item)) this.#add(`${path}[=${JSON.stringify(item)}]`, item, undefined, place);
    } else if (trait === 'atomic' || trait === 'unordered') {
      // Beside a list of another length nothing can be said of single items.
      if (desired.length !== live.length) this.#add(path, desired, live, place);
      else {
        const matches = trait === 'atomic' ? live : this.#matched(desired, live, place);
        desired.forEach((item, index) => {
          this.#item(item, matches[index], place, `${path}[${String(index)}]`);
        });
      }
    } else this.#keyed(desired, live, trait, place, path);
  }

  /** The items in the order of those that want them; what nobody wants goes to those that have found nothing. */
  #matched(desired: readonly unknown[], live: readonly unknown[], place: Place): unknown[] {
    const rest = [...live];
    const matches = desired.map((item) => {
      const index = rest.findIndex((one) => {
        const trial = new Comparison(this.#kind, 1);
        trial.#item(item, one, place, '');
        return trial.found.length === 0;
      });
      return index < 0 ? undefined : rest.splice(index, 1)[0];
    });
    return matches.map((match) => match ?? rest.shift());
  }

  #keyed(
    desired: readonly unknown[],
    live: readonly unknown[],
    keys: ListKeys,
    place: Place,
    path: string,
  ): void {
    const rest = live.map((item) => ({ key: keyOf(item, keys), item }));
    for (const item of desired) {
      const key = keyOf(item, keys);
      // Taken out, so that of two items with one key each finds its own.
      const index = rest.findIndex((one) => one.key === key);
      const [match] = index < 0 ? [] : rest.splice(index, 1);
      this.#item(item, match?.item, place, path + key);
    }
  }

  /** An item has its list's place, so that its fields come right below it. */
  #item(desired: unknown, live: unknown, place: Place, path: string): void {
    if (isFields(desired) && isFields(live)) this.fields(desired, live, place, path);
    else if (desired !== live && !(isEmpty(desired) && isEmpty(live))) this.#add(path, desired, live, place);
  }

  #add(path: string, desired: unknown, live: unknown, place: Place): void {
    if (this.found.length >= this.#most) return;
    const isSecret = this.#kind === 'Secret' && isFreeMap(place.slice(0, 1), this.#kind);
    const shown = (value: unknown): unknown => (isSecret && value !== undefined ? HIDDEN : value);
    this.found.push({ path, desired: shown(desired), live: shown(live) });
  }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null;
}

/** `.name`, without the dot at the beginning; in brackets what would not be read as one name. */
function step(name: string, path: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(name)) return `[${JSON.stringify(name)}]`;
  return path === '' ? name : `.${name}`;
}

/** As server-side apply writes it: `[name="web"]`, `[containerPort=80,protocol="TCP"]`. */
function keyOf(item: unknown, { keys, defaults = {} }: ListKeys): string {
  const fields = isFields(item) ? item : {};
  const parts = keys.map((name) => `${name}=${JSON.stringify(fields[name] ?? defaults[name] ?? null)}`);
  return `[${parts.join(',')}]`;
}
