import { Type, type Static } from 'typebox';
import { Enum } from '../fields.ts';
import { ContainerPath, FILE_NAME, ObjectName, PartName, Quantity, TextMap } from './fields.ts';

const closed = { additionalProperties: false } as const;

/** Something that containers can mount: exactly one of `empty_dir`, `claim`, `claim_template`, `host_path`. */
export const Volume = Type.Object(
  {
    name: PartName('Unique in the application.'),
    empty_dir: Type.Optional(
      Type.Object(
        {
          size_limit: Type.Optional(Quantity('Bytes.')),
          memory: Type.Optional(Type.Boolean({ description: 'Whether it is in memory.' })),
        },
        { ...closed, description: 'Empty at first; it goes with the instance.' },
      ),
    ),
    claim: Type.Optional(
      Type.Object(
        {
          name: ObjectName('A PersistentVolumeClaim of the namespace.'),
          read_only: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
    claim_template: Type.Optional(
      Type.Object(
        {
          size: Quantity('Bytes.'),
          storage_class: Type.Optional(ObjectName('Default: the cluster’s.')),
          access_mode: Type.Optional(Enum(['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany'])),
        },
        {
          ...closed,
          description:
            'Of a `stateful` application one for each instance, of any other one for all. It goes with the application.',
        },
      ),
    ),
    host_path: Type.Optional(
      Type.Object(
        { path: ContainerPath },
        { ...closed, description: 'A folder of the node; only where the site allows it.' },
      ),
    ),
  },
  { ...closed, title: 'Volume' },
);
export type Volume = Static<typeof Volume>;

/** Files with what they hold; a ConfigMap. */
export const ConfigFiles = Type.Object(
  {
    name: PartName('Unique in the application.', 20),
    files: TextMap(FILE_NAME, 'What each file holds, by name.'),
  },
  { ...closed, title: 'ConfigFiles' },
);
export type ConfigFiles = Static<typeof ConfigFiles>;

/** Values that are sealed at rest and never shown; a Secret. */
export const SecretForm = Type.Object(
  {
    name: PartName('Unique in the application.', 20),
    values: Type.Optional(TextMap(FILE_NAME, 'By key. Never answered; absent in a change: as they were.')),
  },
  { ...closed, title: 'SecretForm' },
);
export type SecretForm = Static<typeof SecretForm>;

/** What images are got with: an account, which is sealed, or a Secret of the namespace. */
export const ImagePullSecret = Type.Object(
  {
    name: Type.Optional(
      ObjectName('A Secret of the type `kubernetes.io/dockerconfigjson` in the namespace.'),
    ),
    registry: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9.:\\-/]+$' })),
    username: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    password: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 8192,
        description: 'Never answered; absent in a change: as it was.',
      }),
    ),
  },
  { ...closed, title: 'ImagePullSecret' },
);
export type ImagePullSecret = Static<typeof ImagePullSecret>;
