import type { FastifyInstance } from 'fastify';
import { badRequest, heatErrorBody } from './heat/errors.ts';
import { sendStatusPage } from './heat/status-page.ts';
import { magnumErrorBody } from './magnum/errors.ts';
import { serviceOf } from './traffic.ts';

/** Answers unknown paths and broken bodies in the manner of the service. */
export function answerBadRequests(app: FastifyInstance): void {
  acceptMissingBodies(app);
  app.setNotFoundHandler(async (request, reply) => {
    if (serviceOf(request) === 'keystone') {
      const page = '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n';
      return reply.code(404).type('text/html; charset=utf-8').send(page);
    }
    if (serviceOf(request) === 'magnum') return reply.code(404).send(magnumErrorBody(404, ''));
    const text = 'The resource could not be found.<br /><br />\n\n\n';
    return sendStatusPage(reply, 404, 'Not Found', text);
  });
  app.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (serviceOf(request) === 'heat' && status < 500) {
      const refusal = badRequest(error.message);
      return reply.code(status).send(heatErrorBody(status, refusal.type, refusal.message));
    }
    if (serviceOf(request) === 'magnum' && status < 500) {
      return reply.code(status).send(magnumErrorBody(status, 'Request is not in valid JSON format'));
    }
    return reply.code(status).send({ error: { code: status, title: error.name, message: error.message } });
  });
}

/**
 * A DELETE may claim to carry JSON and carry nothing, as clients with fixed headers send it; the services take it.
 * Magnum takes any request without a body, and some of its requests never have one.
 */
function acceptMissingBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '' && (request.method === 'DELETE' || serviceOf(request) === 'magnum')) done(null);
    else void parse(request, body, done);
  });
  // What Magnum's client says it sends where it sends nothing.
  app.addContentTypeParser('application/octet-stream', { parseAs: 'string' }, (request, _body, done) => {
    if (serviceOf(request) === 'magnum') done(null);
    else done(Object.assign(new Error('Unsupported Media Type'), { statusCode: 415 }));
  });
}
