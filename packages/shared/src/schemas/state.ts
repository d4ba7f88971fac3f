import { Type, type Static } from 'typebox';

/** What an operation does to an object. Magnum's statuses are made of these words. */
export const ACTIONS = ['create', 'update', 'delete', 'rollback'] as const;
export type Action = (typeof ACTIONS)[number];
export const ActionSchema = Type.Union(ACTIONS.map((action) => Type.Literal(action)));

/** What a request may ask for, and the action that it is carried out as; `retry` repeats the action that failed. */
export const REQUESTS = {
  create: 'create',
  import: 'create',
  update: 'update',
  resize: 'update',
  upgrade: 'update',
  credentials: 'update',
  'rotate-ca': 'update',
  'node-group-create': 'update',
  'node-group-update': 'update',
  'node-group-delete': 'update',
  scale: 'update',
  restart: 'update',
  stop: 'update',
  start: 'update',
  pause: 'update',
  resume: 'update',
  run: 'update',
  revert: 'update',
  rollback: 'rollback',
  delete: 'delete',
  retry: null,
} as const satisfies Record<string, Action | null>;
export type Requested = keyof typeof REQUESTS;

/** How far an operation is. `CANCELLED`: a later operation took its place. */
export const OPERATION_STATES = ['IN_PROGRESS', 'COMPLETE', 'FAILED', 'CANCELLED'] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** The states of an object, in Magnum's words. */
export const OBJECT_STATES = [
  'CREATE_IN_PROGRESS',
  'CREATE_COMPLETE',
  'CREATE_FAILED',
  'UPDATE_IN_PROGRESS',
  'UPDATE_COMPLETE',
  'UPDATE_FAILED',
  'DELETE_IN_PROGRESS',
  'DELETE_COMPLETE',
  'DELETE_FAILED',
  'ROLLBACK_IN_PROGRESS',
  'ROLLBACK_COMPLETE',
  'ROLLBACK_FAILED',
] as const;
export type ObjectState = (typeof OBJECT_STATES)[number];
export const ObjectStateSchema = Type.Union(OBJECT_STATES.map((state) => Type.Literal(state)));

/**
 * The one table of what may be asked of an object in which state, for all kinds. Delete is legal from every state but the
 * last; retry (which repeats the action that failed) from every failed one; rollback while an update goes on or when it has failed.
 * `credentials`, other ones for what others made, wherever an update is, and when taking it in has failed: they may be what was wrong.
 */
export const LEGAL_REQUESTS: Readonly<Record<ObjectState, readonly (Action | 'retry' | 'credentials')[]>> = {
  CREATE_IN_PROGRESS: ['delete'],
  CREATE_COMPLETE: ['update', 'delete'],
  CREATE_FAILED: ['delete', 'retry', 'credentials'],
  UPDATE_IN_PROGRESS: ['delete', 'rollback'],
  UPDATE_COMPLETE: ['update', 'delete'],
  UPDATE_FAILED: ['update', 'delete', 'retry', 'rollback'],
  DELETE_IN_PROGRESS: ['delete'],
  DELETE_COMPLETE: [],
  DELETE_FAILED: ['delete', 'retry'],
  ROLLBACK_IN_PROGRESS: ['delete'],
  ROLLBACK_COMPLETE: ['update', 'delete'],
  ROLLBACK_FAILED: ['update', 'delete', 'retry'],
};

/**
 * What may be asked besides of an object whose kind is `replaceable`: what it shall be takes the place of whatever was asked before, so
 * a change that goes nowhere is mended by the next one, and not waited for.
 */
export const LEGAL_FOR_REPLACEABLE: Partial<Record<ObjectState, readonly Action[]>> = {
  CREATE_IN_PROGRESS: ['update'],
  CREATE_FAILED: ['update'],
  UPDATE_IN_PROGRESS: ['update'],
  ROLLBACK_IN_PROGRESS: ['update'],
};

/** The state that an action has while it goes on or when it has ended. */
export function stateFor(action: Action, state: Exclude<OperationState, 'CANCELLED'>): ObjectState {
  return `${action.toUpperCase() as Uppercase<Action>}_${state}`;
}

/** A statement about one side of an object that a person asks about: `Ready`, `StackInSync`, `Progressing`. */
export const ConditionSchema = Type.Object(
  {
    type: Type.String({ description: 'What the statement is about, in CamelCase.' }),
    status: Type.Union([Type.Literal('True'), Type.Literal('False'), Type.Literal('Unknown')]),
    reason: Type.String({ description: 'A CamelCase word for machines.' }),
    message: Type.String({ description: 'A sentence for people.' }),
    since: Type.String({ format: 'date-time', description: 'When `status` last changed.' }),
  },
  { title: 'Condition' },
);
export type Condition = Static<typeof ConditionSchema>;

/** Why an operation failed, for machines (`code`, `resource`) and people (`message`). */
export const FailureSchema = Type.Object({
  code: Type.String({ description: 'A code of docs/reference/errors.md.' }),
  message: Type.String(),
  resource: Type.Optional(
    Type.Object({ type: Type.String(), name: Type.String(), id: Type.Optional(Type.String()) }),
  ),
});
export type Failure = Static<typeof FailureSchema>;
