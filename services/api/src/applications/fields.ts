import { applicationFields, type ApplicationSpec, type Observation } from '@cetus/shared/schemas';
import type { ComputedField, Fields } from '@cetus/shared/store';

const SPEC = [
  ...Object.keys(applicationFields),
  ...(['kind', 'stopped', 'paused', 'restarted_at', 'runs'] satisfies (keyof ApplicationSpec)[]),
  // Enough to tell whether what is sealed has changed.
  'sealed.nonce',
];

/**
 * What was seen in each cluster, without the causes: they hold lines of logs, and brief views show none. A path cannot leave them out, as
 * the keys of `observed` are ids.
 */
const OBSERVED_IN_BRIEF: ComputedField = {
  path: 'observed',
  expression: {
    $arrayToObject: {
      $map: {
        input: { $objectToArray: { $ifNull: ['$observed', {}] } },
        in: {
          k: '$$this.k',
          v: Object.fromEntries(
            (['phase', 'generation', 'replicas'] satisfies (keyof Observation)[]).map((field) => [
              field,
              `$$this.v.${field}`,
            ]),
          ),
        },
      },
    },
  },
};

/** What a brief view of an application shows. */
export const BRIEF_FIELDS: Fields = [
  ...['name', 'project_id', 'user_id'],
  'operation.action',
  'operation.state',
  'operation.generation',
  OBSERVED_IN_BRIEF,
  ...['state', 'placements.cluster_id', 'placements.state', 'placements.applied_generation'].map(
    (field) => `status.${field}`,
  ),
  'spec.kind',
  'spec.placements.cluster_id',
];

/** What is sealed of an application, with what tells which of it counts. Never shown. */
export const SEALED_FIELDS: readonly string[] = [
  ...['operation.action', 'operation.state', 'status.state'],
  ...['spec.sealed', 'status.applied_spec.sealed'],
];

/** What a whole view shows, and changes begin with: everything but what is sealed, and what revisions hold. */
export const FULL_FIELDS: readonly string[] = [
  ...['name', 'project_id', 'user_id', 'generation', 'revision', 'operation', 'created_at', 'updated_at'],
  ...['observed', 'health_conditions', 'revisions.number'],
  ...['state', 'state_reason', 'failure', 'conditions', 'observed_generation', 'placements'].map(
    (field) => `status.${field}`,
  ),
  ...SPEC.flatMap((field) => [`spec.${field}`, `status.applied_spec.${field}`]),
];

/** With what the revisions hold, but for what is sealed in them. */
export const FIELDS_WITH_REVISIONS: readonly string[] = [
  ...FULL_FIELDS.filter((field) => field !== 'revisions.number'),
  ...['number', 'generation', 'requested', 'user_id', 'created_at'].map((field) => `revisions.${field}`),
  ...SPEC.map((field) => `revisions.spec.${field}`),
];
