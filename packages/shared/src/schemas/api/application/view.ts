import { Type, type Static } from 'typebox';
import {
  PHASES,
  PLACEMENT_STATES,
  QOS_CLASSES,
  type AutoscalerStatus,
  type Cause,
  type ReplicaCounts,
} from '../../application.ts';
import { Uuid } from '../../common.ts';
import { ConditionSchema, FailureSchema, OBJECT_STATES } from '../../state.ts';
import { DateTimeOrNull, Enum, IntegerOrNull, Ref, StringOrNull } from '../fields.ts';
import { Links, ListQuery, MagnumBoolean, Next, ScopeQuery } from '../list.ts';
import { COMMON_SORT_KEYS } from '../sort-keys.ts';
import { APPLICATION_NAME, LabelMap } from './fields.ts';
import { applicationFields } from './form.ts';
import { Overrides } from './placement.ts';
import { APPLICATION_KINDS } from './workload.ts';

const closed = { additionalProperties: false } as const;

/** What an accepted request answers. */
export const ApplicationId = Type.Object(
  { uuid: Uuid },
  { $id: 'ApplicationId', description: 'The id of an application.' },
);

const replicaCounts = {
  desired: Type.Integer({ description: 'As the workload itself counts them.' }),
  updated: Type.Integer({ description: 'Made as is asked for now.' }),
  ready: Type.Integer(),
  available: Type.Integer(),
};

/** The first cause of what is not as it shall be. */
export const CauseOrNull = Type.Unsafe<Cause | null>({
  title: 'Cause',
  type: ['object', 'null'],
  required: ['reason', 'message'],
  properties: {
    reason: { type: 'string', description: 'A word for machines, such as `ImagePullBackOff`.' },
    message: { type: 'string', description: 'A sentence for people.' },
    instance: { type: 'string' },
    container: { type: 'string' },
    image: { type: 'string' },
    exit_code: { type: 'integer' },
    restarts: { type: 'integer' },
    log: { type: 'string', description: 'The last lines that the container wrote.' },
  },
  description: 'Why it is not as it shall be; null when it is, or nothing is known.',
});

const percentOrNull = (what: string) =>
  IntegerOrNull({
    description: `The average use of ${what} that it has measured last, in percent of what is requested; null: none.`,
  });
const autoscalerStatus = {
  current_replicas: Type.Integer({ description: 'Instances that it has counted.' }),
  desired_replicas: IntegerOrNull({
    description: 'Instances that it wants; null: it has not worked that out.',
  }),
  cpu_percent: percentOrNull('processors'),
  memory_percent: percentOrNull('memory'),
  active: Type.Unsafe<boolean | null>({
    type: ['boolean', 'null'],
    description: 'Whether it can act; null when that is not known yet, or what it misses may only be late.',
  }),
  reason: StringOrNull({
    description: 'Why it can or cannot, a word for machines, such as `FailedGetResourceMetric`.',
  }),
  message: StringOrNull({ description: 'The same, for people.' }),
  limited_by: Type.Unsafe<AutoscalerStatus['limited_by']>({
    type: ['string', 'null'],
    enum: ['min_replicas', 'max_replicas', null],
    description: 'What keeps it from the number that the load asks for; null: nothing.',
  }),
  last_scaled_at: DateTimeOrNull({ description: 'When it last changed the number of instances.' }),
};

/** What the autoscaler says of itself. */
const AutoscalerOrNull = Type.Unsafe<AutoscalerStatus | null>({
  type: ['object', 'null'],
  required: Object.keys(autoscalerStatus),
  properties: autoscalerStatus,
  description: 'What the autoscaler says of itself; null when there is none, or it was not seen yet.',
});

export const FailureOrNull = Type.Unsafe<Static<typeof FailureSchema> | null>({
  ...FailureSchema,
  type: ['object', 'null'],
  description: 'What went wrong, for machines.',
});

/** An address of an application, and whose. */
export const EndpointView = Type.Object(
  {
    cluster_id: Uuid,
    cluster_name: StringOrNull(),
    type: Enum(['cluster_ip', 'node_port', 'load_balancer', 'ingress']),
    address: Type.String({ description: 'The address of an ingress as a URL; `host:port` else.' }),
    port: Type.Integer(),
    protocol: Type.String({ description: '`TCP`, `UDP`, `SCTP`; of an ingress `HTTP` or `HTTPS`.' }),
    scope: Enum(['cluster', 'network', 'external'], {
      description: 'From where: within the cluster, from the network of the nodes, from anywhere.',
    }),
  },
  { $id: 'ApplicationEndpoint', description: 'Where an application can be reached.' },
);
export type EndpointView = Static<typeof EndpointView>;
const EndpointViews = Type.Array(Ref<EndpointView>('ApplicationEndpoint'));

