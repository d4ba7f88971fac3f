import { Type, type Static } from 'typebox';
import { Uuid } from '../common.ts';
import type { NodeTaint } from '../node-group.ts';
import { FailureSchema } from '../state.ts';
import { MAX_NODE_COUNT, NodeCount } from './cluster.ts';
import {
  BooleanOrNull,
  DateTimeOrNull,
  Enum,
  IntegerOrNull,
  LABEL_KEY,
  LABEL_VALUE,
  Ref,
  ReferenceOrNull,
  RequestLabels,
  StringMap,
  StringOrNull,
} from './fields.ts';
import { Links, ListQuery, Next } from './list.ts';

/** How many node groups a cluster has at most. */
export const MAX_NODE_GROUPS = 64;

const MinNodeCount = {
  minimum: 0,
  maximum: MAX_NODE_COUNT,
  description: 'The fewest nodes that it may have.',
};
const MaxNodeCount = {
  minimum: 0,
  maximum: MAX_NODE_COUNT,
  description: 'The most nodes that it may have; null: no bound.',
};

export const NodeLabels = Type.Unsafe<Record<string, string>>({
  type: 'object',
  maxProperties: 64,
  propertyNames: { type: 'string', pattern: LABEL_KEY, description: 'A key of a Kubernetes label.' },
  additionalProperties: {
    type: 'string',
    pattern: LABEL_VALUE,
    description: 'A value of a Kubernetes label.',
  },
  description: 'Labels of its Kubernetes nodes; from version 1.14 on.',
});

export const NodeTaints = Type.Unsafe<NodeTaint[]>(
  Type.Array(
    Type.Object(
      {
        key: Type.String({ pattern: LABEL_KEY, description: 'As of a Kubernetes label.' }),
        value: Type.String({ pattern: LABEL_VALUE, description: 'As of a Kubernetes label.' }),
        effect: Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
      },
      { additionalProperties: false },
    ),
    { maxItems: 32, description: 'Taints of its Kubernetes nodes; from version 1.14 on.' },
  ),
);

/** What a PATCH of a node group may change, as it is before and after. */
export const NodeGroupChange = Type.Object(
  {
    min_node_count: Type.Integer(MinNodeCount),
    max_node_count: IntegerOrNull(MaxNodeCount),
    node_labels: NodeLabels,
    node_taints: NodeTaints,
  },
  { additionalProperties: false },
);
export type NodeGroupChange = Static<typeof NodeGroupChange>;

/** The body of `POST /v1/clusters/{ref}/nodegroups`. What is null or absent is taken from the cluster. */
export const NodeGroupCreate = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-zA-Z]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$',
      description: 'Letters, digits, `_`, `.` and `-`, starting with a letter; unique in the cluster.',
    }),
    role: Type.Optional(
      StringOrNull({
        minLength: 1,
        maxLength: 63,
        pattern: '^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$',
        description: 'A word for what its nodes are for; `worker` when absent, never `master`.',
      }),
    ),
    node_count: Type.Optional(IntegerOrNull(NodeCount)),
    min_node_count: Type.Optional(IntegerOrNull(MinNodeCount)),
    max_node_count: Type.Optional(IntegerOrNull(MaxNodeCount)),
    flavor_id: Type.Optional(ReferenceOrNull('The flavor of the nodes.')),
    image_id: Type.Optional(ReferenceOrNull('The image of the nodes.')),
    docker_volume_size: Type.Optional(IntegerOrNull({ minimum: 1, maximum: 65_536, description: 'In GB.' })),
    labels: Type.Optional(RequestLabels()),
    merge_labels: Type.Optional(
      BooleanOrNull({
        description: "Whether the labels are put over the cluster's instead of in their place.",
      }),
    ),
    node_labels: Type.Optional(NodeLabels),
    node_taints: Type.Optional(NodeTaints),
    project_id: Type.Optional(
      StringOrNull({ maxLength: 255, description: "Accepted and ignored: it is the cluster's." }),
    ),
  },
  { $id: 'NodeGroupCreate', additionalProperties: false, description: 'A node group to be created.' },
);
export type NodeGroupCreate = Static<typeof NodeGroupCreate>;

