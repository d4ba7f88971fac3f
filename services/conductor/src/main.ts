import { Backbone } from '@cetus/shared/backbone';
import { KeyRing } from '@cetus/shared/secrets';
import {
  configOrExit,
  createLogger,
  createMetrics,
  createOpsServer,
  runService,
} from '@cetus/shared/service';
import { conductorConfig } from './config.ts';
import { conductorResources } from './service.ts';

const name = 'conductor';
const config = configOrExit(name, conductorConfig);
const logger = createLogger({ service: name, level: config.CETUS_LOG_LEVEL });
const metrics = createMetrics(name);
const backbone = new Backbone(config, logger);
const keys = KeyRing.parse(config.CETUS_SECRET_KEYS);

await runService({
  name,
  logger,
  schema: conductorConfig,
  config,
  resources: (readiness) => [
    createOpsServer({
      host: config.CETUS_OPS_HOST,
      port: config.CETUS_OPS_PORT,
      logger,
      readiness,
      registry: metrics.registry,
    }),
    backbone,
    ...conductorResources({ config, backbone, keys, logger, metrics }),
  ],
});
