import { Type, type TSchemaOptions, type TString, type TUnsafe } from 'typebox';
import { LABEL_KEY, LABEL_VALUE, WELL_FORMED } from '../fields.ts';

/** How much a list or a map of an application has at most, where nothing else is said. */
export const MAX_ITEMS = 64;

/**
 * The name of an application, which its Kubernetes objects have: room is left for what is put behind it.
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names
 */
export const APPLICATION_NAME = {
  minLength: 1,
  maxLength: 40,
  pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
  description: 'At most 40 small letters, digits and `-`, beginning with a letter; unique in its project.',
};

/** A name of a part of an application: of a container, a volume, a port. */
export function PartName(description: string, maxLength = 63): TString {
  return Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
    description: `${description} Small letters, digits and \`-\`.`,
  });
}

/** The name of an object of Kubernetes. */
export function ObjectName(description: string): TString {
  return Type.String({
    minLength: 1,
    maxLength: 253,
    pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
    description,
  });
}

/** The key of a file in a ConfigMap or of a value in a Secret. */
export const FILE_NAME = '^(?!\\.{1,2}$)[-._a-zA-Z0-9]{1,253}$';

/** Labels as Kubernetes takes them. Those of Kubernetes and of Cetus are not for tenants. */
export function LabelMap(description: string): TUnsafe<Record<string, string>> {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    maxProperties: MAX_ITEMS,
    propertyNames: { type: 'string', pattern: LABEL_KEY, description: 'A key of a Kubernetes label.' },
    additionalProperties: {
      type: 'string',
      pattern: LABEL_VALUE,
      description: 'A value of a Kubernetes label.',
    },
    description,
  });
}

/** Texts by name; the bounds of the body bound them. */
export function TextMap(keyPattern: string, description: string): TUnsafe<Record<string, string>> {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    minProperties: 1,
    maxProperties: MAX_ITEMS,
    propertyNames: { type: 'string', pattern: keyPattern },
    additionalProperties: { type: 'string', maxLength: 131_072, pattern: WELL_FORMED },
    description,
  });
}

/**
 * An amount of a resource as Kubernetes writes it: `500m`, `1.5`, `256Mi`, `1e9`.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function Quantity(description: string): TString {
  return Type.String({
    maxLength: 32,
    pattern: '^[0-9]{1,18}(\\.[0-9]{1,9})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][0-9]{1,2})?$',
    description: `${description} A number with one of the suffixes m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei.`,
  });
}

/** A number of pods, or a share of them: `2`, `"25%"`. */
export function NumberOrPercent(description: string): TUnsafe<number | string> {
  return Type.Unsafe<number | string>({
    type: ['integer', 'string'],
    minimum: 0,
    maximum: 5_000,
    pattern: '^(100|[1-9]?[0-9])%$',
    description: `${description} A number, or a share such as \`25%\`.`,
  });
}

export function Seconds(
  description: string,
  { minimum = 0, maximum = 86_400 }: TSchemaOptions & { minimum?: number; maximum?: number } = {},
) {
  return Type.Integer({ minimum, maximum, description: `${description} In seconds.` });
}

/** A path in a container. */
export const ContainerPath = Type.String({
  minLength: 1,
  maxLength: 1024,
  pattern: '^/[^\\u0000-\\u001f\\u007f:\\ud800-\\udfff]*$',
  description: 'An absolute path without a colon.',
});

/** A text of a command, of its arguments or of a variable. */
export const Text = Type.String({ maxLength: 32_768, pattern: WELL_FORMED });