const brief = {
  uuid: Uuid,
  name: Type.String(),
  flavor_id: StringOrNull(),
  image_id: StringOrNull(),
  node_count: Type.Integer({ description: 'How many nodes are asked for.' }),
  role: Type.String(),
  min_node_count: Type.Integer(),
  max_node_count: IntegerOrNull(),
  is_default: Type.Boolean(),
  stack_id: StringOrNull(),
  status: Type.String({ description: 'The state, such as `CREATE_COMPLETE`.' }),
  merge_labels: Type.Boolean(),
};

/** A node group in a list. */
export const NodeGroupBrief = Type.Object(brief, {
  $id: 'NodeGroupBrief',
  description: 'A node group, in brief.',
});
export type NodeGroupBrief = Static<typeof NodeGroupBrief>;

/** A node group as it is read. The fields after `updated_at` are not Magnum's. */
export const NodeGroupView = Type.Object(
  {
    ...brief,
    id: Type.String({ description: 'The uuid.' }),
    cluster_id: Uuid,
    project_id: Type.String(),
    docker_volume_size: IntegerOrNull(),
    labels: StringMap(),
    links: Links,
    node_addresses: Type.Array(Type.String()),
    status_reason: StringOrNull(),
    version: StringOrNull({ description: 'The Kubernetes version of all its nodes, once it is known.' }),
    labels_overridden: StringMap({ description: "The cluster's values of labels that it has others for." }),
    labels_added: StringMap({ description: 'Labels that the cluster does not have.' }),
    labels_skipped: StringMap({ description: 'Labels of the cluster that it does not have.' }),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: DateTimeOrNull(),
    actual_node_count: IntegerOrNull({ description: 'How many nodes exist; null before it is known.' }),
    rollout: Type.Unsafe<{ updated: number; total: number } | null>({
      type: ['object', 'null'],
      required: ['updated', 'total'],
      properties: { updated: { type: 'integer' }, total: { type: 'integer' } },
      description: 'How many nodes are as asked, of all, while they are changed one after the other.',
    }),
    failure: Type.Unsafe<Static<typeof FailureSchema> | null>({
      ...FailureSchema,
      type: ['object', 'null'],
      description: 'Why the last operation on it failed, for machines.',
    }),
    cluster_template_id: StringOrNull({ description: 'The template that its image and version are from.' }),
    node_labels: Type.Optional(StringMap({ description: 'From version 1.14 on.' })),
    node_taints: Type.Optional(
      Type.Array(Type.Object({ key: Type.String(), value: Type.String(), effect: Type.String() }), {
        description: 'From version 1.14 on.',
      }),
    ),
  },
  { $id: 'NodeGroup', description: 'A node group.' },
);
export type NodeGroupView = Static<typeof NodeGroupView>;

export const NodeGroupList = Type.Object(
  { nodegroups: Type.Array(Ref<NodeGroupBrief>('NodeGroupBrief')), next: Next },
  { $id: 'NodeGroupList', description: 'A page of node groups, in brief.' },
);

/** `id` means the order in which the groups were made. */
export const NODE_GROUP_SORT_KEYS = ['id', 'uuid', 'name', 'role', 'node_count', 'created_at'] as const;

export const NodeGroupListQuery = ListQuery(NODE_GROUP_SORT_KEYS, {
  role: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'Groups of this role alone.' }),
  ),
});
export type NodeGroupListQuery = Static<typeof NodeGroupListQuery>;

/** A cluster and one of its node groups in an address. */
export const NodeGroupParams = Type.Object({
  ref: Type.String({ minLength: 1, maxLength: 255, description: 'The uuid or the name of the cluster.' }),
  group: Type.String({
    minLength: 1,
    maxLength: 255,
    description: 'The uuid or the name of the node group.',
  }),
});
