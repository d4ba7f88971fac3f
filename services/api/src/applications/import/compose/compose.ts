import { MAX_IMPORTED } from '@cetus/shared/schemas';
import type { Conversion, Converted, ConvertOptions } from '../converted.ts';
import { isFields, Mapping, textOf } from '../mapping.ts';
import { applicationNames, tellName } from '../names.ts';
import { refuse } from '../refuse.ts';
import { ImportReport, Place } from '../report.ts';
import type { ComposeContext } from './context.ts';
import { Interpolation } from './interpolate.ts';
import { namedPorts } from './references.ts';
import { formOfService } from './service.ts';
import { sharedOf, withoutExtensions } from './shared.ts';
import { FILE } from './told.ts';

/**
 * Makes applications of a Compose file, one of each service.
 * Source: https://github.com/compose-spec/compose-spec
 * @param document the file, as plain values
 * @throws CetusError `invalid_field` of `content` when it is not such a file, or a variable is missing that it calls necessary
 */
export function fromCompose(
  document: unknown,
  options: ConvertOptions,
  report = new ImportReport(),
): Conversion {
  if (!isFields(document)) refuse('is not a mapping, as a Compose file is');
  const file = new Mapping(Object.fromEntries(withoutExtensions(document)), new Place(report, 'compose'));
  if (!isFields(file.any('services'))) refuse('has no services, as a Compose file has');
  const interpolation = new Interpolation(options.variables ?? {});
  const services = wantedServices(file, report, interpolation, options);
  if (services.size > MAX_IMPORTED) refuse(`has more than ${String(MAX_IMPORTED)} services`);
  const context: ComposeContext = {
    options,
    interpolation,
    shared: sharedOf(file, report, interpolation, options),
    namedPorts: namedPorts(services),
    volumeUsers: volumeUsers([...services.values()]),
  };
  const names = applicationNames();
  const applications: Converted[] = [];
  for (const [serviceName, fields] of services) {
    const at = new Place(report, `services/${serviceName}`);
    const name = names.take(serviceName);
    const form = formOfService(new Mapping(fields, at), serviceName, name, context);
    if (form === undefined) continue;
    tellName(at, serviceName, name);
    applications.push({ source: at.source, form });
  }
  file.silent('version');
  file.tell(FILE);
  file.rest('It is not known.');
  return { applications, report: report.items };
}

/** The services whose profiles are asked for, with variables put in. */
function wantedServices(
  file: Mapping,
  report: ImportReport,
  interpolation: Interpolation,
  { profiles = [] }: ConvertOptions,
): Map<string, Record<string, unknown>> {
  const wanted = new Map<string, Record<string, unknown>>();
  for (const { key, value } of file.mapping('services')?.entries() ?? []) {
    const at = new Place(report, `services/${key}`);
    if (!isFields(value)) {
      at.lost('It must be a mapping.');
      continue;
    }
    const fields = Object.fromEntries(withoutExtensions(value));
    const own = Array.isArray(fields['profiles'])
      ? fields['profiles'].flatMap((one) => textOf(one) ?? [])
      : [];
    const isWanted = own.length === 0 || profiles.includes('*') || own.some((one) => profiles.includes(one));
    if (isWanted) wanted.set(key, interpolation.apply(fields, at) as Record<string, unknown>);
    else at.in('profiles').lost('It is not imported: none of its profiles is named in profiles.');
  }
  return wanted;
}

/** How many services mount each volume. */
function volumeUsers(services: readonly Record<string, unknown>[]): ReadonlyMap<string, number> {
  const users = new Map<string, number>();
  for (const { volumes } of services) {
    const mounted: unknown[] = Array.isArray(volumes) ? volumes : [];
    const sources = mounted.flatMap((one) =>
      isFields(one) ? (textOf(one['source']) ?? []) : (textOf(one)?.split(':', 1) ?? []),
    );
    for (const source of new Set(sources)) users.set(source, (users.get(source) ?? 0) + 1);
  }
  return users;
}
