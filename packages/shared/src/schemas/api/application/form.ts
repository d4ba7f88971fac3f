import { Type, type Static } from 'typebox';
import { Enum } from '../fields.ts';
import { Container, InitContainer } from './container.ts';
import { Exposure } from './exposure.ts';
import { APPLICATION_NAME, LabelMap, MAX_ITEMS, Seconds } from './fields.ts';
import { Placement } from './placement.ts';
import { ConfigFiles, ImagePullSecret, SecretForm, Volume } from './storage.ts';
import {
  APPLICATION_KINDS,
  Autoscaling,
  CronForm,
  JobForm,
  Replicas,
  Scheduling,
  UpdateStrategy,
} from './workload.ts';

const closed = { additionalProperties: false } as const;

/** Seconds that a rollout may take without progress when nothing is said. Kubernetes' own default. */
export const DEFAULT_PROGRESS_DEADLINE_SECONDS = 600;
/** Seconds that an instance has to end when nothing is said. Kubernetes' own default. */
export const DEFAULT_TERMINATION_GRACE_SECONDS = 30;

/** Everything that an application is asked to be, besides its name and kind, which never change. */
export const applicationFields = {
  labels: Type.Optional(LabelMap('Labels of all its objects.')),
  placements: Type.Array(Placement, { minItems: 1, maxItems: MAX_ITEMS, description: 'Where it runs.' }),
  containers: Type.Array(Container, { minItems: 1, maxItems: 16 }),
  init_containers: Type.Optional(
    Type.Array(InitContainer, { maxItems: 16, description: 'They run before, one after the other.' }),
  ),
  replicas: Type.Optional(Replicas),
  update_strategy: Type.Optional(UpdateStrategy),
  progress_deadline_seconds: Type.Optional(
    Seconds('How long a change may make no progress until it fails; default 600.', { minimum: 10 }),
  ),
  rollback_on_failure: Type.Optional(
    Type.Boolean({ description: 'Whether a change that fails is undone at once.' }),
  ),
  autoscaling: Type.Optional(Autoscaling),
  exposure: Type.Optional(Exposure),
  config_files: Type.Optional(Type.Array(ConfigFiles, { maxItems: MAX_ITEMS })),
  secrets: Type.Optional(Type.Array(SecretForm, { maxItems: MAX_ITEMS })),
  volumes: Type.Optional(Type.Array(Volume, { maxItems: MAX_ITEMS })),
  scheduling: Type.Optional(Scheduling),
  image_pull_secret: Type.Optional(ImagePullSecret),
  termination_grace_seconds: Type.Optional(Seconds('How long an instance has to end; default 30.')),
  host_network: Type.Optional(
    Type.Boolean({ description: 'The network of the node; only where the site allows it.' }),
  ),
  job: Type.Optional(JobForm),
  cron: Type.Optional(CronForm),
  drift: Type.Optional(
    Enum(['correct', 'report'], {
      description:
        'What happens to changes that others make: they are put back, or only reported. Default `correct`.',
    }),
  ),
};

/** The body of `POST /v1/applications`. */
export const ApplicationCreate = Type.Object(
  {
    name: Type.String(APPLICATION_NAME),
    kind: Enum(APPLICATION_KINDS, { description: 'What it is made of.' }),
    ...applicationFields,
  },
  { ...closed, $id: 'ApplicationCreate', description: 'An application to be created.' },
);
export type ApplicationCreate = Static<typeof ApplicationCreate>;

/** The body of `PUT /v1/applications/{ref}`: what it shall be from now on. Name and kind, if they are named, must be its own. */
export const ApplicationReplace = Type.Object(
  {
    name: Type.Optional(Type.String(APPLICATION_NAME)),
    kind: Type.Optional(Enum(APPLICATION_KINDS)),
    ...applicationFields,
  },
  { ...closed, $id: 'ApplicationReplace', description: 'What an application shall be.' },
);
export type ApplicationReplace = Static<typeof ApplicationReplace>;

/** Everything that an application is asked to be, without its name, as a client writes it. */
export type ApplicationForm = Omit<ApplicationCreate, 'name'>;
