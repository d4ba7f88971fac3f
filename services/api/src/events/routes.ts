import { CetusError } from '@cetus/shared/errors';
import { EVENT_ID_PATTERN, EventQuery, Ref } from '@cetus/shared/schemas';
import { Type } from 'typebox';
import type { ApiDeps } from '../deps.ts';
import {
  answerPage,
  ERROR_RESPONSES,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import type { EventStreams } from './streams.ts';

const EVENT_ID = new RegExp(EVENT_ID_PATTERN);

/** `/v1/events`: notifications as a list, or as they happen. */
export function eventRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder, streams: EventStreams): void {
  app.get(
    '/v1/events',
    {
      config: { role: 'reader' },
      schema: {
        tags: ['events'],
        operationId: 'listEvents',
        summary: 'List notifications, or follow them',
        description:
          'With `Accept: text/event-stream`, a stream of notifications as they happen: `id` is the id of the notification, `event` its type, ' +
          '`data` the CloudEvent. A reader that comes back says the last id it has in `Last-Event-ID`. A stream ends with the token of its reader.',
        querystring: EventQuery,
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({ description: 'The id of the last notification that the reader has.' }),
          ),
        }),
        response: {
          200: {
            content: {
              'application/json': { schema: Ref<unknown>('EventList') },
              'text/event-stream': { schema: Type.String() },
            },
          },
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const scope = scopeOfRequest(request);
      const filter = {
        ...(query.object === undefined ? {} : { object: query.object.toLowerCase() }),
        ...(query.kind === undefined ? {} : { kind: query.kind }),
        ...(query.type === undefined ? {} : { type: query.type }),
      };
      if (request.headers.accept?.includes('text/event-stream') === true) {
        const lastEventId = lastId(request.headers['last-event-id'] ?? query.last_event_id);
        return streams.open(request, reply, scope, filter, lastEventId);
      }
      if (query.last_event_id !== undefined) {
        throw new CetusError('invalid_field', 'last_event_id is for streams; a list has marker', {
          field: 'last_event_id',
        });
      }
      return answerPage({ config: deps.config, links }, request, {
        name: 'events',
        path: '/v1/events',
        read: (page) => deps.events.list(scope, { ...page, ...filter }),
        present: (event) => event,
      });
    },
  );
}

/** @throws CetusError `invalid_field` */
function lastId(id: string | undefined): string | undefined {
  // A browser sends an empty one when it has none.
  if (id === undefined || id === '') return undefined;
  if (!EVENT_ID.test(id)) {
    throw new CetusError('invalid_field', 'Last-Event-ID must be the id of a notification', {
      field: 'Last-Event-ID',
    });
  }
  return id.toLowerCase();
}
