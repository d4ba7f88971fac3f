import { Type, type Static } from 'typebox';
import { Enum, LABEL_KEY, LABEL_VALUE } from '../fields.ts';
import { LabelMap, MAX_ITEMS, NumberOrPercent, ObjectName, Seconds } from './fields.ts';

const closed = { additionalProperties: false } as const;

/** What an application is made of: a Deployment, a StatefulSet, a DaemonSet, a Job, a CronJob. */
export const APPLICATION_KINDS = ['stateless', 'stateful', 'daemon', 'job', 'cronjob'] as const;
export type ApplicationKind = (typeof APPLICATION_KINDS)[number];

/** Instances of an application in one cluster at most. */
export const MAX_REPLICAS = 5_000;
export const Replicas = Type.Integer({
  minimum: 0,
  maximum: MAX_REPLICAS,
  description: 'Instances in each cluster.',
});

/** How instances are replaced when the application changes. */
export const UpdateStrategy = Type.Object(
  {
    type: Enum(['rolling', 'recreate', 'on_delete'], {
      description:
        '`recreate`, all at once, of a `stateless` one only; `on_delete`, as they are deleted, of a `stateful` or a `daemon` one only.',
    }),
    max_surge: Type.Optional(NumberOrPercent('How many more there may be meanwhile.')),
    max_unavailable: Type.Optional(NumberOrPercent('How many may be missing meanwhile.')),
    partition: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_REPLICAS,
        description: 'Of a `stateful` one: those below stay as they are.',
      }),
    ),
    min_ready_seconds: Type.Optional(Seconds('How long one must be ready to count.', { maximum: 3600 })),
  },
  { ...closed, title: 'UpdateStrategy' },
);
export type UpdateStrategy = Static<typeof UpdateStrategy>;

const Utilization = (what: string) =>
  Type.Integer({
    minimum: 1,
    maximum: 1000,
    description: `The average use of ${what} to keep to, in percent of what is requested.`,
  });

/** As many instances as the use of processors or memory asks for. */
export const Autoscaling = Type.Object(
  {
    min_replicas: Type.Integer({ minimum: 1, maximum: MAX_REPLICAS }),
    max_replicas: Type.Integer({ minimum: 1, maximum: MAX_REPLICAS }),
    cpu_percent: Type.Optional(Utilization('processors')),
    memory_percent: Type.Optional(Utilization('memory')),
  },
  { ...closed, title: 'Autoscaling' },
);
export type Autoscaling = Static<typeof Autoscaling>;

const Toleration = Type.Object(
  {
    key: Type.Optional(Type.String({ pattern: LABEL_KEY })),
    operator: Type.Optional(Enum(['Equal', 'Exists'])),
    value: Type.Optional(Type.String({ pattern: LABEL_VALUE })),
    effect: Type.Optional(Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])),
    toleration_seconds: Type.Optional(Seconds('How long.')),
  },
  { ...closed, title: 'Toleration' },
);

/** Which nodes the instances are on. */
export const Scheduling = Type.Object(
  {
    node_selector: Type.Optional(LabelMap('Labels that the nodes must have.')),
    tolerations: Type.Optional(Type.Array(Toleration, { maxItems: MAX_ITEMS })),
    spread: Type.Optional(
      Enum(['none', 'nodes', 'zones'], {
        description: 'Over what the instances are spread, as far as there is room.',
      }),
    ),
    priority_class: Type.Optional(ObjectName('A PriorityClass of the cluster.')),
  },
  { ...closed, title: 'Scheduling' },
);
export type Scheduling = Static<typeof Scheduling>;

/** How a job is carried out; of a `cronjob` each of its jobs. */
export const JobForm = Type.Object(
  {
    completions: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'How many must succeed; default 1.' }),
    ),
    parallelism: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, description: 'How many run at once; default 1.' }),
    ),
    backoff_limit: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_000, description: 'How many may fail; default 6.' }),
    ),
    active_deadline_seconds: Type.Optional(
      Seconds('How long it may take.', { minimum: 1, maximum: 31_536_000 }),
    ),
    restart: Type.Optional(
      Enum(['on_failure', 'never'], {
        description: 'Whether a container that fails is started again in its instance; default `never`.',
      }),
    ),
  },
  { ...closed, title: 'JobForm' },
);
export type JobForm = Static<typeof JobForm>;

/** When the jobs of a `cronjob` begin. */
export const CronForm = Type.Object(
  {
    schedule: Type.String({
      minLength: 1,
      maxLength: 255,
      pattern:
        '^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$',
      description: 'Five fields, or a word such as `@daily`.',
    }),
    concurrency: Type.Optional(
      Enum(['Allow', 'Forbid', 'Replace'], { description: 'When the one before goes on; default `Allow`.' }),
    ),
    starting_deadline_seconds: Type.Optional(Seconds('How late it may begin.', { minimum: 10 })),
    successful_history: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'Jobs to keep that succeeded; default 3.' }),
    ),
    failed_history: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'Jobs to keep that failed; default 1.' }),
    ),
  },
  { ...closed, title: 'CronForm' },
);
export type CronForm = Static<typeof CronForm>;
