import { Type, type Static } from 'typebox';
import { CLUSTER_NAME, MAX_NODE_COUNT, NodeCount } from './cluster.ts';
import { Reference, ReferenceOrNull, RequestLabels, StringOrNull } from './fields.ts';

const NodeGroup = StringOrNull({
  minLength: 1,
  maxLength: 255,
  description: 'A node group, by uuid or name.',
});

/** The body of `POST /v1/clusters/{ref}/actions/resize`. */
export const ClusterResize = Type.Object(
  {
    node_count: Type.Integer(NodeCount),
    nodes_to_remove: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
        maxItems: MAX_NODE_COUNT,
        uniqueItems: true,
        description: 'The servers that go, by id: as many as go at most.',
      }),
    ),
    nodegroup: Type.Optional(NodeGroup),
  },
  {
    $id: 'ClusterResize',
    additionalProperties: false,
    description: 'How many nodes a node group shall have; `default-worker` when none is named.',
  },
);
export type ClusterResize = Static<typeof ClusterResize>;

/** The body of `POST /v1/clusters/{ref}/actions/upgrade`. */
export const ClusterUpgrade = Type.Object(
  {
    cluster_template: Reference('The template whose image and version the nodes shall have.'),
    max_batch_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_NODE_COUNT,
        description: 'How many nodes of a group are changed at once; 1 when absent.',
      }),
    ),
    nodegroup: Type.Optional(NodeGroup),
  },
  {
    $id: 'ClusterUpgrade',
    additionalProperties: false,
    description: 'What a cluster, or one of its node groups, shall be upgraded to.',
  },
);
export type ClusterUpgrade = Static<typeof ClusterUpgrade>;

/** Bytes of a kubeconfig. */
export const MAX_KUBECONFIG_BYTES = 256 * 1024;

export const Kubeconfig = Type.String({
  minLength: 1,
  maxLength: MAX_KUBECONFIG_BYTES,
  description: 'A kubeconfig, as YAML or JSON, with everything that it needs in it.',
});

export const KubeconfigContext = StringOrNull({
  minLength: 1,
  maxLength: 255,
  description: 'The context of the kubeconfig to use; its current one when absent.',
});

/** The body of `POST /v1/clusters/import`. */
export const ClusterImport = Type.Object(
  {
    name: Type.Optional(StringOrNull(CLUSTER_NAME)),
    kubeconfig: Kubeconfig,
    context: Type.Optional(KubeconfigContext),
    cluster_template_id: Type.Optional(
      ReferenceOrNull('A template of a driver that takes clusters in; one is made when absent.'),
    ),
    labels: Type.Optional(RequestLabels()),
  },
  {
    $id: 'ClusterImport',
    additionalProperties: false,
    description: 'A cluster that others made, to be taken in.',
  },
);
export type ClusterImport = Static<typeof ClusterImport>;
