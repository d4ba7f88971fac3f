import { badRequest, invalid } from './errors.ts';
import { toText } from './functions.ts';
import { templateObject } from './template.ts';
import type { Definition, Environment } from './types.ts';

/** The body of a request that makes, changes or checks a stack. */
export interface StackBody {
  stack_name?: unknown;
  template?: unknown;
  parameters?: Record<string, unknown>;
  environment?: unknown;
  files?: Record<string, unknown>;
  tags?: unknown;
  timeout_mins?: unknown;
  disable_rollback?: unknown;
  clear_parameters?: string[];
}

/** The name of a new stack. @throws HeatError */
export function checkName(name: string): void {
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,254}$/.test(name)) return;
  const rule =
    'must contain only alphanumeric or "_-." characters, must start with alpha and must be 255 characters or less.';
  throw invalid(`Invalid stack name ${name} ${rule}`);
}

/** What a body alone defines. @throws HeatError */
export function definitionOf(body: StackBody): Definition {
  return {
    template: templateObject(body.template),
    parameters: body.parameters ?? {},
    environment: environmentOf(body.environment),
    files: filesOf(body.files),
  };
}

/** PATCH: what is not given stays; parameters the template does not have are ignored. @throws HeatError */
export function patchedDefinition(old: Definition, body: StackBody): Definition {
  const template = body.template === undefined ? old.template : templateObject(body.template);
  const environment = environmentOf(body.environment);
  const known = (template['parameters'] ?? {}) as Record<string, unknown>;
  const given = Object.entries(body.parameters ?? {}).filter(([name]) => name in known);
  const kept = Object.entries(old.parameters).filter(
    ([name]) => name in known && body.clear_parameters?.includes(name) !== true,
  );
  return {
    template,
    parameters: Object.fromEntries([...kept, ...given]),
    environment: {
      parameters: { ...old.environment.parameters, ...environment.parameters },
      parameter_defaults: { ...old.environment.parameter_defaults, ...environment.parameter_defaults },
      resource_registry: { ...old.environment.resource_registry, ...environment.resource_registry },
    },
    files: { ...old.files, ...filesOf(body.files) },
  };
}

function environmentOf(value: unknown): Environment {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw badRequest('The environment is not a valid YAML mapping data type.');
}

function filesOf(files: Record<string, unknown> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files ?? {}).map(([name, content]) => [
      name,
      typeof content === 'string' ? content : JSON.stringify(content),
    ]),
  );
}

/** `timeout_mins`; undefined when it is not given. @throws HeatError */
export function timeoutOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const text = toText(value);
  if (!/^-?\d+$/.test(text)) throw badRequest("Only integer is acceptable by 'timeout_mins'.");
  if (Number(text) < 0)
    throw badRequest(
      `Value '${text}' is invalid for 'timeout_mins' which only accepts non-negative integer.`,
    );
  return Number(text);
}

/** A truth value; undefined when it is not given. @throws HeatError */
export function flagOf(value: unknown, name: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  const word = toText(value).toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  throw badRequest(
    `Unrecognized value "${toText(value)}" for "${name}", acceptable values are: true, false.`,
  );
}

/** Tags from their list with commas; undefined when it is not given. */
export function tagsOf(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return toText(value)
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}
