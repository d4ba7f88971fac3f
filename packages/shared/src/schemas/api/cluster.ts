import { Type, type Static } from 'typebox';
import { Uuid } from '../common.ts';
import { ConditionSchema, FailureSchema, OBJECT_STATES } from '../state.ts';
import {
  BooleanOrNull,
  DateTimeOrNull,
  Enum,
  IntegerOrNull,
  Ref,
  Reference,
  ReferenceOrNull,
  RequestLabels,
  StringMap,
  StringOrNull,
} from './fields.ts';
import { Links, ListQuery, Next } from './list.ts';
import { COMMON_SORT_KEYS, magnumSortKeys } from './sort-keys.ts';

/** Kubernetes is tested with clusters of up to so many nodes. Source: https://kubernetes.io/docs/setup/best-practices/cluster-large/ */
export const MAX_NODE_COUNT = 5_000;

/** What a driver can build: one master, or an odd number so that etcd keeps a quorum. */
export const MASTER_COUNTS = [1, 3, 5] as const;

/** The rule of names of clusters. */
export const CLUSTER_NAME = {
  minLength: 1,
  maxLength: 242,
  pattern: '^[a-zA-Z][a-zA-Z0-9_.-]*$',
  description: 'Letters, digits, `_`, `.` and `-`, starting with a letter; made up when absent.',
};

export const NodeCount = {
  minimum: 0,
  maximum: MAX_NODE_COUNT,
  description: 'How many nodes; 0 from version 1.10 on.',
};

/** The body of `POST /v1/clusters`. What is null or absent is taken from the template. */
export const ClusterCreate = Type.Object(
  {
    name: Type.Optional(StringOrNull(CLUSTER_NAME)),
    cluster_template_id: Reference('The template.'),
    keypair: Type.Optional(ReferenceOrNull('The key pair for access by SSH.')),
    node_count: Type.Optional(IntegerOrNull(NodeCount)),
    master_count: Type.Optional(
      Type.Unsafe<1 | 3 | 5 | null>({
        enum: [...MASTER_COUNTS, null],
        description: 'How many masters: 1, 3 or 5.',
      }),
    ),
    docker_volume_size: Type.Optional(IntegerOrNull({ minimum: 1, maximum: 65_536, description: 'In GB.' })),
    labels: Type.Optional(RequestLabels()),
    merge_labels: Type.Optional(
      BooleanOrNull({
        description: "Whether the labels are put over the template's instead of in their place.",
      }),
    ),
    master_flavor_id: Type.Optional(ReferenceOrNull('The flavor of the masters.')),
    flavor_id: Type.Optional(ReferenceOrNull('The flavor of the workers.')),
    create_timeout: Type.Optional(
      IntegerOrNull({
        minimum: 0,
        maximum: 1440,
        description: 'Minutes until the creation fails; 60 when absent, 0 for the longest there is, 1440.',
      }),
    ),
    discovery_url: Type.Optional(
      StringOrNull({
        maxLength: 2048,
        pattern: '^https?://[^\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$',
        description: 'A discovery service.',
      }),
    ),
    fixed_network: Type.Optional(ReferenceOrNull('The network of the servers.')),
    fixed_subnet: Type.Optional(ReferenceOrNull('The subnet of the servers.')),
    floating_ip_enabled: Type.Optional(BooleanOrNull()),
    master_lb_enabled: Type.Optional(BooleanOrNull()),
  },
  { $id: 'ClusterCreate', additionalProperties: false, description: 'A cluster to be created.' },
);
export type ClusterCreate = Static<typeof ClusterCreate>;

/** What an accepted request answers. */
export const ClusterId = Type.Object(
  { uuid: Uuid },
  { $id: 'ClusterId', description: 'The id of a cluster.' },
);

