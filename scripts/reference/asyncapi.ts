import { createTopology, DELAY_STEPS_MS } from '@cetus/shared/bus';
import { TRANSITIONS } from '@cetus/shared/notifications';
import { CloudEventSchema } from '@cetus/shared/schemas';
import { KINDS } from '@cetus/shared/store';

/** Parts of objects that have notifications of their own. */
const PARTS = ['nodegroup'];

const topology = createTopology();

const COMMAND = {
  type: 'object',
  required: ['kind', 'id', 'project_id', 'generation', 'reason'],
  properties: {
    kind: { type: 'string', enum: KINDS.filter(({ service }) => service !== null).map(({ name }) => name) },
    id: { type: 'string', format: 'uuid', description: 'The object to look at.' },
    project_id: { type: 'string', description: 'So that work is shared fairly between projects.' },
    generation: {
      type: 'integer',
      description: 'What the publisher knew of; the handler reads the newest document all the same.',
    },
    reason: { type: 'string', description: 'create, update, delete, resync, wake-up or notification.' },
  },
};

const durableTopic = (name: string) => ({
  amqp: {
    is: 'routingKey',
    exchange: { name, type: 'topic', durable: true, autoDelete: false },
    bindingVersion: '0.3.0',
  },
});

/** The bus, as an AsyncAPI 3 document. `send` and `receive` are from Cetus' side. */
export function asyncApi(): string {
  const kinds = [...KINDS.map(({ name }) => name), ...PARTS];
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Cetus on RabbitMQ',
      version: '1',
      description: [
        'Notifications are for everybody: bind a queue of your own to the exchange. Each is delivered at least once; `id` is the same at every',
        "delivery, and `sequence` counts an object's notifications from 1 without a gap, so a subscriber can leave out what it has and see what it missed.",
        'Commands are for the services of Cetus. Waits are made with the queues ' +
          `${DELAY_STEPS_MS.map((step) => `\`${topology.delay(step)}\``).join(', ')}, whose messages go back to \`${topology.commands}\` when their time is over.`,
      ].join(' '),
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      notifications: {
        address: '{kind}.{action}.{phase}',
        description: 'Every transition of every object.',
        parameters: {
          kind: { enum: kinds },
          action: { enum: [...new Set(TRANSITIONS.map((what) => what.split('.')[0]))] },
          phase: { enum: [...new Set(TRANSITIONS.map((what) => what.split('.')[1]))] },
        },
        messages: { event: { $ref: '#/components/messages/event' } },
        bindings: durableTopic(topology.notifications),
      },
      commands: {
        address: '{kind}.{reason}',
        description:
          'Asks the service that owns a kind to look at an object. One quorum queue a service, with a delivery limit.',
        parameters: { kind: {}, reason: {} },
        messages: { command: { $ref: '#/components/messages/command' } },
        bindings: durableTopic(topology.commands),
      },
      dead: {
        address: topology.dead,
        description:
          'Commands that could not be handled, with the reason in the header `x-cetus-reason`. For operators; the sweep finds their objects all the same.',
        messages: { command: { $ref: '#/components/messages/command' } },
        bindings: {
          amqp: {
            is: 'queue',
            queue: { name: topology.dead, durable: true, exclusive: false, autoDelete: false },
            bindingVersion: '0.3.0',
          },
        },
      },
    },
    operations: {
      publishNotification: { action: 'send', channel: { $ref: '#/channels/notifications' } },
      publishCommand: { action: 'send', channel: { $ref: '#/channels/commands' } },
      consumeCommand: { action: 'receive', channel: { $ref: '#/channels/commands' } },
      buryCommand: { action: 'send', channel: { $ref: '#/channels/dead' } },
    },
    components: {
      messages: {
        event: {
          name: 'event',
          title: 'A transition of an object',
          contentType: 'application/cloudevents+json',
          summary: `Types: ${kinds.flatMap((kind) => TRANSITIONS.map((what) => `cetus.${kind}.${what}`)).join(', ')}`,
          payload: { $ref: '#/components/schemas/Event' },
        },
        command: {
          name: 'command',
          title: 'Look at this object',
          headers: {
            type: 'object',
            properties: {
              traceparent: { type: 'string', description: 'W3C trace context.' },
              'x-cetus-not-before': {
                type: 'integer',
                description: 'When a held back command is wanted, in milliseconds since 1970.',
              },
              'x-cetus-attempt': { type: 'integer', description: 'How often its handler has been tried.' },
            },
          },
          payload: { $ref: '#/components/schemas/Command' },
        },
      },
      schemas: { Event: withoutId(CloudEventSchema), Command: COMMAND },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function withoutId(schema: object): object {
  const { $id: _, ...rest } = schema as { $id?: string };
  return rest;
}
