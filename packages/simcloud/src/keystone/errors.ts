import type { FastifyReply } from 'fastify';

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
};

/** Answers an error as Keystone does. */
export function keystoneError(
  reply: FastifyReply,
  status: number,
  message: string,
  base: string,
): FastifyReply {
  if (status === 401) void reply.header('WWW-Authenticate', `Keystone uri="${base}/identity/v3"`);
  return reply.code(status).send({ error: { code: status, message, title: TITLES[status] ?? 'Error' } });
}
