import { Type, type Static } from 'typebox';
import { Enum, WELL_FORMED } from '../fields.ts';
import {
  ContainerPath,
  FILE_NAME,
  MAX_ITEMS,
  ObjectName,
  PartName,
  Quantity,
  Seconds,
  Text,
} from './fields.ts';

const closed = { additionalProperties: false } as const;

/** Amounts of what a container uses, as Kubernetes names it. */
const Amounts = (description: string) =>
  Type.Object(
    {
      cpu: Type.Optional(Quantity('Cores.')),
      memory: Type.Optional(Quantity('Bytes.')),
      ephemeral_storage: Type.Optional(Quantity('Bytes of the node’s disk.')),
    },
    { ...closed, description },
  );

/** What a container is promised and what it may use at most. */
export const Resources = Type.Object(
  {
    requests: Type.Optional(Amounts('What is set aside for it.')),
    limits: Type.Optional(Amounts('What it gets at most.')),
  },
  { ...closed, title: 'Resources' },
);
export type Resources = Static<typeof Resources>;

/** A variable: a value, or where one is from. */
export const EnvironmentVariable = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[A-Za-z_][A-Za-z0-9_.-]*$',
      description: 'Letters, digits, `_`, `.` and `-`.',
    }),
    value: Type.Optional(Text),
    secret: Type.Optional(
      Type.Object(
        {
          name: ObjectName('One of the application’s `secrets`, or a Secret of its namespace.'),
          key: Type.String({ pattern: FILE_NAME, description: 'The key of the value in it.' }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'EnvironmentVariable' },
);
export type EnvironmentVariable = Static<typeof EnvironmentVariable>;

/** A port that a container listens on. */
export const ContainerPort = Type.Object(
  {
    name: Type.Optional(PartName('So that others can name it.', 15)),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    protocol: Type.Optional(Enum(['TCP', 'UDP', 'SCTP'], { description: 'Default `TCP`.' })),
  },
  { ...closed, title: 'ContainerPort' },
);
export type ContainerPort = Static<typeof ContainerPort>;

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

/** How it is found out how a container is: one of `http`, `tcp`, `exec`. */
export const Probe = Type.Object(
  {
    http: Type.Optional(
      Type.Object(
        {
          path: Type.Optional(
            Type.String({ maxLength: 1024, pattern: '^/[^\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$' }),
          ),
          port: Port,
          scheme: Type.Optional(Enum(['HTTP', 'HTTPS'])),
        },
        closed,
      ),
    ),
    tcp: Type.Optional(Type.Object({ port: Port }, closed)),
    exec: Type.Optional(
      Type.Object({ command: Type.Array(Text, { minItems: 1, maxItems: MAX_ITEMS }) }, closed),
    ),
    initial_delay_seconds: Type.Optional(Seconds('Until the first time.')),
    period_seconds: Type.Optional(Seconds('Between two times.', { minimum: 1 })),
    timeout_seconds: Type.Optional(Seconds('Until no answer is a bad one.', { minimum: 1 })),
    success_threshold: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    failure_threshold: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  { ...closed, title: 'Probe' },
);
export type Probe = Static<typeof Probe>;

/** Where a container sees one of the application's `config_files`, `secrets` or `volumes`: exactly one is named. */
export const Mount = Type.Object(
  {
    config: Type.Optional(PartName('One of `config_files`.')),
    secret: Type.Optional(ObjectName('One of `secrets`, or a Secret of the namespace.')),
    volume: Type.Optional(PartName('One of `volumes`.')),
    path: ContainerPath,
    sub_path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        pattern: '^(?!/)(?!(.*/)?\\.\\.(/|$))[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$',
        description: 'Only this of it: a relative path without `..`.',
      }),
    ),
    read_only: Type.Optional(Type.Boolean()),
  },
  { ...closed, title: 'Mount' },
);
export type Mount = Static<typeof Mount>;

/** As whom a container runs and what it may do. */
export const ContainerSecurity = Type.Object(
  {
    privileged: Type.Optional(Type.Boolean({ description: 'Only where the site allows it.' })),
    run_as_user: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
    run_as_group: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
    run_as_non_root: Type.Optional(Type.Boolean()),
    read_only_root_filesystem: Type.Optional(Type.Boolean()),
    drop_capabilities: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z_]{2,32}$' }), { maxItems: MAX_ITEMS }),
    ),
  },
  { ...closed, title: 'ContainerSecurity' },
);
export type ContainerSecurity = Static<typeof ContainerSecurity>;

/** The name of an image. */
export const Image = Type.String({
  minLength: 1,
  maxLength: 1024,
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9._\\-/:@]*$',
  description: 'An image, as `registry/repository:tag` or `registry/repository@digest`.',
});

const container = {
  name: PartName('Unique in the application.'),
  image: Image,
  image_pull_policy: Type.Optional(Enum(['Always', 'IfNotPresent', 'Never'])),
  command: Type.Optional(
    Type.Array(Text, { maxItems: MAX_ITEMS, description: 'Instead of the image’s entry point.' }),
  ),
  args: Type.Optional(Type.Array(Text, { maxItems: MAX_ITEMS })),
  working_dir: Type.Optional(ContainerPath),
  env: Type.Optional(Type.Array(EnvironmentVariable, { maxItems: 256 })),
  resources: Type.Optional(Resources),
  mounts: Type.Optional(Type.Array(Mount, { maxItems: MAX_ITEMS })),
  security: Type.Optional(ContainerSecurity),
};

/** A container that runs before the others, and ends. */
export const InitContainer = Type.Object(container, { ...closed, title: 'InitContainer' });
export type InitContainer = Static<typeof InitContainer>;

/** A container. */
export const Container = Type.Object(
  {
    ...container,
    ports: Type.Optional(Type.Array(ContainerPort, { maxItems: MAX_ITEMS })),
    liveness_probe: Type.Optional(Probe),
    readiness_probe: Type.Optional(Probe),
    startup_probe: Type.Optional(Probe),
    pre_stop_command: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: MAX_ITEMS })),
    tty: Type.Optional(Type.Boolean({ description: 'For `attach`: the container has a terminal.' })),
    stdin: Type.Optional(Type.Boolean({ description: 'For `attach`: the container has an input.' })),
  },
  { ...closed, title: 'Container' },
);
export type Container = Static<typeof Container>;

/** Any text, for descriptions of what is not read by machines. */
export const Prose = Type.String({ maxLength: 4096, pattern: WELL_FORMED });