export const EndpointList = Type.Object(
  { endpoints: EndpointViews },
  { $id: 'ApplicationEndpointList', description: 'Where an application can be reached.' },
);

/** How an application is in one cluster. */
export const ApplicationClusterView = Type.Object(
  {
    cluster_id: Uuid,
    cluster_name: StringOrNull({ description: 'Null when the cluster is gone.' }),
    namespace: Type.String(),
    state: Enum(PLACEMENT_STATES, { description: 'How far it was brought there.' }),
    progress: StringOrNull({ description: 'What it waits for, for people.' }),
    failure: FailureOrNull,
    phase: Enum(PHASES, { description: 'How it does.' }),
    since: DateTimeOrNull({ description: 'When it became so.' }),
    instances: Type.Unsafe<ReplicaCounts | null>({
      type: ['object', 'null'],
      required: Object.keys(replicaCounts),
      properties: replicaCounts,
      description: 'Null before the cluster was asked.',
    }),
    cause: CauseOrNull,
    autoscaler: AutoscalerOrNull,
    endpoints: EndpointViews,
    drift: Type.Array(Type.String(), { description: 'What others changed and is not put back.' }),
    reachable: Type.Unsafe<boolean | null>({
      type: ['boolean', 'null'],
      description: 'Whether the cluster answers; null when it is not known. What is said of it is from then.',
    }),
    last_contact: DateTimeOrNull({ description: 'When the cluster last answered.' }),
  },
  { $id: 'ApplicationCluster', description: 'How an application is in one cluster.' },
);
export type ApplicationClusterView = Static<typeof ApplicationClusterView>;

const brief = {
  uuid: Uuid,
  name: Type.String(),
  kind: Enum(APPLICATION_KINDS),
  status: Enum(OBJECT_STATES, { description: 'What goes on, or how the last operation ended.' }),
  phase: Enum(PHASES, { description: 'How it does: of its clusters, where it does worst.' }),
  instances: Type.Object(replicaCounts, { description: 'In all clusters together.' }),
  cluster_ids: Type.Array(Uuid, { description: 'The clusters that it is in, or shall be.' }),
  links: Links,
};

/** An application in a list. */
export const ApplicationBrief = Type.Object(brief, {
  $id: 'ApplicationBrief',
  description: 'An application, in brief.',
});
export type ApplicationBrief = Static<typeof ApplicationBrief>;

/** What is asked of an application, as it is read: what its form said, with clusters by id, and without the values of secrets. */
export const formView = {
  ...applicationFields,
  placements: Type.Array(
    Type.Object(
      {
        cluster: Type.Optional(Uuid),
        cluster_name: Type.Optional(StringOrNull({ description: 'Null when the cluster is gone.' })),
        selector: Type.Optional(LabelMap('Labels of clusters.')),
        overrides: Type.Optional(Overrides),
      },
      closed,
    ),
    { description: 'Where it shall run.' },
  ),
  secrets: Type.Array(
    Type.Object(
      { name: Type.String(), keys: Type.Array(Type.String({ description: 'What it has values for.' })) },
      closed,
    ),
    { description: 'The values are never shown.' },
  ),
  image_pull_secret: Type.Optional(
    Type.Object(
      {
        name: Type.Optional(Type.String()),
        registry: Type.Optional(Type.String()),
        username: Type.Optional(Type.String()),
      },
      { ...closed, description: 'The password is never shown.' },
    ),
  ),
};
export type ApplicationFormView = Static<ReturnType<typeof Type.Object<typeof formView>>>;

