import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Role } from '@cetus/shared/auth';
import { Ref } from '@cetus/shared/schemas';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { Type } from 'typebox';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The role that a token needs for the route; every route of `/v1` names one. */
    role?: Role;
    /** The media type that the route answers with instead of JSON. */
    media?: string;
  }
}

/** An app whose handlers get the types of their schemas. */
export type TypedApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What every route may answer besides what it is for. */
export const ERROR_RESPONSES = { '4xx': Ref<unknown>('Errors'), '5xx': Ref<unknown>('Errors') } as const;

/** The query of a route that has none. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

/** The body of an action that needs none; clients send an empty object or nothing. */
export const NoBody = Type.Unsafe<Record<string, never> | null | undefined>({
  type: ['object', 'null'],
  additionalProperties: false,
});

/** An answer without a body. */
export const Empty = Type.Unsafe<undefined>({ type: 'null', description: 'No body.' });

/** What a POST may say so that repeating it does nothing more. */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        '1 to 255 visible ASCII characters. The same key for the same request is answered with what the first one made.',
    }),
  ),
});

/** What a change may be conditional on. */
export const IfMatchHeaders = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'The ETag that the object must have.' })),
});

/** What a read may be conditional on. */
export const IfNoneMatchHeaders = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags that the sender has.' })),
});
