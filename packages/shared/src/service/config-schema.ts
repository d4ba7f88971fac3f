import { Type, type TObject, type TProperties, type TSchema } from 'typebox';

/**
 * What a variable of a configuration says about itself beside TypeBox's own options (`minimum`, `pattern`, …).
 *
 * - `description`: what it decides, a sentence for an operator;
 * - `default`: the value when it is not set; without one, and outside `Type.Optional`, the variable must be set;
 * - `unit`: what a number counts, such as `seconds` or `messages`; required for numbers;
 * - `secret`: `true` hides the value wherever a configuration is shown; `'userinfo'` hides only the user and the password
 *   of a URL.
 */
export interface VariableOptions {
  description: string;
  default?: unknown;
  unit?: string;
  secret?: true | 'userinfo';
}

/** A variable as the functions of this module see it, whatever its TypeBox type. */
export interface Variable extends VariableOptions {
  name: string;
  type: string;
  required: boolean;
}

interface RawSchema extends VariableOptions {
  type?: string;
  anyOf?: { const?: unknown }[];
  enum?: unknown[];
}

const NAME = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/** Thrown for a schema that breaks the rules of {@link VariableOptions}: a mistake in the code, not of the operator. */
export class ConfigSchemaError extends TypeError {
  override readonly name = 'ConfigSchemaError';
}

/**
 * Declares the configuration of a service: a TypeBox object whose keys are environment variables, each in the form
 * `NAME: Type.…({ description, default, unit, secret })`. Shared variables are spread in from `common-config.ts`.
 *
 * @throws ConfigSchemaError when a variable lacks its description or unit, or has an unusual name.
 */
export function defineConfig<T extends TProperties>(variables: T): TObject<T> {
  for (const variable of describeVariables(variables)) {
    if (!NAME.test(variable.name)) throw new ConfigSchemaError(`${variable.name} is not an upper-case name`);
    if (!variable.description) throw new ConfigSchemaError(`${variable.name} has no description`);
    if (['integer', 'number'].includes(variable.type) && !variable.unit) {
      throw new ConfigSchemaError(`${variable.name} is a number without a unit`);
    }
  }
  return Type.Object(variables);
}

/** The variables of a schema, in the order they were declared. */
export function describeVariables(variables: TProperties): Variable[] {
  const required = new Set(Type.Object(variables).required as string[] | undefined);
  return Object.entries(variables).map(([name, schema]: [string, TSchema]) => {
    const raw = schema as RawSchema;
    return {
      name,
      type: typeName(raw),
      required: required.has(name) && raw.default === undefined,
      description: raw.description,
      ...(raw.default === undefined ? {} : { default: raw.default }),
      ...(raw.unit === undefined ? {} : { unit: raw.unit }),
      ...(raw.secret === undefined ? {} : { secret: raw.secret }),
    };
  });
}

function typeName(schema: RawSchema): string {
  const values = schema.enum ?? schema.anyOf?.map((option) => option.const);
  if (values) return values.map((value) => String(value)).join(' | ');
  return schema.type ?? 'string';
}
