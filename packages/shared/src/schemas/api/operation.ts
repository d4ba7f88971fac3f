import { Type, type Static } from 'typebox';
import { Uuid } from '../common.ts';
import { ACTIONS, FailureSchema, OPERATION_STATES, REQUESTS, type Requested } from '../state.ts';
import { DateTimeOrNull, Enum, Ref, StringOrNull } from './fields.ts';
import { Links, ListQuery, Next } from './list.ts';
import { OPERATION_SORT_KEYS } from './sort-keys.ts';

function Blockers(description: string) {
  return Type.Array(
    Type.Object({
      kind: Type.String({ description: 'The word of whoever knows it, such as `PersistentVolumeClaim`.' }),
      namespace: Type.Optional(Type.String()),
      name: Type.String(),
      reason: Type.String(),
    }),
    { description },
  );
}

/** An operation as it is read. */
export const OperationView = Type.Object(
  {
    uuid: Uuid,
    action: Enum(ACTIONS),
    requested: Enum(Object.keys(REQUESTS) as Requested[], {
      description: 'What was asked for; several requests are carried out as an `update`.',
    }),
    state: Enum(OPERATION_STATES),
    object: Type.Object({ kind: Type.String(), uuid: Uuid, name: Type.String() }),
    generation: Type.Integer({ description: 'The generation of the object that it is to bring about.' }),
    project_id: Type.String(),
    user_id: Type.String({ description: 'Who asked.' }),
    request_id: Type.String({ description: 'The request that asked.' }),
    accepted_at: Type.String({ format: 'date-time' }),
    started_at: DateTimeOrNull({ description: 'When work on it began; null: it waits for its turn.' }),
    deadline_at: Type.String({
      format: 'date-time',
      description:
        'It fails when it has not ended by then. Waiting for its turn takes nothing from its time.',
    }),
    finished_at: DateTimeOrNull(),
    progress: StringOrNull({ description: 'What it waits for now, for people.' }),
    error: Type.Unsafe<Static<typeof FailureSchema> | null>({ ...FailureSchema, type: ['object', 'null'] }),
    parts: Type.Array(
      Type.Object({ kind: Type.String(), uuid: Uuid, name: Type.String(), action: Enum(ACTIONS) }),
      { description: 'The parts of the object that it changes, such as node groups.' },
    ),
    rollback_on_failure: Type.Boolean({ description: 'Whether it is undone when it fails.' }),
    force: Type.Boolean({ description: 'Whether a delete leaves behind what it cannot remove.' }),
    blocked_by: Blockers('What it waits for now.'),
    left_behind: Blockers(
      'What a delete did not remove, and the pods that were cut off with nodes that an update removed.',
    ),
    links: Links,
  },
  { $id: 'Operation', description: 'An accepted request to change an object, and how it went.' },
);
export type OperationView = Static<typeof OperationView>;

export const OperationList = Type.Object(
  { operations: Type.Array(Ref<OperationView>('Operation')), next: Next },
  { $id: 'OperationList', description: 'A page of operations.' },
);

export const OperationListQuery = ListQuery(Object.keys(OPERATION_SORT_KEYS), {
  object: Type.Optional(Type.String({ format: 'uuid', description: 'The uuid of an object.' })),
  state: Type.Optional(Enum(OPERATION_STATES)),
});
export type OperationListQuery = Static<typeof OperationListQuery>;

/** The uuid in an address. */
export const UuidParams = Type.Object({ uuid: Uuid });
