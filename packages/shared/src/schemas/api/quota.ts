import { Type, type Static } from 'typebox';
import { QUOTA_RESOURCES } from '../quota.ts';
import { DateTimeOrNull, Enum, Ref, StringOrNull } from './fields.ts';
import { ListQuery, MagnumBoolean, Next } from './list.ts';
import { COMMON_SORT_KEYS, magnumSortKeys } from './sort-keys.ts';

const ProjectId = {
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'The id of a project.',
};
const Resource = Enum(QUOTA_RESOURCES, { description: 'What is counted.' });
const HardLimit = { minimum: 0, maximum: 1_000_000, description: 'How many the project may have.' };

/** The body of `POST /v1/quotas`. */
export const QuotaCreate = Type.Object(
  {
    project_id: Type.String(ProjectId),
    resource: Type.Optional(Resource),
    hard_limit: Type.Optional(Type.Integer({ ...HardLimit, description: 'How many; 1 when absent.' })),
  },
  { $id: 'QuotaCreate', additionalProperties: false, description: 'A quota to be set.' },
);
export type QuotaCreate = Static<typeof QuotaCreate>;

/** The body of `PATCH /v1/quotas/{project_id}/{resource}`: a document, as in Magnum. */
export const QuotaUpdate = Type.Object(
  {
    project_id: Type.Optional(Type.String({ ...ProjectId, description: 'As in the address.' })),
    resource: Type.Optional(Resource),
    hard_limit: Type.Integer(HardLimit),
  },
  { $id: 'QuotaUpdate', additionalProperties: false, description: 'The new limit.' },
);
export type QuotaUpdate = Static<typeof QuotaUpdate>;

export const QuotaView = Type.Object(
  {
    id: StringOrNull({ description: 'The uuid; null for the default.' }),
    project_id: Type.String(),
    resource: Type.String(),
    hard_limit: Type.Integer({ description: 'How many the project may have; -1: any number.' }),
    created_at: DateTimeOrNull(),
    updated_at: DateTimeOrNull(),
  },
  { $id: 'Quota', description: 'How many of a resource a project may have.' },
);
export type QuotaView = Static<typeof QuotaView>;

export const QuotaList = Type.Object(
  { quotas: Type.Array(Ref<QuotaView>('Quota')), next: Next },
  { $id: 'QuotaList', description: 'A page of quotas.' },
);

export const QuotaListQuery = ListQuery(magnumSortKeys(COMMON_SORT_KEYS), {
  all_tenants: MagnumBoolean('Magnum’s word for `all_projects`.'),
});

/** A project and a resource in an address. */
export const QuotaParams = Type.Object({ project_id: Type.String(ProjectId), resource: Resource });

/** The query of `GET /v1/stats`. */
export const StatsQuery = Type.Object(
  {
    project_id: Type.Optional(Type.String(ProjectId)),
    type: Type.Optional(
      Type.String({ pattern: '^[Cc][Ll][Uu][Ss][Tt][Ee][Rr]$', description: 'Only `cluster`.' }),
    ),
  },
  { additionalProperties: false },
);

export const StatsView = Type.Object(
  {
    clusters: Type.Integer(),
    nodes: Type.Integer({ description: 'Masters and workers of all node groups.' }),
  },
  { $id: 'Stats', description: 'How much there is.' },
);
export type StatsView = Static<typeof StatsView>;
