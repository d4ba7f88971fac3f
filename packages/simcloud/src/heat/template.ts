import { badRequest, HeatError, invalid } from './errors.ts';
import { toText } from './functions.ts';
import type { Definition, Template, TemplateParameter, TemplateResource } from './types.ts';

const VERSIONS =
  '2013-05-23, 2014-10-16, 2015-04-30, 2015-10-15, 2016-04-08, 2016-10-14, 2017-02-24, 2017-09-01, 2018-03-02, 2018-08-31, 2021-04-16, newton, ocata, pike, queens, rocky, wallaby';

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function section(raw: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = raw[name];
  if (value === undefined || value === null) return {};
  if (!isMap(value)) throw invalid(`"${name}" should contain a map`);
  return value;
}

/** A template sent as an object or as JSON text. @throws HeatError */
export function templateObject(value: unknown): Record<string, unknown> {
  if (isMap(value)) return value;
  if (typeof value !== 'string') throw badRequest('No template specified');
  try {
    const parsed = JSON.parse(value) as unknown;
    if (isMap(parsed)) return parsed;
  } catch (cause) {
    throw Object.assign(badRequest('Error parsing template: only JSON is read here'), { cause });
  }
  throw badRequest('The template is not a JSON object or YAML mapping.');
}

/** Checks the shape of a template. @throws HeatError */
export function parseTemplate(raw: Record<string, unknown>): Template {
  const version = raw['heat_template_version'];
  if (version === undefined) {
    throw new HeatError(
      400,
      'InvalidTemplateVersion',
      'The template version is invalid: Template version was not provided',
    );
  }
  if (!VERSIONS.split(', ').includes(toText(version))) {
    const what = `"heat_template_version: ${toText(version)}". "heat_template_version" should be one of: ${VERSIONS}`;
    throw new HeatError(400, 'InvalidTemplateVersion', `The template version is invalid: ${what}`);
  }
  const resources: Record<string, TemplateResource> = {};
  for (const [name, given] of Object.entries(section(raw, 'resources'))) {
    if (!isMap(given) || given['type'] === undefined) throw invalid('Each resource must contain a type key.');
    if (typeof given['type'] !== 'string') throw invalid(`Resource ${name} type must be string`);
    const dependsOn = given['depends_on'];
    const list =
      dependsOn === undefined || dependsOn === null ? [] : Array.isArray(dependsOn) ? dependsOn : [dependsOn];
    resources[name] = {
      type: given['type'],
      properties: section(given, 'properties'),
      metadata: given['metadata'],
      dependsOn: list.map(toText),
      condition: given['condition'],
    };
  }
  const outputs: Template['outputs'] = {};
  for (const [name, given] of Object.entries(section(raw, 'outputs'))) {
    if (!isMap(given) || !('value' in given))
      throw invalid(`outputs.${name}: Output definition must contain a "value" key.`);
    const description = given['description'];
    outputs[name] = {
      value: given['value'],
      description: description === undefined ? undefined : toText(description),
      condition: given['condition'],
    };
  }
  const description = raw['description'];
  return {
    version: toText(version),
    description: description === undefined || description === null ? undefined : toText(description),
    parameters: section(raw, 'parameters') as Record<string, TemplateParameter>,
    resources,
    outputs,
    conditions: section(raw, 'conditions'),
    raw,
  };
}

