import { EnvironmentVariable as Schema, type EnvironmentVariable } from '@cetus/shared/schemas';
import type { Mapping } from '../mapping.ts';
import type { Place } from '../report.ts';
import { literally, matches } from '../values.ts';
import type { WorkloadStorage } from './storage.ts';

/** The variables of a container: of those of one name the last one counts, and those that are named before those that are all taken. */
export function environmentOf(container: Mapping, storage: WorkloadStorage): EnvironmentVariable[] {
  const found = new Map<string, EnvironmentVariable>();
  const add = (variable: EnvironmentVariable | undefined, at: Place): void => {
    if (variable === undefined) return;
    if (!matches(Schema.properties.name, variable.name)) at.lost('It is not a name of a variable.');
    else found.set(variable.name, variable);
  };
  for (const source of container.mappings('envFrom'))
    for (const variable of allOf(source, storage)) add(variable, source.at);
  for (const variable of container.mappings('env')) add(one(variable, storage), variable.at);
  return [...found.values()];
}

function allOf(source: Mapping, storage: WorkloadStorage): EnvironmentVariable[] {
  const prefix = source.text('prefix') ?? '';
  const [config, secret] = [source.mapping('configMapRef'), source.mapping('secretRef')];
  const name = (config ?? secret)?.text('name') ?? '';
  (config ?? secret)?.silent('optional');
  config?.rest();
  secret?.rest();
  source.rest();
  if (config !== undefined) {
    const files = storage.configMap(name);
    if (files === undefined) source.at.lost('The ConfigMap is not a part of what is imported.');
    return Object.entries(files ?? {}).map(([key, value]) => ({
      name: `${prefix}${key}`,
      value: literally(value),
    }));
  }
  const own = storage.secret(name);
  if (own === undefined)
    source.at.lost(
      'The Secret is not a part of what is imported, so its keys are not known: name each variable.',
    );
  return (own?.keys ?? []).map((key) => ({
    name: `${prefix}${key}`,
    secret: { name: own?.name ?? '', key },
  }));
}

function one(variable: Mapping, storage: WorkloadStorage): EnvironmentVariable | undefined {
  const name = variable.text('name') ?? '';
  const value = variable.text('value');
  const from = variable.mapping('valueFrom');
  const made = from === undefined ? { name, value: value ?? '' } : valueFrom(name, from, storage);
  variable.rest();
  return made;
}

function valueFrom(name: string, from: Mapping, storage: WorkloadStorage): EnvironmentVariable | undefined {
  const [config, secret] = [from.mapping('configMapKeyRef'), from.mapping('secretKeyRef')];
  from.tell({
    fieldRef: ['lost', 'What Kubernetes says of an instance is not carried over.'],
    resourceFieldRef: ['lost', 'What Kubernetes says of an instance is not carried over.'],
  });
  from.rest();
  const reference = config ?? secret;
  if (reference === undefined) return undefined;
  const [object, key] = [reference.text('name') ?? '', reference.text('key') ?? ''];
  const isOptional = reference.flag('optional') === true;
  reference.rest();
  if (secret !== undefined) {
    const own = storage.secret(object);
    if (own !== undefined && !own.keys.includes(key)) {
      secret.at.lost('The Secret has no such key.');
      return undefined;
    }
    if (own === undefined && isOptional) secret.at.in('optional').changed('It must be there.');
    return { name, secret: { name: own?.name ?? storage.foreign(object, secret.at), key } };
  }
  const files = storage.configMap(object);
  const value = files !== undefined && Object.hasOwn(files, key) ? files[key] : undefined;
  if (value === undefined) reference.at.lost('The ConfigMap with its key is not a part of what is imported.');
  return value === undefined ? undefined : { name, value: literally(value) };
}