/** How its instances fare when a node runs out of something. */
export const QosView = Type.Object(
  {
    class: Enum(QOS_CLASSES, {
      description: 'What Kubernetes calls its quality of service.',
    }),
    eviction_rank: Type.Integer({ description: '1: the first to be evicted, 3: the last.' }),
    eviction: Type.String({ description: 'The same, for people.' }),
    containers: Type.Array(
      Type.Object({
        name: Type.String(),
        init: Type.Boolean({ description: 'Whether it runs before the others.' }),
        cpu_request: IntegerOrNull({ description: 'Thousandths of a core; null: none.' }),
        cpu_limit: IntegerOrNull({ description: 'Thousandths of a core; null: none.' }),
        memory_request: IntegerOrNull({ description: 'Bytes; null: none.' }),
        memory_limit: IntegerOrNull({ description: 'Bytes; null: none.' }),
        cpu_shares: Type.Integer({ description: 'In a cgroup of version 1.' }),
        cpu_weight: Type.Integer({ description: 'In a cgroup of version 2.' }),
        cpu_quota: IntegerOrNull({ description: 'Microseconds in each period; null: no limit.' }),
        cpu_period: Type.Integer({ description: 'Microseconds.' }),
        oom_score_adj: IntegerOrNull({
          description:
            'The higher, the sooner the kernel ends it when there is no memory left; null: it depends on the node.',
        }),
      }),
    ),
  },
  { $id: 'ApplicationQos', description: 'How its instances fare when a node runs out of something.' },
);
export type QosView = Static<typeof QosView>;
const QosRef = Ref<QosView>('ApplicationQos');

/** An application as it is read. */
export const ApplicationView = Type.Object(
  {
    ...brief,
    status_reason: StringOrNull({
      description: 'What goes on waits for, or why the last operation failed, for people.',
    }),
    cause: CauseOrNull,
    failure: FailureOrNull,
    conditions: Type.Array(ConditionSchema),
    ...formView,
    clusters: Type.Array(Ref<ApplicationClusterView>('ApplicationCluster'), {
      description: 'How it is in each cluster that it is in, or shall be.',
    }),
    endpoints: EndpointViews,
    qos: QosRef,
    revision: IntegerOrNull({ description: 'The number of what is asked for now among its `revisions`.' }),
    stopped: Type.Boolean({ description: 'No instance runs.' }),
    paused: Type.Boolean({ description: 'Changes do not reach the instances.' }),
    restarted_at: DateTimeOrNull({ description: 'When a restart was last asked for.' }),
    runs: Type.Integer({ description: 'How often it was asked to run.' }),
    operation_id: StringOrNull({
      description: 'The newest operation, to be read at `/v1/operations/{uuid}`.',
    }),
    project_id: Type.String(),
    user_id: Type.String(),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: DateTimeOrNull(),
  },
  { $id: 'Application', description: 'An application.' },
);
export type ApplicationView = Static<typeof ApplicationView>;

export const ApplicationBriefList = Type.Object(
  { applications: Type.Array(Ref<ApplicationBrief>('ApplicationBrief')), next: Next },
  { $id: 'ApplicationBriefList', description: 'A page of applications, in brief.' },
);
export const ApplicationList = Type.Object(
  { applications: Type.Array(Ref<ApplicationView>('Application')), next: Next },
  { $id: 'ApplicationList', description: 'A page of applications.' },
);

export const ApplicationListQuery = ListQuery(Object.keys(COMMON_SORT_KEYS), {
  name: Type.Optional(Type.String({ ...APPLICATION_NAME, description: 'Only that of this name.' })),
  cluster: Type.Optional(
    Type.String({ format: 'uuid', description: 'Only those that are in this cluster, or shall be; by id.' }),
  ),
  kind: Type.Optional(Enum(APPLICATION_KINDS, { description: 'Only those of this kind.' })),
  status: Type.Optional(Enum(OBJECT_STATES, { description: 'Only those that have this status.' })),
  healthy: Type.Optional(
    Type.Boolean({
      description:
        'Only those whose condition `Healthy` is `True`, or `False`: then something is wrong in one of their clusters. What is not known yet is neither.',
    }),
  ),
});
export type ApplicationListQuery = Static<typeof ApplicationListQuery>;

const dryRun = {
  dry_run: Type.Optional(
    Type.Boolean({
      description: 'Nothing is changed; the answer says what would be, and whether the clusters admit it.',
    }),
  ),
};

/** The query of `POST /v1/applications`. */
export const ApplicationCreateQuery = Type.Object(dryRun, closed);

/** The query of a change of what an application shall be. */
export const ApplicationChangeQuery = Type.Object(
  {
    ...ScopeQuery.properties,
    ...dryRun,
    rollback: MagnumBoolean('Whether the change is undone when it fails, as with `rollback_on_failure`.'),
  },
  closed,
);

/** The query of `DELETE /v1/applications/{ref}`. */
export const ApplicationDeleteQuery = Type.Object(
  {
    ...ScopeQuery.properties,
    force: MagnumBoolean('Whether what cannot be removed is left behind, also by a deletion that goes on.'),
  },
  closed,
);
