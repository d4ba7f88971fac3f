import { Type, type Static } from 'typebox';
import { Reference } from '../fields.ts';
import { Image, Resources } from './container.ts';
import { Exposure } from './exposure.ts';
import { LabelMap, MAX_ITEMS, Text } from './fields.ts';
import { Autoscaling, Replicas, Scheduling } from './workload.ts';

const closed = { additionalProperties: false } as const;

/** By the name of a container. */
const ByContainer = <T>(schema: object, description: string) =>
  Type.Unsafe<Record<string, T>>({
    type: 'object',
    maxProperties: MAX_ITEMS,
    additionalProperties: schema,
    description,
  });

/** What is different in the clusters of a placement. */
export const Overrides = Type.Object(
  {
    replicas: Type.Optional(Replicas),
    images: Type.Optional(ByContainer<string>(Image, 'Images, by container.')),
    env: Type.Optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        maxProperties: 256,
        propertyNames: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,254}$' },
        additionalProperties: Text,
        description: 'Variables of all containers, over what they have.',
      }),
    ),
    resources: Type.Optional(ByContainer<Static<typeof Resources>>(Resources, 'By container.')),
    autoscaling: Type.Optional(Autoscaling),
    exposure: Type.Optional(Exposure),
    scheduling: Type.Optional(Scheduling),
  },
  {
    ...closed,
    title: 'Overrides',
    description: 'What is different there: each field that is named takes the place of the application’s.',
  },
);
export type Overrides = Static<typeof Overrides>;

/** Where an application runs: in one cluster, or in all of the project's that have some labels. */
export const Placement = Type.Object(
  {
    cluster: Type.Optional(Reference('A cluster of the project.')),
    selector: Type.Optional(
      LabelMap('Labels of clusters: the application is in every one that has them, now or later.'),
    ),
    overrides: Type.Optional(Overrides),
  },
  { ...closed, title: 'Placement' },
);
export type Placement = Static<typeof Placement>;
