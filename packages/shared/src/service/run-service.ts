import closeWithGrace from 'close-with-grace';
import type { TObject } from 'typebox';
import { redactConfig } from './config-text.ts';
import type { Logger } from './logger.ts';
import type { Readiness } from './readiness.ts';
import type { Resource } from './resource.ts';
import { createService, ServiceStartError, type Service, type ServiceOptions } from './service.ts';

export interface RunServiceOptions extends Pick<
  ServiceOptions,
  'resourceStopMs' | 'healthTimeoutMs' | 'healthCacheMs'
> {
  name: string;
  logger: Logger;
  /** With its schema, the configuration is logged at the start, secrets hidden. */
  schema?: TObject;
  config: { readonly CETUS_SHUTDOWN_SECONDS: number };
  /** Opened in this order, closed in the reverse; a function where a resource, such as the ops server, tells the health of all. */
  resources: readonly Resource[] | ((health: () => Promise<Readiness>) => readonly Resource[]);
}

/** For the logger's last lines, on top of the time that the resources have. */
const EXIT_MARGIN_MS = 1_000;

/**
 * Runs a service as the whole of its process: starts it and returns; SIGTERM and SIGINT stop it and end the process with 0,
 * a second signal ends it at once with 1, as do a failed start (after closing what was open), an unhandled rejection and an
 * uncaught exception (after closing everything), each with a log line that says why.
 */
export async function runService(options: RunServiceOptions): Promise<Service> {
  const { name, logger, schema, config } = options;
  if (schema) logger.info({ config: redactConfig(schema, config) }, 'effective configuration');

  const shutdownMs = config.CETUS_SHUTDOWN_SECONDS * 1_000;
  const resources =
    typeof options.resources === 'function' ? options.resources(() => service.health()) : options.resources;
  const service: Service = createService({ ...options, resources, shutdownMs });

  const grace = closeWithGrace(
    {
      delay: shutdownMs + EXIT_MARGIN_MS,
      // An empty event loop ends a service by itself only when it has nothing left to do; that is no signal.
      skip: ['beforeExit'],
      logger: false,
      onSecondSignal: (signal) => logger.fatal({ signal }, 'second signal: ending at once'),
      onSecondError: (err) => logger.fatal({ err }, 'a second fatal error while stopping: ending at once'),
      onTimeout: (ms) => logger.fatal({ ms }, 'the service did not stop in time: ending at once'),
    },
    async ({ err, signal }) => {
      if (err) logger.fatal({ err }, 'fatal: an error that nothing handles');
      else logger.info({ signal }, 'told to stop');
      await service.stop();
    },
  );
  try {
    await service.start();
  } catch (error) {
    if (!(error instanceof ServiceStartError)) throw error;
    // Told to stop meanwhile: close-with-grace ends the process when everything is closed.
    if (service.state !== 'FAILED') return service;
    grace.uninstall();
    logger.fatal({ resource: error.resource }, `${name} did not start`);
    process.exit(1);
  }
  return service;
}
