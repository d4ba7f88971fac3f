import { Type, type Static } from 'typebox';
import {
  backboneVariables,
  defineConfig,
  eventVariables,
  keystoneVariables,
  opsVariables,
  processVariables,
  secretVariables,
} from '@cetus/shared/service';

/** What only the conductor reads. */
export const conductorVariables = {
  CETUS_CLUSTER_DRIVERS: Type.String({
    description:
      'The kinds of back ends that clusters may be on, with commas between, the preferred one first: templates that name none get it.',
    pattern: '^[a-z]+(,[a-z]+)*$',
    default: 'heat,import',
  }),
  CETUS_CONDUCTOR_CONCURRENCY: Type.Integer({
    description: 'How many clusters one conductor works on at once.',
    unit: 'clusters',
    minimum: 1,
    maximum: 1000,
    default: 32,
  }),
  CETUS_LEASE_SECONDS: Type.Number({
    description: 'How long the clusters of a conductor that died wait for another one.',
    unit: 'seconds',
    minimum: 1,
    maximum: 600,
    default: 30,
  }),
  CETUS_RESYNC_SECONDS: Type.Number({
    description: 'How often a cluster with nothing to do is compared with its back end.',
    unit: 'seconds',
    minimum: 1,
    maximum: 86_400,
    default: 60,
  }),
  CETUS_RETAIN_DELETED_HOURS: Type.Number({
    description:
      'How long a deleted object is remembered, to answer a repeated request with the same Idempotency-Key.',
    unit: 'hours',
    minimum: 0,
    default: 24,
  }),
  CETUS_HEALTH_UNREACHABLE_SECONDS: Type.Number({
    description: 'How long a cluster must not answer until it is called unreachable.',
    unit: 'seconds',
    minimum: 1,
    maximum: 3600,
    default: 20,
  }),
  CETUS_DRAIN_TIMEOUT_MINUTES: Type.Number({
    description:
      'How long a delete waits for the load balancers and volumes that the cluster itself made until it fails, and the heat driver for pods to leave the nodes that an update removes, which it then does all the same; at most half of the time that the delete (`CETUS_DELETE_TIMEOUT_MINUTES` of the API) or the update has.',
    unit: 'minutes',
    minimum: 0,
    maximum: 1440,
    default: 10,
  }),
  CETUS_HEAT_POLL_SECONDS: Type.Number({
    description: 'The shortest time between two looks at a stack that changes.',
    unit: 'seconds',
    minimum: 0.1,
    maximum: 60,
    default: 1,
  }),
  CETUS_HEAT_POLLS_PER_SECOND: Type.Number({
    description:
      'The most looks at stacks that one conductor takes a second; with more stacks each is looked at less often.',
    unit: 'requests per second',
    minimum: 1,
    maximum: 10_000,
    default: 50,
  }),
  CETUS_HEAT_NOTIFICATIONS_URL: Type.Optional(
    Type.String({
      description:
        "The RabbitMQ server and vhost of Heat's own notifications, as amqp://…; without it stacks are only polled.",
      pattern: '^amqps?://.+',
      secret: 'userinfo',
    }),
  ),
  CETUS_MAGNUM_URL: Type.Optional(
    Type.String({
      description:
        "Magnum's API, with /v1, for the driver magnum; without it the catalog's service of the type container-infra-backend, as container-infra may be Cetus itself.",
      pattern: '^https?://.+/v1/?$',
    }),
  ),
  CETUS_MAGNUM_POLL_SECONDS: Type.Number({
    description: 'The shortest time between two looks at a cluster in Magnum that changes.',
    unit: 'seconds',
    minimum: 0.1,
    maximum: 60,
    default: 2,
  }),
  CETUS_MAGNUM_POLLS_PER_SECOND: Type.Number({
    description:
      'The most looks at clusters in Magnum that one conductor takes a second; with more clusters each is looked at less often.',
    unit: 'requests per second',
    minimum: 1,
    maximum: 10_000,
    default: 10,
  }),
  CETUS_MAGNUM_NOTIFICATIONS_URL: Type.Optional(
    Type.String({
      description:
        "The RabbitMQ server and vhost of Magnum's own notifications, as amqp://…; without it its clusters are only polled.",
      pattern: '^amqps?://.+',
      secret: 'userinfo',
    }),
  ),
  CETUS_DENIED_NETWORKS: Type.String({
    description:
      "Networks that no user's kubeconfig may lead to, in CIDR notation with commas between them. Besides these, name what only the site itself may reach, such as its management networks.",
    default: '127.0.0.0/8,::1/128,0.0.0.0/8,169.254.0.0/16,fe80::/10',
  }),
  CETUS_KUBE_TAG: Type.String({
    description: 'The Kubernetes version of clusters whose label kube_tag does not ask for one.',
    pattern: '^v1\\.[0-9]+\\.[0-9]+$',
    default: 'v1.33.2',
  }),
  CETUS_IMAGE_REPOSITORY: Type.Optional(
    Type.String({
      description:
        "A registry prefix that holds Kubernetes' images, for sites that cannot reach the public one.",
    }),
  ),
  CETUS_PACKAGE_REPOSITORY: Type.Optional(
    Type.String({
      description:
        'Where nodes get kubeadm, kubelet and kubectl from, for sites that cannot reach the public one.',
    }),
  ),
  CETUS_WAIT_FOR_BOOTSTRAP: Type.Boolean({
    description:
      'Whether a cluster is complete only when Kubernetes answers on its masters; they must be able to reach Heat then.',
    default: true,
  }),
  CETUS_BOOTSTRAP_TIMEOUT_SECONDS: Type.Integer({
    description: 'How long the masters may take from being active to a Kubernetes that answers.',
    unit: 'seconds',
    minimum: 1,
    maximum: 43_200,
    default: 1800,
  }),
};

export const conductorConfig = defineConfig({
  ...processVariables,
  ...backboneVariables,
  ...eventVariables,
  ...keystoneVariables,
  ...secretVariables,
  ...opsVariables,
  ...conductorVariables,
});

export type ConductorConfig = Readonly<Static<typeof conductorConfig>>;
