import { badReference, HeatError, invalid } from './errors.ts';
import { callOf, isTrue, references, resolve, type Scope } from './functions.ts';
import { checkProperties, GROUP, implementation } from './resource-types.ts';
import { parameterValues, parseTemplate, type ParameterValues } from './template.ts';
import type { Definition, Template, TemplateResource } from './types.ts';

/** A resource a stack shall have. */
export interface GoalResource {
  definition: TemplateResource;
  /** What behaves for it, after the environment's mappings. */
  implementation: string;
  requires: string[];
}

/** A definition worked out: what a stack shall consist of, in the order of making. */
export interface Goal {
  definition: Definition;
  template: Template;
  parameters: ParameterValues;
  resources: Map<string, GoalResource>;
}

export const EMPTY_DEFINITION: Definition = {
  template: { heat_template_version: '2018-08-31' },
  parameters: {},
  environment: {},
  files: {},
};

/** The part of a scope that a definition alone answers. */
export function definitionScope(
  definition: Definition,
  template: Template,
  values: Record<string, unknown>,
): Pick<Scope, 'parameter' | 'file' | 'condition'> {
  return {
    parameter: (name) => {
      if (name in values) return values[name];
      if (name.startsWith('OS::')) return null;
      throw new HeatError(400, 'UserParameterMissing', `The Parameter (${name}) was not provided.`);
    },
    file: (name) => {
      const content = definition.files[name];
      if (content === undefined)
        throw invalid(`No content found in the "files" section for get_file path: ${name}`);
      return content;
    },
    condition: (name) => template.conditions[name],
  };
}

/**
 * Works out a definition and checks it as Heat does before it accepts it.
 * @throws HeatError InvalidTemplateVersion, UserParameterMissing, UnknownUserParameter, InvalidTemplateReference,
 *   StackValidationFailed; RemoteError (500) for a circle of dependencies, which is what Heat answers.
 */
export function workOut(definition: Definition): Goal {
  const template = parseTemplate(definition.template);
  const parameters = parameterValues(template, definition);
  const scope: Scope = {
    ...definitionScope(definition, template, parameters.values),
    // Not known before the resources are made; null passes every check.
    reference: () => null,
    attribute: () => null,
  };
  const active = new Map<string, GoalResource>();
  for (const [name, resource] of Object.entries(template.resources)) {
    if (resource.condition !== undefined && !isTrue(resource.condition, scope)) continue;
    const real = implementation(resource.type, definition.environment, definition.files);
    active.set(name, { definition: resource, implementation: real, requires: [] });
  }
  for (const [name, resource] of active) {
    resource.requires = dependencies(name, resource.definition, template, active, scope);
    checkResource(name, resource, definition, scope);
  }
  return { definition, template, parameters, resources: inOrder(active) };
}

function dependencies(
  name: string,
  resource: TemplateResource,
  template: Template,
  active: ReadonlyMap<string, GoalResource>,
  scope: Scope,
): string[] {
  const found = new Set<string>();
  const need = (target: string, where: string): void => {
    if (active.has(target)) found.add(target);
    // One whose condition is false may be referred to.
    else if (!(target in template.resources)) throw badReference(target, where);
  };
  for (const target of resource.dependsOn) need(target, name);
  for (const [property, value] of Object.entries(resource.properties)) {
    try {
      references(value, scope, (target) => need(target, `${name}.Properties.${property}`));
    } catch (error) {
      throw placed(error, name, property, value);
    }
  }
  references(resource.metadata, scope, (target) => need(target, `${name}.Metadata`));
  found.delete(name);
  return [...found];
}

function checkResource(name: string, resource: GoalResource, definition: Definition, scope: Scope): void {
  const known: Record<string, unknown> = {};
  for (const [property, value] of Object.entries(resource.definition.properties)) {
    // Members of a group have their own %index%; their functions are resolved all the same.
    try {
      known[property] = resolve(value, scope);
    } catch (error) {
      throw placed(error, name, property, value);
    }
  }
  checkProperties(`resources.${name}`, resource.implementation, known);
  if (resource.implementation === GROUP) {
    const inner = known['resource_def'] as { type?: unknown } | null;
    if (typeof inner?.type === 'string') implementation(inner.type, definition.environment, definition.files);
  }
}

/** Puts the place before a message, as Heat does for what goes wrong inside a property. */
function placed(error: unknown, name: string, property: string, value: unknown): unknown {
  if (!(error instanceof HeatError) || error.type === 'InvalidTemplateReference') return error;
  const call = callOf(value);
  const isSyntax = error.message.includes('syntax');
  const place = `resources.${name}.properties.${property}`;
  return invalid(
    isSyntax && call !== undefined
      ? `${place}.${call.name}: : '${error.message}'`
      : `Property error: : ${place}: : ${error.message}`,
  );
}

function inOrder(resources: ReadonlyMap<string, GoalResource>): Map<string, GoalResource> {
  const ordered = new Map<string, GoalResource>();
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    const resource = resources.get(name);
    if (resource === undefined || ordered.has(name)) return;
    if (visiting.has(name)) throw new HeatError(500, 'RemoteError', '');
    visiting.add(name);
    resource.requires.forEach(visit);
    visiting.delete(name);
    ordered.set(name, resource);
  };
  for (const name of resources.keys()) visit(name);
  return ordered;
}

const worked = new WeakMap<Definition, Goal>();

/** {@link workOut}, remembered while the definition is in use. */
export function goalOf(definition: Definition): Goal {
  let goal = worked.get(definition);
  if (goal === undefined) {
    goal = workOut(definition);
    worked.set(definition, goal);
  }
  return goal;
}

/** What `POST /validate` answers. */
export function validateView(definition: Definition): unknown {
  const template = parseTemplate(definition.template);
  const types: Record<string, string> = {
    string: 'String',
    number: 'Number',
    comma_delimited_list: 'CommaDelimitedList',
    json: 'Json',
    boolean: 'Boolean',
  };
  for (const resource of Object.values(template.resources)) {
    implementation(resource.type, definition.environment, definition.files);
  }
  const parameters = Object.entries(template.parameters).map(([name, parameter]) => [
    name,
    {
      Type: types[parameter.type] ?? parameter.type,
      Description: parameter.description ?? '',
      NoEcho: parameter.hidden === true ? 'true' : 'false',
      Label: parameter.label ?? name,
      ...(parameter.default === undefined ? {} : { Default: parameter.default }),
    },
  ]);
  return {
    Description: template.description ?? 'No description',
    Parameters: Object.fromEntries(parameters) as unknown,
    Environment: {
      resource_registry: { resources: {}, ...definition.environment.resource_registry },
      parameters: definition.environment.parameters ?? {},
      parameter_defaults: definition.environment.parameter_defaults ?? {},
      event_sinks: [],
    },
  };
}
