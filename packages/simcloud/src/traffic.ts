import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { heatErrorBody } from './heat/errors.ts';
import { magnumErrorBody } from './magnum/errors.ts';
import type { Stats } from './stats.ts';
import type { PathRule, ServiceName, SwitchBoard, TrafficRule } from './switches.ts';

const SERVICES: Record<string, ServiceName> = {
  identity: 'keystone',
  orchestration: 'heat',
  compute: 'nova',
  image: 'glance',
  network: 'neutron',
  'container-infra': 'magnum',
};

/** The service a request is for; undefined for none, e.g. `/_control`. */
export function serviceOf(request: FastifyRequest): ServiceName | undefined {
  return SERVICES[request.url.split('/', 2)[1]?.split('?', 1)[0] ?? ''];
}

/** Counts requests, gives each an id, and lets the switches act on them. */
export function addTraffic(app: FastifyInstance, switches: SwitchBoard, stats: Stats): void {
  const note = (rule: TrafficRule | PathRule): void => {
    if ('match' in rule) stats.path(rule.match);
  };
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-openstack-request-id', `req-${randomUUID()}`);
    const service = serviceOf(request);
    const rule = service === undefined ? undefined : switches.traffic(service, request.method, request.url);
    if (rule?.hang !== true) return undefined;
    note(rule);
    stats.injected('hang');
    reply.hijack();
    return reply;
  });
  // When the body is there: a slow service carries out what it was sent, also when the sender is gone meanwhile.
  app.addHook('preHandler', async (request, reply) => {
    const service = serviceOf(request);
    const rule = service === undefined ? undefined : switches.traffic(service, request.method, request.url);
    if (service === undefined || rule === undefined) return undefined;
    note(rule);
    const wait = (rule.latencyMs ?? 0) + Math.random() * (rule.jitterMs ?? 0);
    if (wait > 0) await delay(wait);
    if (rule.errorRate === undefined || Math.random() >= rule.errorRate) return undefined;
    stats.injected('error');
    if (rule.retryAfter !== undefined) void reply.header('Retry-After', String(rule.retryAfter));
    return sendInjected(reply, service, rule.errorStatus ?? 503);
  });
  app.addHook('onResponse', async (request, reply) => {
    const service = serviceOf(request);
    if (service !== undefined)
      stats.request(service, request.method, request.routeOptions.url ?? '?', reply.statusCode);
  });
}

function sendInjected(reply: FastifyReply, service: ServiceName, status: number): FastifyReply {
  const message = 'Injected by a switch of the simulated cloud.';
  if (service === 'heat') return reply.code(status).send(heatErrorBody(status, 'SimulatedError', message));
  if (service === 'magnum') return reply.code(status).send(magnumErrorBody(status, message));
  if (service === 'neutron') {
    return reply.code(status).send({ NeutronError: { type: 'SimulatedError', message, detail: '' } });
  }
  if (service === 'nova') return reply.code(status).send({ computeFault: { code: status, message } });
  return reply.code(status).send({ error: { code: status, title: 'SimulatedError', message } });
}
