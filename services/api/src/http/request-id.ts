import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A new id of a request in OpenStack's form. */
export function newRequestId(): string {
  return `req-${randomUUID()}`;
}

/** The id that the sender gave the request, by which it is followed through several services; undefined when it has no valid one. */
export function globalRequestId(raw: IncomingMessage): string | undefined {
  const header = raw.headers['x-openstack-request-id'];
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : undefined;
}
