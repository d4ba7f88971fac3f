import { Type, type Static } from 'typebox';
import { Uuid } from '../../common.ts';
import { DateTimeOrNull, Enum, IntegerOrNull, Ref, Reference, StringOrNull, WELL_FORMED } from '../fields.ts';
import { Next, ScopeQuery } from '../list.ts';
import { MAX_ITEMS, PartName } from './fields.ts';
import { CauseOrNull } from './view.ts';

const closed = { additionalProperties: false } as const;

/** The names of pods. Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names */
const POD_NAME = '[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?';

const containerView = Type.Object({
  name: Type.String(),
  image: Type.String(),
  init: Type.Boolean({ description: 'Whether it runs before the others.' }),
  ready: Type.Boolean(),
  state: Enum(['waiting', 'running', 'terminated']),
  reason: StringOrNull(),
  message: StringOrNull(),
  exit_code: IntegerOrNull(),
  restarts: Type.Integer(),
  started_at: DateTimeOrNull(),
});

/** An instance as it is read. */
export const InstanceView = Type.Object(
  {
    name: Type.String(),
    uid: Type.String(),
    cluster_id: Uuid,
    cluster_name: StringOrNull(),
    namespace: Type.String(),
    phase: Type.String({
      description: '`Pending`, `Running`, `Succeeded`, `Failed`, `Terminating` or `Unknown`.',
    }),
    ready: Type.Boolean(),
    node: StringOrNull(),
    pod_ip: StringOrNull(),
    host_ip: StringOrNull(),
    revision: StringOrNull({
      description: 'Of the rollout that it is of: equal for instances that are alike.',
    }),
    restarts: Type.Integer(),
    qos_class: StringOrNull(),
    created_at: Type.String({ format: 'date-time' }),
    started_at: DateTimeOrNull(),
    cause: CauseOrNull,
    containers: Type.Array(containerView),
  },
  { $id: 'ApplicationInstance', description: 'One of the pods of an application.' },
);
export type InstanceView = Static<typeof InstanceView>;

/** A cluster that could not be asked. */
export const ProblemView = Type.Object(
  { cluster_id: Uuid, cluster_name: StringOrNull(), code: Type.String(), message: Type.String() },
  { $id: 'ApplicationProblem', description: 'A cluster that could not be asked, and why.' },
);
export type ProblemView = Static<typeof ProblemView>;
const Problems = Type.Array(Ref<ProblemView>('ApplicationProblem'), {
  description: 'Clusters that could not be asked: what is there is not in the answer.',
});

export const InstanceList = Type.Object(
  { instances: Type.Array(Ref<InstanceView>('ApplicationInstance')), problems: Problems, next: Next },
  { $id: 'ApplicationInstanceList', description: 'A page of instances, by name.' },
);

export const InstanceParams = Type.Object({
  ref: Type.String({ minLength: 1, maxLength: 255, description: 'The uuid or the name of the application.' }),
  instance: Type.String({ maxLength: 253, pattern: `^${POD_NAME}$`, description: 'The name of the pod.' }),
});

const cluster = {
  cluster: Type.Optional(Reference('Only there: one of the clusters that the application is in.')),
};
const limit = (maximum: number, description: string) => ({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum, description })),
});

export const InstanceListQuery = Type.Object(
  {
    ...ScopeQuery.properties,
    ...cluster,
    ...limit(2_147_483_647, 'How many instances the page has at most. The server has a maximum of its own.'),
    marker: Type.Optional(
      Type.String({
        pattern: `^${POD_NAME}/[0-9a-f-]{36}$`,
        maxLength: 300,
        description: 'The last instance of the page before: its name, a slash, and the id of its cluster.',
      }),
    ),
  },
  closed,
);

/** The query of requests about one instance. */
export const InstanceQuery = Type.Object({ ...ScopeQuery.properties, ...cluster }, closed);

const container = {
  container: Type.Optional(PartName('Which of its containers; default: the first.')),
};

/** How many lines of a log are read back at most. */
export const MAX_LOG_LINES = 5_000;

export const InstanceLogQuery = Type.Object(
  {
    ...InstanceQuery.properties,
    ...container,
    tail_lines: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_LOG_LINES,
        description: `How many lines from its end; default ${String(MAX_LOG_LINES)}.`,
      }),
    ),
    since_seconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 31_536_000, description: 'Only what was written since.' }),
    ),
    previous: Type.Optional(Type.Boolean({ description: 'Of the container before its last restart.' })),
    timestamps: Type.Optional(Type.Boolean({ description: 'With the time before each line.' })),
    follow: Type.Optional(
      Type.Boolean({ description: 'The answer goes on with what is written from now on.' }),
    ),
  },
  closed,
);

const terminal = {
  stdin: Type.Optional(Type.Boolean({ description: 'Whether what the client sends is its input.' })),
  tty: Type.Optional(Type.Boolean({ description: 'Whether it has a terminal.' })),
};

export const InstanceExecQuery = Type.Object(
  {
    ...InstanceQuery.properties,
    ...container,
    ...terminal,
    // A parameter that is there once is a text, not a list of one.
    command: Type.Unsafe<string | string[]>({
      type: ['string', 'array'],
      minLength: 1,
      maxLength: 4_096,
      pattern: WELL_FORMED,
      minItems: 1,
      maxItems: MAX_ITEMS,
      items: { type: 'string', maxLength: 4_096, pattern: WELL_FORMED },
      description: 'The command and its arguments, one after the other.',
    }),
  },
  closed,
);

export const InstanceAttachQuery = Type.Object(
  { ...InstanceQuery.properties, ...container, ...terminal },
  closed,
);

/** How many events one answer has at most. */
export const MAX_KUBERNETES_EVENTS = 500;

export const KubernetesEventQuery = Type.Object(
  {
    ...InstanceQuery.properties,
    ...limit(
      MAX_KUBERNETES_EVENTS,
      `How many of the newest there are at most; default ${String(MAX_KUBERNETES_EVENTS)}.`,
    ),
  },
  closed,
);

export const KubernetesEventView = Type.Object(
  {
    cluster_id: Uuid,
    cluster_name: StringOrNull(),
    type: Type.String({ description: '`Normal` or `Warning`.' }),
    reason: Type.String(),
    message: Type.String(),
    object: Type.Object({ kind: Type.String(), name: Type.String() }),
    count: Type.Integer({ description: 'How often it happened.' }),
    first_seen: DateTimeOrNull(),
    last_seen: DateTimeOrNull(),
    source: StringOrNull(),
  },
  { $id: 'ApplicationEvent', description: 'What a cluster tells of one of an application’s objects.' },
);
export type KubernetesEventView = Static<typeof KubernetesEventView>;

export const KubernetesEventList = Type.Object(
  { events: Type.Array(Ref<KubernetesEventView>('ApplicationEvent')), problems: Problems },
  { $id: 'ApplicationEventList', description: 'Events of Kubernetes, the newest first.' },
);
