import { Type, type Static } from 'typebox';
import { Uuid } from '../common.ts';
import {
  BooleanOrNull,
  DateTimeOrNull,
  Enum,
  IntegerOrNull,
  NAME_CHARACTER,
  Ref,
  Reference,
  ReferenceOrNull,
  RequestLabels,
  StringMap,
  StringOrNull,
  TextOrNull,
  WELL_FORMED,
} from './fields.ts';
import { Links, ListQuery, Next } from './list.ts';
import { COMMON_SORT_KEYS, magnumSortKeys } from './sort-keys.ts';

const ADDRESSES = '^[0-9A-Fa-f.:]{2,45}(,[0-9A-Fa-f.:]{2,45})*$';

/** The body of `POST /v1/clustertemplates`. Null and absent mean the same, as Magnum's client sends null for what is not given. */
export const ClusterTemplateCreate = Type.Object(
  {
    name: Type.Optional(
      StringOrNull({
        minLength: 1,
        maxLength: 255,
        pattern: `^(?!\\.{1,2}$)(?! )${NAME_CHARACTER}+(?<! )$`,
        description:
          'The name; made up when absent. No slashes and no control characters, no space at an end, and neither `.` nor `..`.',
      }),
    ),
    coe: Enum(['kubernetes'], { description: 'The container orchestration engine.' }),
    image_id: Reference('The image of the servers.'),
    keypair_id: Type.Optional(ReferenceOrNull('The key pair for access by SSH.')),
    external_network_id: Type.Optional(ReferenceOrNull('The external network.')),
    fixed_network: Type.Optional(ReferenceOrNull('The network of the servers; made when absent.')),
    fixed_subnet: Type.Optional(ReferenceOrNull('The subnet of the servers; made when absent.')),
    network_driver: Type.Optional(
      Type.Unsafe<'flannel' | 'calico' | null>({
        enum: ['flannel', 'calico', null],
        description: 'The network of the containers; `flannel` when absent.',
      }),
    ),
    volume_driver: Type.Optional(TextOrNull('The driver of persistent volumes.')),
    flavor_id: Type.Optional(ReferenceOrNull('The flavor of the workers.')),
    master_flavor_id: Type.Optional(ReferenceOrNull('The flavor of the masters.')),
    dns_nameserver: Type.Optional(
      StringOrNull({
        pattern: ADDRESSES,
        maxLength: 255,
        description: 'Name servers: addresses with commas between them.',
      }),
    ),
    docker_volume_size: Type.Optional(
      IntegerOrNull({
        minimum: 1,
        maximum: 65_536,
        description: 'The size of the volume for images, in GB.',
      }),
    ),
    docker_storage_driver: Type.Optional(TextOrNull('The storage driver of the container engine.')),
    apiserver_port: Type.Optional(
      IntegerOrNull({ minimum: 1024, maximum: 65_535, description: 'The port of the Kubernetes API.' }),
    ),
    cluster_distro: Type.Optional(TextOrNull('Set from the image; accepted and ignored.')),
    server_type: Type.Optional(
      Type.Unsafe<'vm' | 'bm' | null>({
        enum: ['vm', 'bm', null],
        description: 'Virtual machines or bare metal.',
      }),
    ),
    http_proxy: Type.Optional(TextOrNull('The proxy for HTTP.')),
    https_proxy: Type.Optional(TextOrNull('The proxy for HTTPS.')),
    no_proxy: Type.Optional(
      TextOrNull('What is reached without a proxy: addresses with commas between them.'),
    ),
    insecure_registry: Type.Optional(TextOrNull('A registry that is used without TLS.')),
    labels: Type.Optional(RequestLabels()),
    tls_disabled: Type.Optional(BooleanOrNull()),
    registry_enabled: Type.Optional(BooleanOrNull()),
    floating_ip_enabled: Type.Optional(
      BooleanOrNull({ description: 'Whether servers get floating IPs; true when absent.' }),
    ),
    master_lb_enabled: Type.Optional(
      BooleanOrNull({ description: 'Whether a load balancer stands before the masters.' }),
    ),
    public: Type.Optional(
      BooleanOrNull({ description: 'Whether all projects may use it; for administrators.' }),
    ),
    hidden: Type.Optional(
      BooleanOrNull({ description: 'Whether lists of other projects leave it out; for administrators.' }),
    ),
    tags: Type.Optional(
      StringOrNull({ maxLength: 255, pattern: WELL_FORMED, description: 'Words with commas between them.' }),
    ),
    driver: Type.Optional(
      StringOrNull({
        maxLength: 64,
        pattern: '^[a-z][a-z0-9-]*$',
        description: 'What makes the clusters; the first of the site that makes any when absent.',
      }),
    ),
  },
  {
    $id: 'ClusterTemplateCreate',
    additionalProperties: false,
    description: 'A cluster template to be created.',
  },
);
export type ClusterTemplateCreate = Static<typeof ClusterTemplateCreate>;

/** A cluster template as it is read. */
export const ClusterTemplateView = Type.Object(
  {
    uuid: Uuid,
    name: Type.String(),
    coe: Type.String(),
    image_id: Type.String(),
    flavor_id: StringOrNull(),
    master_flavor_id: StringOrNull(),
    dns_nameserver: StringOrNull(),
    keypair_id: StringOrNull(),
    external_network_id: StringOrNull(),
    fixed_network: StringOrNull(),
    fixed_subnet: StringOrNull(),
    network_driver: StringOrNull(),
    apiserver_port: IntegerOrNull(),
    docker_volume_size: IntegerOrNull(),
    cluster_distro: StringOrNull({ description: 'The distribution that the image says it holds.' }),
    links: Links,
    http_proxy: StringOrNull(),
    https_proxy: StringOrNull(),
    no_proxy: StringOrNull(),
    volume_driver: StringOrNull(),
    registry_enabled: Type.Boolean(),
    labels: StringMap(),
    tls_disabled: Type.Boolean(),
    public: Type.Boolean(),
    server_type: Type.String(),
    insecure_registry: StringOrNull(),
    docker_storage_driver: StringOrNull(),
    master_lb_enabled: Type.Boolean(),
    floating_ip_enabled: Type.Boolean(),
    project_id: Type.String(),
    user_id: Type.String(),
    hidden: Type.Boolean(),
    tags: StringOrNull(),
    driver: StringOrNull({ description: 'What makes the clusters.' }),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: DateTimeOrNull(),
  },
  { $id: 'ClusterTemplate', description: 'A cluster template.' },
);
export type ClusterTemplateView = Static<typeof ClusterTemplateView>;

export const ClusterTemplateList = Type.Object(
  { clustertemplates: Type.Array(Ref<ClusterTemplateView>('ClusterTemplate')), next: Next },
  { $id: 'ClusterTemplateList', description: 'A page of cluster templates.' },
);

export const ClusterTemplateListQuery = ListQuery(magnumSortKeys(COMMON_SORT_KEYS), {});
export type ClusterTemplateListQuery = Static<typeof ClusterTemplateListQuery>;
