import { Type, type TSchema, type TUnion, type TNull } from 'typebox';

/** An object's id: a UUID in lower case with hyphens. */
export const Uuid = Type.String({ format: 'uuid', maxLength: 36, description: 'A UUID.' });

export const DateTime = Type.String({ format: 'date-time', description: 'RFC 3339, in UTC.' });

/** A field that is null when it has no value. */
export function Nullable<T extends TSchema>(schema: T): TUnion<[T, TNull]> {
  return Type.Union([schema, Type.Null()]);
}

/** A link of OpenStack's kind. */
export const Link = Type.Object({ href: Type.String(), rel: Type.String() }, { title: 'Link' });

/** The error body that OpenStack services share. */
export const ErrorBody = Type.Object(
  {
    errors: Type.Array(
      Type.Object({
        request_id: Type.String({ description: 'The id of the request, also in `X-OpenStack-Request-ID`.' }),
        code: Type.String({ description: 'A code of docs/reference/errors.md.' }),
        status: Type.Integer(),
        title: Type.String(),
        detail: Type.String({ description: 'A sentence that a person can act on.' }),
        field: Type.Optional(Type.String({ description: 'The field at fault, as a path with slashes.' })),
        links: Type.Array(Link),
      }),
    ),
  },
  { $id: 'Errors', description: 'What went wrong.' },
);
