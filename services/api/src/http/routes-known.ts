import { CetusError } from '@cetus/shared/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface KnownRoute {
  pattern: RegExp;
  methods: Set<string>;
}

/** Tells an address that is not served from a method that an address does not serve. Register it before the routes. */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const known = new Map<string, KnownRoute>();
  app.addHook('onRoute', ({ url, method }) => {
    const path = url.replace(/\/$/, '') || '/';
    const route = known.get(path) ?? { pattern: patternOf(path), methods: new Set<string>() };
    for (const one of [method].flat()) route.methods.add(one);
    known.set(path, route);
  });
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?', 1)[0]?.replace(/(?<=.)\/$/, '') ?? '/';
    const methods = new Set<string>();
    for (const route of known.values()) {
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method);
    }
    if (methods.size === 0) throw new CetusError('route_not_found', 'There is nothing at this address');
    const allow = [...methods].sort().join(', ');
    reply.header('allow', allow);
    throw new CetusError('method_not_allowed', `${request.method} is not served here; ${allow} are`);
  });
}

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    return part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/') || '/'}$`);
}
