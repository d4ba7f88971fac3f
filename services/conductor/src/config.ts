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
  CETUS_APPLICATION_CONCURRENCY: Type.Integer({
    description: 'How many applications one conductor works on at once.',
    unit: 'applications',
    minimum: 1,
    maximum: 1000,
    default: 32,
  }),
  CETUS_APPLICATION_RESYNC_SECONDS: Type.Number({
    description:
      'How often an application with nothing to do is compared with its clusters. What changes there is told at once; this finds what was missed.',
    unit: 'seconds',
    minimum: 1,
    maximum: 86_400,
    default: 1800,
  }),
  CETUS_POD_SECURITY_LEVEL: Type.Union(
    [Type.Literal('privileged'), Type.Literal('baseline'), Type.Literal('restricted')],
    {
      description:
        'The level of Pod Security that applications must keep to, in clusters of Kubernetes 1.23 and later. A site that lets applications reach the nodes (`CETUS_APPLICATION_HOST_ACCESS` of the API) needs `privileged`.',
      default: 'baseline',
    },
  ),
  CETUS_NAMESPACE_QUOTA: Type.String({
    description:
      "The ResourceQuota of an application's namespace, as resources and amounts with commas between, such as `pods=100,requests.cpu=20`.",
    pattern: '^([a-z0-9./-]+=[0-9][0-9.a-zA-Z]*(,|$))*$',
    default:
      'pods=5000,services=2000,services.nodeports=500,services.loadbalancers=50,persistentvolumeclaims=1000',
  }),
  CETUS_NAMESPACE_LIMITS: Type.String({
    description:
      "The LimitRange of an application's namespace, as bounds with commas between, such as `Container.default.memory=512Mi,Container.max.cpu=8`. A bound for containers gives limits to those that have none.",
    pattern:
      '^((Container|Pod|PersistentVolumeClaim)\\.(max|min|default|defaultRequest|maxLimitRequestRatio)\\.[a-z.-]+=[0-9][0-9.a-zA-Z]*(,|$))*$',
    default: 'PersistentVolumeClaim.max.storage=16Ti',
  }),
  CETUS_STREAM_HOST: Type.String({
    description: 'The address at which a conductor serves logs and terminals to the API.',
    default: '127.0.0.1',
  }),
  CETUS_STREAM_PORT: Type.Integer({
    description: 'The port at which a conductor serves logs and terminals to the API; 0 takes any free one.',
    unit: 'TCP port',
    minimum: 0,
    maximum: 65535,
    default: 0,
  }),
  CETUS_STREAM_URL: Type.Optional(
    Type.String({
      description:
        'How the API reaches this conductor for logs and terminals, such as http://10.0.0.7:9513; http:// with the host and the port when not set. Behind a proxy that does TLS it is https://…',
      pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*)?$',
    }),
  ),
  CETUS_STREAM_MAX: Type.Integer({
    description: 'How many logs and terminals one conductor serves at a time.',
    unit: 'streams',
    minimum: 0,
    maximum: 100_000,
    default: 1000,
  }),
  CETUS_STREAM_MAX_PER_PROJECT: Type.Integer({
    description: 'How many logs and terminals of one project one conductor serves at a time.',
    unit: 'streams',
    minimum: 0,
    maximum: 100_000,
    default: 100,
  }),
  CETUS_STREAM_IDLE_SECONDS: Type.Integer({
    description:
      'After how long a terminal is ended in which nothing is said, and a log whose reader takes nothing.',
    unit: 'seconds',
    minimum: 1,
    maximum: 86_400,
    default: 900,
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
