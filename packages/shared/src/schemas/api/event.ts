import { Type, type Static } from 'typebox';
import type { CloudEvent } from '../event.ts';
import { Enum, Ref } from './fields.ts';
import { Next } from './list.ts';

/** The form of the id of a notification. */
export const EVENT_ID_PATTERN = '^[0-9a-fA-F-]{36}/[1-9][0-9]{0,15}$';

const EventId = Type.String({
  pattern: EVENT_ID_PATTERN,
  maxLength: 60,
  description: 'The id of a notification: `<object uuid>/<sequence>`.',
});

const Word = (description: string) => Type.String({ pattern: '^[a-z][a-z0-9_]{0,63}$', description });

/** The query of `GET /v1/events`, as a list and as a stream. */
export const EventQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Of a list.' })),
    marker: Type.Optional(EventId),
    sort_dir: Type.Optional(Enum(['asc', 'desc'], { description: 'Of a list: the order of recording.' })),
    object: Type.Optional(Type.String({ format: 'uuid', description: 'The uuid of an object.' })),
    kind: Type.Optional(Word('A kind of object, such as `cluster`.')),
    type: Type.Optional(
      Type.String({
        pattern: '^cetus(\\.[a-z][a-z0-9_]{0,63}){3}$',
        description: 'Such as `cetus.cluster.create.end`.',
      }),
    ),
    last_event_id: Type.Optional(EventId),
    all_projects: Type.Optional(
      Type.Boolean({ description: 'The notifications of all projects; for administrators.' }),
    ),
  },
  { additionalProperties: false },
);
export type EventQuery = Static<typeof EventQuery>;

export const EventList = Type.Object(
  { events: Type.Array(Ref<CloudEvent>('Event')), next: Next },
  { $id: 'EventList', description: 'A page of notifications, in the order of recording.' },
);
