import { Type, type Static } from 'typebox';
import { DateTime, Uuid } from './common.ts';
import { FailureSchema } from './state.ts';

/**
 * A notification: a CloudEvents 1.0 JSON document (structured mode). `id` is `<object uuid>/<sequence>`, stable over
 * redelivery; `sequence` counts the notifications of one object without a gap from 1 (CloudEvents' sequence extension,
 * as a number in decimal).
 * Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export const CloudEventSchema = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Type.String({ description: '`<object uuid>/<sequence>`: the same at every delivery.' }),
    source: Type.String({ description: 'The list that the object is in, such as `/v1/clusters`.' }),
    type: Type.String({ description: '`cetus.<kind>.<action>.<phase>`.' }),
    subject: Type.String({
      format: 'uuid',
      description: 'The object whose sequence counts it: for a part of an object, that object.',
    }),
    time: DateTime,
    datacontenttype: Type.Literal('application/json'),
    sequence: Type.String({ description: 'Counts the notifications of one object, from 1 without a gap.' }),
    projectid: Type.String({ description: 'The Keystone project that owns the object.' }),
    traceparent: Type.Optional(Type.String({ description: 'W3C trace context.' })),
    data: Type.Object({
      kind: Type.String(),
      uuid: Uuid,
      name: Type.String(),
      project_id: Type.String(),
      user_id: Type.String({ description: 'Who caused it: the user of the operation, or the owner.' }),
      generation: Type.Integer(),
      state: Type.String({ description: 'The state of the object after the transition.' }),
      previous_state: Type.Union([Type.String(), Type.Null()]),
      operation: Type.Union([
        Type.Object({ uuid: Uuid, action: Type.String(), requested: Type.String(), state: Type.String() }),
        Type.Null(),
      ]),
      error: Type.Union([FailureSchema, Type.Null()]),
      part_of: Type.Optional(
        Type.Object(
          { kind: Type.String(), uuid: Uuid },
          { description: 'The object that this is a part of, as a node group is of a cluster.' },
        ),
      ),
      condition: Type.Optional(
        Type.Unknown({ description: 'The condition that changed, for `condition.changed`.' }),
      ),
    }),
  },
  { $id: 'Event', description: 'A notification, as a CloudEvents 1.0 document.' },
);
export type CloudEvent = Static<typeof CloudEventSchema>;
