import type { FastifyInstance } from 'fastify';
import type { StatsReport } from './stats.ts';
import type { Switches } from './switches.ts';

/** Works the cloud from inside the process; the same as `/_control` does over HTTP. */
export interface SimCloudControl {
  switches(): Switches;
  /** Replaces the named parts of the switches. */
  set(change: Partial<Switches>): void;
  /** Switches as at the start, counters at zero. */
  reset(): void;
  stats(): StatsReport;
}

/**
 * The switches over HTTP, without authentication: `GET /_control` shows them, `PUT` replaces the parts it names,
 * `DELETE` resets them and the counters; `GET /_control/stats` shows the counters.
 */
export function controlRoutes(app: FastifyInstance, control: SimCloudControl): void {
  app.get('/_control', async () => control.switches());
  app.put('/_control', async (request, reply) => {
    const change = request.body as Partial<Switches> | null;
    const parts = ['services', 'paths', 'resources', 'magnum'];
    const unknown = Object.keys(change ?? {}).filter((part) => !parts.includes(part));
    if (change === null || typeof change !== 'object' || unknown.length > 0) {
      return reply
        .code(400)
        .send({ error: { message: `Give any of ${parts.join(', ')}; not ${unknown.join(', ')}.` } });
    }
    try {
      control.set(change);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return reply.code(400).send({ error: { message: error.message } });
    }
    return control.switches();
  });
  app.delete('/_control', async (_request, reply) => {
    control.reset();
    return reply.code(204).send();
  });
  app.get('/_control/stats', async () => control.stats());
}
