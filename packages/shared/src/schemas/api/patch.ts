import { Type, type Static } from 'typebox';
import { Enum } from './fields.ts';

/** A JSON Patch (RFC 6902) without `move` and `copy`, which Magnum does not know. */
export const JsonPatchSchema = Type.Array(
  Type.Object(
    {
      op: Enum(['add', 'replace', 'remove', 'test']),
      path: Type.String({ pattern: '^(/([^/~]|~[01])+)+$', maxLength: 512, description: 'A JSON Pointer.' }),
      value: Type.Optional(Type.Unknown()),
    },
    { additionalProperties: false },
  ),
  { $id: 'JsonPatch', minItems: 1, maxItems: 64, description: 'A JSON Patch (RFC 6902).' },
);
export type JsonPatch = Static<typeof JsonPatchSchema>;
