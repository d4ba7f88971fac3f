import { isDeepStrictEqual } from 'node:util';

/** As much of an OpenAPI document as is looked at. */
interface Document {
  paths?: object;
  components?: { schemas?: object };
}

interface Operation {
  parameters?: { name: string }[];
  responses?: Record<string, Answer>;
}

interface Answer {
  content?: Record<string, { schema?: { $ref?: string } }>;
}

/**
 * The same document with what it repeats shown once, in its components. What forms have in common is a part of each of them, so that what
 * checks requests needs no other schema; only the document refers to it, by its title.
 * @throws Error when schemas that differ have one title, or one has the name of another
 */
export function shareRepeated<T extends Document>(document: T): T {
  return shareOperations(shareTitled(document));
}

function shareTitled<T extends Document>(document: T): T {
  const named = Object.entries(document.components?.schemas ?? {}) as [string, object][];
  const shared = new Map(named);
  const changed = named.map(([name, schema]) => [name, inside(schema)] as const);
  const paths = inside(document.paths ?? {});
  const schemas = Object.fromEntries([...shared, ...changed]);
  return { ...document, paths, components: { ...document.components, schemas } };

  function visit(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const { title, ...schema } = inside(value);
    // A field that is called so has a schema, not a text.
    if (typeof title !== 'string') return title === undefined ? schema : { title, ...schema };
    const known = shared.get(title);
    if (known !== undefined && !isDeepStrictEqual(known, schema))
      throw new Error(`two schemas are called ${title}`);
    shared.set(title, schema);
    return { $ref: `#/components/schemas/${title}` };
  }

  function inside(schema: object): Record<string, unknown> {
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, visit(value)]));
  }
}

function shareOperations<T extends Document>(document: T): T {
  const paths = Object.entries(document.paths ?? {}) as [string, Record<string, Operation>][];
  const operations = paths.flatMap(([, methods]) => Object.values(methods));
  const parameters = frequent(
    'parameters',
    operations.flatMap((one) => one.parameters ?? []),
    ({ name }) => name,
  );
  const responses = frequent(
    'responses',
    operations.flatMap((one) => Object.values(one.responses ?? {})),
    (answer) => answer.content?.['application/json']?.schema?.$ref?.split('/').at(-1),
  );
  const shared = (operation: Operation): object => ({
    ...operation,
    ...(operation.parameters === undefined ? {} : { parameters: operation.parameters.map(parameters.refer) }),
    ...(operation.responses === undefined ? {} : { responses: mapped(operation.responses, responses.refer) }),
  });
  return {
    ...document,
    paths: Object.fromEntries(paths.map(([path, methods]) => [path, mapped(methods, shared)])),
    components: {
      ...document.components,
      parameters: parameters.components,
      responses: responses.components,
    },
  };
}

/** Those that are there more than once, by name: of several with one name that which is there most often; the others stay where they are. */
function frequent<T extends object>(
  place: string,
  all: readonly T[],
  nameOf: (one: T) => string | undefined,
): { components: Record<string, T>; refer: (one: T) => object } {
  const counts = new Map<string, { one: T; count: number }>();
  for (const one of all) {
    const text = JSON.stringify(one);
    counts.set(text, { one, count: (counts.get(text)?.count ?? 0) + 1 });
  }
  const components: Record<string, T> = {};
  const names = new Map<string, string>();
  for (const [text, { one, count }] of [...counts].sort(([, a], [, b]) => b.count - a.count)) {
    const name = nameOf(one);
    if (count === 1 || name === undefined || Object.hasOwn(components, name)) continue;
    components[name] = one;
    names.set(text, name);
  }
  const refer = (one: T): object => {
    const name = names.get(JSON.stringify(one));
    return name === undefined ? one : { $ref: `#/components/${place}/${name}` };
  };
  return { components, refer };
}

function mapped<T>(record: Record<string, T>, change: (value: T) => object): Record<string, object> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
