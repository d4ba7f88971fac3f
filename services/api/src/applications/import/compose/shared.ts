import type { ConvertOptions } from '../converted.ts';
import { isFields, Mapping, type Told } from '../mapping.ts';
import { Place, type ImportReport } from '../report.ts';
import type { Interpolation } from './interpolate.ts';

/** What services name, by name: volumes, and what configs and secrets hold where it is known. */
export interface Shared {
  volumes: ReadonlySet<string>;
  configs: ReadonlyMap<string, string | undefined>;
  secrets: ReadonlyMap<string, string | undefined>;
}

const VOLUME: Told = {
  external: ['changed', 'It becomes a new volume, which is empty: data are not moved.'],
  driver: ['lost', 'The storage class of the cluster says how volumes are made.'],
  driver_opts: ['lost', 'The storage class of the cluster says how volumes are made.'],
  labels: ['note', 'Volumes have the labels of their application.'],
};

const FILE: Told = {
  file: ['lost', 'The file is not a part of what is imported.'],
  external: ['lost', 'What it holds is not a part of what is imported.'],
  driver: ['lost', 'It is not carried over.'],
  template_driver: ['lost', 'It is not carried over.'],
  labels: ['note', 'It has the labels of its application.'],
};

/** Reads what stands beside the services of a file. */
export function sharedOf(
  file: Mapping,
  report: ImportReport,
  interpolation: Interpolation,
  { secrets: values = {} }: ConvertOptions,
): Shared {
  const read = <T>(section: string, one: (fields: Mapping, name: string) => T): Map<string, T> =>
    new Map(
      (file.mapping(section)?.entries() ?? []).flatMap(({ key, value }) => {
        const at = new Place(report, `${section}/${key}`);
        const whole = interpolation.apply(value ?? {}, at);
        if (!isFields(whole)) {
          at.lost('It must be a mapping.');
          return [];
        }
        const fields = new Mapping(Object.fromEntries(withoutExtensions(whole)), at);
        fields.silent('name');
        const made = one(fields, key);
        fields.rest();
        return [[key, made] as const];
      }),
    );
  const fromVariable = (fields: Mapping): string | undefined => {
    const name = fields.text('environment');
    const value = name === undefined ? undefined : interpolation.get(name);
    if (name !== undefined && value === undefined)
      fields.at.in('environment').lost('This variable is not given in variables.');
    return value;
  };
  const volumes = read('volumes', (fields) => {
    fields.usual({ driver: 'local' });
    fields.tell(VOLUME);
  });
  const configs = read('configs', (fields) => {
    const content = fields.text('content') ?? fromVariable(fields);
    fields.tell(FILE);
    return content;
  });
  const secrets = read('secrets', (fields, name) => {
    const givenValue = Object.hasOwn(values, name) ? values[name] : undefined;
    if (givenValue !== undefined) fields.silent('file', 'external', 'environment');
    const value = givenValue ?? fromVariable(fields);
    fields.tell(FILE);
    if (value === undefined)
      fields.at.changed('Its value is not a part of what is imported: give it in secrets, by this name.');
    return value;
  });
  for (const name of Object.keys(values)) {
    if (!secrets.has(name)) new Place(report, 'content').note(`There is no secret ${name} in it.`);
  }
  return { volumes: new Set(volumes.keys()), configs, secrets };
}

/** What begins with `x-` has no meaning by itself. */
export function withoutExtensions(fields: Record<string, unknown>): [string, unknown][] {
  return Object.entries(fields).filter(([key]) => !key.startsWith('x-'));
}
