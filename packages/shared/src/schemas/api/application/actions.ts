import { Type, type Static } from 'typebox';
import { Reference } from '../fields.ts';
import { Replicas } from './workload.ts';

/** The body of `POST /v1/applications/{ref}/actions/scale`. */
export const ApplicationScale = Type.Object(
  {
    replicas: Replicas,
    cluster: Type.Optional(
      Reference(
        'Only there: one of the clusters that its placements name. Default: wherever nothing else is said.',
      ),
    ),
  },
  {
    $id: 'ApplicationScale',
    additionalProperties: false,
    description: 'How many instances an application shall have in each cluster, or in one.',
  },
);
export type ApplicationScale = Static<typeof ApplicationScale>;

/** The body of `POST /v1/applications/{ref}/actions/rollback`; clients send an empty object or nothing for the one before. */
export const ApplicationRollback = Type.Unsafe<{ revision?: number } | null | undefined>({
  $id: 'ApplicationRollback',
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    revision: {
      type: 'integer',
      minimum: 1,
      maximum: 2_147_483_647,
      description:
        'One of its `revisions`. Default: what there was before the change that goes on or has failed, or else the revision before.',
    },
  },
  description: 'What an application goes back to.',
});
