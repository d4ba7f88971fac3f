import { Backbone } from '@cetus/shared/backbone';
import { configOrExit, createLogger, createMetrics, runService } from '@cetus/shared/service';
import { apiConfig } from './config.ts';
import { apiResources } from './service.ts';

const name = 'api';
const config = configOrExit(name, apiConfig);
const logger = createLogger({ service: name, level: config.CETUS_LOG_LEVEL });
const metrics = createMetrics(name);
const backbone = new Backbone(config, logger);

await runService({
  name,
  logger,
  schema: apiConfig,
  config,
  resources: (readiness) => [backbone, ...apiResources({ config, backbone, readiness, logger, metrics })],
});
