import { envSchema } from 'env-schema';
import type { Ajv, ErrorObject } from 'ajv';
import type { Static, TObject } from 'typebox';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import type { Environment } from './environment.ts';
import { nearestName } from './nearest-name.ts';

export interface LoadConfigOptions {
  /** Names that other services of the same installation know: they may stand in a shared environment. */
  alsoKnown?: Iterable<string>;
}

const PREFIX = 'CETUS_';
/** Set for the test kit, which runs services in its own environment. */
const TEST_PREFIX = 'CETUS_TEST_';
/** What Kubernetes adds to every container for a Service named `cetus-…`. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_.+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;

/**
 * Reads a configuration from an environment: values are converted to their types, defaults filled in, a variable set to
 * nothing counts as not set. The result is frozen and complete, so no other code needs a default.
 *
 * @throws ConfigError naming every variable that is missing, has an unusable value, or starts with `CETUS_` and is unknown.
 */
export function loadConfig<T extends TObject>(
  schema: T,
  environment: Environment,
  options: LoadConfigOptions = {},
): Readonly<Static<T>> {
  const names = Object.keys(schema.properties);
  const known = new Set([...names, ...(options.alsoKnown ?? [])]);
  const problems = unknownVariables(environment, known);

  const data: Record<string, unknown> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined && value !== '') data[name] = value;
  }
  try {
    const config = envSchema<Static<T>>({
      // A copy: env-schema changes the schema it is given, and this one also makes documentation.
      schema: { type: 'object', properties: schema.properties, required: [...requiredNames(schema)] },
      data,
      env: false,
      ajv: { customOptions: withVocabulary },
    });
    if (problems.length === 0) return Object.freeze(config);
  } catch (error) {
    const errors = (error as { errors?: ErrorObject[] }).errors;
    if (!errors) throw error;
    problems.push(...errors.map((found) => problemOf(found, data)));
  }
  throw new ConfigError(problems);
}

function requiredNames(schema: TObject): string[] {
  return ((schema.required ?? []) as string[]).filter(
    (name) => (schema.properties[name] as { default?: unknown }).default === undefined,
  );
}

function withVocabulary(ajv: Ajv): Ajv {
  ajv.addVocabulary(['secret', 'unit']);
  return ajv;
}

function unknownVariables(environment: Environment, known: ReadonlySet<string>): ConfigProblem[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !name.startsWith(TEST_PREFIX) && !SERVICE_LINK.test(name))
    .filter((name) => !known.has(name))
    .map((variable) => {
      const nearest = nearestName(variable, known);
      return { variable, message: `is not known${nearest ? `; did you mean ${nearest}?` : ''}` };
    });
}

function problemOf(error: ErrorObject, data: Record<string, unknown>): ConfigProblem {
  if (error.keyword === 'required') {
    return {
      variable: String((error.params as { missingProperty: string }).missingProperty),
      message: 'is not set',
    };
  }
  const variable = error.instancePath.split('/')[1] ?? '';
  const allowed = (error.params as { allowedValues?: unknown[] }).allowedValues;
  const link =
    typeof data[variable] === 'string' && data[variable].startsWith('tcp://')
      ? ' (it looks like a Kubernetes service link: set enableServiceLinks to false)'
      : '';
  return {
    variable,
    message: `${error.message ?? 'is not valid'}${allowed ? `: ${allowed.join(', ')}` : ''}${link}`,
  };
}
