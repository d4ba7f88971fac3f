import { Type, type Static } from 'typebox';
import { Enum } from '../fields.ts';
import { MAX_ITEMS, ObjectName, PartName } from './fields.ts';

const closed = { additionalProperties: false } as const;

/** How an application can be reached. */
export const EXPOSURE_TYPES = ['none', 'cluster_ip', 'node_port', 'load_balancer'] as const;

const ServicePort = Type.Object(
  {
    name: Type.Optional(PartName('Needed when there are several.', 15)),
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'The port of the service.' }),
    target_port: Type.Optional(
      Type.Unsafe<number | string>({
        type: ['integer', 'string'],
        minimum: 1,
        maximum: 65_535,
        maxLength: 15,
        pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
        description: 'The port of the container, by number or name; default: the same number.',
      }),
    ),
    node_port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, description: 'On every node; default: one that is free.' }),
    ),
    protocol: Type.Optional(Enum(['TCP', 'UDP', 'SCTP'], { description: 'Default `TCP`.' })),
  },
  { ...closed, title: 'ServicePort' },
);

const HOST = '^(\\*\\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$';

const Ingress = Type.Object(
  {
    host: Type.String({ maxLength: 253, pattern: HOST, description: 'The name that requests are for.' }),
    path: Type.Optional(
      Type.String({
        maxLength: 1024,
        pattern: '^/[^\\s\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$',
        description: 'Default `/`.',
      }),
    ),
    port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, description: 'One of the ports; default: the first.' }),
    ),
    class_name: Type.Optional(ObjectName('The class of the ingress controller.')),
    tls_secret: Type.Optional(
      ObjectName('A secret with `tls.crt` and `tls.key`: one of `secrets`, or one of the namespace.'),
    ),
  },
  { ...closed, title: 'Ingress', description: 'By name, through an ingress controller.' },
);

/** How an application can be reached, from within its cluster and from outside. */
export const Exposure = Type.Object(
  {
    type: Enum(EXPOSURE_TYPES),
    ports: Type.Optional(Type.Array(ServicePort, { minItems: 1, maxItems: MAX_ITEMS })),
    ingress: Type.Optional(Ingress),
  },
  { ...closed, title: 'Exposure' },
);
export type Exposure = Static<typeof Exposure>;
export type ServicePort = Static<typeof ServicePort>;
export type IngressForm = Static<typeof Ingress>;