const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** A parameter's text as a value of its type. @throws HeatError */
function convert(name: string, type: string, value: unknown): unknown {
  const refuse = (why: string): HeatError => invalid(`Parameter '${name}' is invalid: ${why}`);
  switch (type) {
    case 'number':
      if (typeof value === 'number') return value;
      if (!NUMBER.test(toText(value))) throw refuse(`could not convert string to float: '${toText(value)}'`);
      return Number(value);
    case 'boolean': {
      if (typeof value === 'boolean') return value;
      const word = toText(value).toLowerCase();
      if (['t', 'true', 'on', 'y', 'yes', '1'].includes(word)) return true;
      if (['f', 'false', 'off', 'n', 'no', '0'].includes(word)) return false;
      throw refuse(
        `Unrecognized value '${toText(value)}', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'`,
      );
    }
    case 'comma_delimited_list':
      if (Array.isArray(value)) return value.map(toText);
      return value === '' || value === null ? [] : toText(value).split(',');
    case 'json':
      if (typeof value !== 'string') return value;
      if (value === '') return {};
      try {
        return JSON.parse(value) as unknown;
      } catch (cause) {
        throw Object.assign(refuse('Value must be valid JSON'), { cause });
      }
    default:
      if (isMap(value) || Array.isArray(value)) throw refuse('Value must be a string');
      return toText(value);
  }
}

function checkConstraints(name: string, definition: TemplateParameter, value: unknown): void {
  const refuse = (constraint: Record<string, unknown>, why: string): HeatError =>
    invalid(
      `Parameter '${name}' is invalid: ${constraint['description'] === undefined ? why : toText(constraint['description'])}`,
    );
  const bound = (limit: unknown): string => (limit === undefined ? 'None' : toText(limit));
  const outside = (amount: number, { min, max }: Record<string, unknown>): boolean =>
    (min !== undefined && amount < Number(min)) || (max !== undefined && amount > Number(max));
  for (const constraint of definition.constraints ?? []) {
    const { allowed_values: allowed, range, length, allowed_pattern: pattern } = constraint;
    const values = Array.isArray(value) ? value : [value];
    if (Array.isArray(allowed) && !values.every((one) => allowed.map(toText).includes(toText(one)))) {
      const list = allowed.map((one) => (typeof one === 'string' ? `"${one}"` : toText(one))).join(', ');
      throw refuse(constraint, `"${toText(value)}" is not an allowed value [${list}]`);
    }
    if (isMap(range) && outside(Number(value), range)) {
      throw refuse(
        constraint,
        `${toText(value)} is out of range (min: ${bound(range['min'])}, max: ${bound(range['max'])})`,
      );
    }
    const size = Array.isArray(value) ? value.length : toText(value).length;
    if (isMap(length) && outside(size, length)) {
      const why = `length (${String(size)}) is out of range (min: ${bound(length['min'])}, max: ${bound(length['max'])})`;
      throw refuse(constraint, why);
    }
    if (typeof pattern === 'string' && !new RegExp(`^(?:${pattern})$`).test(toText(value))) {
      throw refuse(constraint, `"${toText(value)}" does not match pattern "${pattern}"`);
    }
  }
}

/** Text of a parameter's value in a stack. */
function display(value: unknown): string {
  return Array.isArray(value) ? value.map(toText).join(',') : toText(value);
}

/** Values of a template's parameters, and their text as a stack shows it. */
export interface ParameterValues {
  values: Record<string, unknown>;
  shown: Record<string, string>;
}

/**
 * Finds a value for every parameter: given, from the environment, its defaults, the template's.
 * @throws HeatError UserParameterMissing, UnknownUserParameter, StackValidationFailed
 */
export function parameterValues(template: Template, definition: Definition): ParameterValues {
  const { environment } = definition;
  const given = { ...environment.parameters, ...definition.parameters };
  for (const name of Object.keys(given)) {
    if (!(name in template.parameters)) {
      throw new HeatError(
        400,
        'UnknownUserParameter',
        `The Parameter (${name}) was not defined in template.`,
      );
    }
  }
  const result: ParameterValues = { values: {}, shown: {} };
  for (const [name, parameter] of Object.entries(template.parameters)) {
    const value = given[name] ?? environment.parameter_defaults?.[name] ?? parameter.default;
    if (value === undefined || value === null) {
      throw new HeatError(400, 'UserParameterMissing', `The Parameter (${name}) was not provided.`);
    }
    const converted = convert(name, parameter.type, value);
    checkConstraints(name, parameter, converted);
    result.values[name] = converted;
    result.shown[name] = parameter.hidden === true ? '******' : display(converted);
  }
  return result;
}