const brief = {
  uuid: Uuid,
  name: Type.String(),
  cluster_template_id: Uuid,
  keypair: StringOrNull(),
  node_count: Type.Integer({ description: 'How many workers are asked for.' }),
  master_count: Type.Integer(),
  docker_volume_size: IntegerOrNull(),
  labels: StringMap(),
  master_flavor_id: StringOrNull(),
  flavor_id: StringOrNull(),
  create_timeout: Type.Integer({ description: 'Minutes.' }),
  links: Links,
  stack_id: Type.Optional(StringOrNull({ description: 'The Heat stack; up to version 1.12.' })),
  cluster_id: Type.Optional(StringOrNull({ description: 'The Heat stack; from version 1.13 on.' })),
  status: Enum(OBJECT_STATES, { description: 'What goes on, or how the last operation ended.' }),
  health_status: StringOrNull({
    description: '`HEALTHY`, `UNHEALTHY`, `UNKNOWN`, or null before it is known.',
  }),
  merge_labels: Type.Boolean(),
};

/** A cluster in a list. */
export const ClusterBrief = Type.Object(brief, { $id: 'ClusterBrief', description: 'A cluster, in brief.' });

/** A cluster as it is read. The fields after `updated_at` are not Magnum's. */
export const ClusterView = Type.Object(
  {
    ...brief,
    status_reason: StringOrNull({ description: 'Why the last operation failed, for people.' }),
    health_status_reason: StringMap(),
    discovery_url: StringOrNull(),
    api_address: StringOrNull({ description: 'The address of the Kubernetes API.' }),
    coe_version: StringOrNull(),
    container_version: StringOrNull(),
    project_id: Type.String(),
    user_id: Type.String(),
    node_addresses: Type.Array(Type.String()),
    master_addresses: Type.Array(Type.String()),
    faults: Type.Optional(StringMap({ description: 'What failed and why; only after a failure.' })),
    fixed_network: StringOrNull(),
    fixed_subnet: StringOrNull(),
    floating_ip_enabled: Type.Boolean(),
    labels_overridden: StringMap({
      description: "The template's values of labels that the cluster has others for.",
    }),
    labels_added: StringMap({ description: 'Labels that the template does not have.' }),
    labels_skipped: StringMap({ description: 'Labels of the template that the cluster does not have.' }),
    master_lb_enabled: Type.Boolean(),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: DateTimeOrNull(),
    operation_id: StringOrNull({
      description: 'The newest operation, to be read at `/v1/operations/{uuid}`.',
    }),
    actual_node_count: IntegerOrNull({ description: 'How many workers exist; null before it is known.' }),
    actual_master_count: IntegerOrNull({ description: 'How many masters exist; null before it is known.' }),
    last_contact: DateTimeOrNull({ description: 'When the cloud last answered about the cluster.' }),
    nodes: Type.Unsafe<{ ready: number; total: number } | null>({
      type: ['object', 'null'],
      required: ['ready', 'total'],
      properties: { ready: { type: 'integer' }, total: { type: 'integer' } },
      description: 'How many nodes the cluster itself has, and how many are ready; null before it was asked.',
    }),
    ca_expires_at: DateTimeOrNull({ description: 'When the certificate of its authority runs out.' }),
    imported: Type.Unsafe<{ server: string } | null>({
      type: ['object', 'null'],
      required: ['server'],
      properties: { server: { type: 'string', description: 'The address of its Kubernetes API.' } },
      description: 'For a cluster that others made: where it is; null for any other.',
    }),
    conditions: Type.Array(ConditionSchema),
    failure: Type.Unsafe<Static<typeof FailureSchema> | null>({
      ...FailureSchema,
      type: ['object', 'null'],
      description: 'Why the last operation failed, for machines.',
    }),
  },
  { $id: 'Cluster', description: 'A cluster.' },
);
export type ClusterView = Static<typeof ClusterView>;
export type ClusterBrief = Static<typeof ClusterBrief>;

export const ClusterBriefList = Type.Object(
  { clusters: Type.Array(Ref<ClusterBrief>('ClusterBrief')), next: Next },
  { $id: 'ClusterBriefList', description: 'A page of clusters, in brief.' },
);
export const ClusterList = Type.Object(
  { clusters: Type.Array(Ref<ClusterView>('Cluster')), next: Next },
  { $id: 'ClusterList', description: 'A page of clusters.' },
);

export const ClusterListQuery = ListQuery(magnumSortKeys(COMMON_SORT_KEYS), {});
export type ClusterListQuery = Static<typeof ClusterListQuery>;
