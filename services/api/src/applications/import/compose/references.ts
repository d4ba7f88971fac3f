import { isFields, textOf } from '../mapping.ts';

/** Ports by service. */
export type NamedPorts = ReadonlyMap<string, ReadonlyMap<number, string>>;

/** A name with a port: `db:5432`. */
const REFERENCE = /(?<![\w.-])([a-zA-Z0-9_][\w.-]*):(\d{1,5})(?![\d.:])/g;

/** What may name another service. */
const FIELDS = ['environment', 'command', 'entrypoint', 'healthcheck'];

/**
 * The ports at which services name one another in what they are told, as `db:5432`, with who names them. In a network of Compose every port
 * of a service can be reached; where applications run, only those that are said.
 */
export function namedPorts(services: ReadonlyMap<string, unknown>): NamedPorts {
  const found = new Map<string, Map<number, string>>();
  for (const [service, fields] of services) {
    if (!isFields(fields)) continue;
    for (const text of FIELDS.flatMap((field) =>
      textsOf(Object.hasOwn(fields, field) ? fields[field] : null),
    )) {
      for (const [, name = '', digits = ''] of text.matchAll(REFERENCE)) {
        const port = Number(digits);
        if (name === service || !services.has(name) || port < 1 || port > 65_535) continue;
        const ports = found.get(name) ?? new Map<number, string>();
        if (!ports.has(port)) ports.set(port, service);
        found.set(name, ports);
      }
    }
  }
  return found;
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (isFields(value)) return Object.values(value).flatMap(textsOf);
  const text = textOf(value);
  return text === undefined ? [] : [text];
}
