import { Type, type Static } from 'typebox';
import { DateTimeOrNull, Enum, Ref, StringOrNull } from './fields.ts';

/** A process of a service, in Magnum's words; `drivers` is not Magnum's. */
export const ServiceView = Type.Object(
  {
    id: Type.String({ description: 'Unique to the process.' }),
    host: Type.String(),
    binary: Type.String({ description: 'Such as `cetus-conductor`.' }),
    state: Enum(['up', 'down']),
    report_count: Type.Integer({ description: 'How often it has reported.' }),
    disabled: Type.Boolean(),
    disabled_reason: StringOrNull(),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: DateTimeOrNull({ description: 'When it last reported.' }),
    drivers: Type.Array(Type.Object({ name: Type.String(), capabilities: Type.Array(Type.String()) }), {
      description: 'The cluster drivers that it offers, and what each can do.',
    }),
  },
  { $id: 'Service', description: 'A process of a service.' },
);
export type ServiceView = Static<typeof ServiceView>;

export const ServiceList = Type.Object(
  { mservices: Type.Array(Ref<ServiceView>('Service')) },
  { $id: 'ServiceList', description: 'The processes of all services.' },
);
