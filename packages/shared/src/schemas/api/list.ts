import { Type, type TProperties } from 'typebox';
import { Link } from '../common.ts';
import { Enum } from './fields.ts';

/** Asks for the objects of all projects. */
const AllProjects = Type.Boolean({ description: 'The objects of all projects; for administrators.' });

/** The query of requests about one object. */
export const ScopeQuery = Type.Object(
  { all_projects: Type.Optional(AllProjects) },
  { additionalProperties: false },
);

/** A boolean of a query as Magnum's clients write it: Python's words, or a digit. See `isTrue`. */
export function MagnumBoolean(description: string) {
  return Type.Optional(Type.String({ pattern: '^([Tt]rue|[Ff]alse|0|1)$', description }));
}

const UuidMarker = Type.String({
  format: 'uuid',
  description: 'The uuid of the last object of the page before.',
});

/** The query of a list. */
export function ListQuery<const K extends readonly string[], T extends TProperties>(sortKeys: K, more: T) {
  return Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 2_147_483_647,
          description: 'How many objects the page has at most. The server has a maximum of its own.',
        }),
      ),
      marker: Type.Optional(UuidMarker),
      sort_key: Type.Optional(Enum(sortKeys, { description: 'What the list is sorted by.' })),
      sort_dir: Type.Optional(Enum(['asc', 'desc'])),
      all_projects: Type.Optional(AllProjects),
      ...more,
    },
    { additionalProperties: false },
  );
}

/** Where the next page is. */
export const Next = Type.Optional(
  Type.String({ description: 'The address of the next page; absent on the last one.' }),
);

export const Links = Type.Array(Link);
export type Links = { href: string; rel: string }[];

/** Names and uuids in an address. */
export const RefParams = Type.Object({
  ref: Type.String({ minLength: 1, maxLength: 255, description: 'The uuid or the name.' }),
});
