import { createApp, appConfig, type ApiDeps } from '@cetus/api';
import { createLogger, createMetrics, loadConfig } from '@cetus/shared/service';
import { format } from 'prettier';

/** The document is made without serving anything, so what the routes would use is never asked. */
export async function openApi(): Promise<string> {
  const unused = new Proxy(
    {},
    { get: () => () => Promise.reject(new Error('nothing is served here')) },
  ) as never;
  const deps: ApiDeps = {
    applications: unused,
    clusters: unused,
    templates: unused,
    quotas: unused,
    ledger: unused,
    stats: unused,
    services: unused,
    events: unused,
    feed: unused,
    operations: unused,
    dispatcher: unused,
    bus: unused,
    tokens: unused,
    fingerprints: unused,
    readiness: unused,
    config: loadConfig(appConfig, {}),
    logger: createLogger({ service: 'reference', level: 'silent' }),
    metrics: createMetrics('reference', { process: false }),
  };
  const app = await createApp(deps);
  await app.ready();
  const document = app.swagger();
  await app.close();
  // A short object stays on one line.
  return format(JSON.stringify(document), { parser: 'json', printWidth: 110 });
}
