import { Type, type Static } from 'typebox';
import { Enum, Ref } from '../fields.ts';
import { ScopeQuery } from '../list.ts';
import { formView, type QosView } from './view.ts';
import { APPLICATION_KINDS } from './workload.ts';

const RevisionNumber = Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'From 1.' });

const brief = {
  number: RevisionNumber,
  current: Type.Boolean({ description: 'Whether it is what is asked for now.' }),
  generation: Type.Integer({ description: 'The generation of the application that it began with.' }),
  requested: Type.String({ description: 'What asked for it: `create`, `update`, `scale`, `revert`.' }),
  user_id: Type.String({ description: 'Who asked.' }),
  created_at: Type.String({ format: 'date-time' }),
};

/** A revision in the list. */
export const RevisionBrief = Type.Object(brief, {
  $id: 'ApplicationRevisionBrief',
  description: 'One version of what an application was asked to be, in brief.',
});
export type RevisionBrief = Static<typeof RevisionBrief>;

export const RevisionList = Type.Object(
  { revisions: Type.Array(Ref<RevisionBrief>('ApplicationRevisionBrief')) },
  { $id: 'ApplicationRevisionList', description: 'The revisions that are kept, the newest first.' },
);

/** A revision as it is read. */
export const RevisionView = Type.Object(
  {
    ...brief,
    form: Type.Object({ kind: Enum(APPLICATION_KINDS), ...formView }),
    qos: Ref<QosView>('ApplicationQos'),
  },
  { $id: 'ApplicationRevision', description: 'One version of what an application was asked to be.' },
);
export type RevisionView = Static<typeof RevisionView>;

/** A value of a revision: anything that JSON has. */
const AnyValue = Type.Unsafe<unknown>({ description: 'Null: it is not there.' });

export const RevisionDiff = Type.Object(
  {
    from: RevisionNumber,
    to: RevisionNumber,
    changes: Type.Array(
      Type.Object({
        path: Type.String({
          description:
            'With slashes; parts of lists by what they are called: `containers/web/env/MODE/value`.',
        }),
        before: AnyValue,
        after: AnyValue,
      }),
      { description: 'Of secrets only that they changed.' },
    ),
  },
  { $id: 'ApplicationRevisionDiff', description: 'What two revisions differ in.' },
);
export type RevisionDiff = Static<typeof RevisionDiff>;

export const RevisionParams = Type.Object({
  ref: Type.String({ minLength: 1, maxLength: 255, description: 'The uuid or the name.' }),
  number: RevisionNumber,
});

export const RevisionDiffQuery = Type.Object(
  {
    ...ScopeQuery.properties,
    against: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2_147_483_647,
        description: 'The other revision, by number; default: the one before.',
      }),
    ),
  },
  { additionalProperties: false },
);
