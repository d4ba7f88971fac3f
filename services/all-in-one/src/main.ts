import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { apiResources } from '@cetus/api';
import { conductorResources } from '@cetus/conductor';
import { Backbone } from '@cetus/shared/backbone';
import { configOrExit, createLogger, createMetrics, runService } from '@cetus/shared/service';
import { destination } from 'pino';
import { SimulatedCloud } from './cloud.ts';
import { allInOneConfig } from './config.ts';
import { embedded } from './embedded.ts';

const name = 'all-in-one';
const given = configOrExit(name, allInOneConfig);
// Standard output has one line, for whoever waits for it.
const logger = createLogger({ service: name, level: given.CETUS_LOG_LEVEL, destination: destination(2) });
const dataDir = resolve(given.CETUS_DATA_DIR);
await mkdir(dataDir, { recursive: true, mode: 0o700 });
const { config, mongo, keys, simulatedCloud } = await embedded(given, dataDir, logger);
const metrics = createMetrics(name);
const backbone = new Backbone(config, logger);

await runService({
  name,
  logger,
  schema: allInOneConfig,
  config,
  resources: (readiness) => {
    const [keystone, heartbeat, server] = apiResources({
      config,
      keys,
      backbone,
      readiness,
      logger,
      metrics,
    });
    return [
      ...(mongo === undefined ? [] : [{ name: 'mongodb', stop: () => mongo.stop() }]),
      ...(simulatedCloud === undefined ? [] : [new SimulatedCloud({ ...simulatedCloud, dataDir, logger })]),
      backbone,
      ...conductorResources({ config, backbone, keys, logger, metrics }),
      keystone,
      heartbeat,
      server,
      { name: 'ready-line', start: async () => void process.stdout.write(`ready ${server.url}\n`) },
    ];
  },
});
