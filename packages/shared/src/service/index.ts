export { processEnvironment, type Environment } from './environment.ts';
export {
  ConfigSchemaError,
  defineConfig,
  describeVariables,
  type Variable,
  type VariableOptions,
} from './config-schema.ts';
export { ConfigError, type ConfigProblem } from './config-error.ts';
export { loadConfig, type LoadConfigOptions } from './load-config.ts';
export { configurationHelp, configurationMarkdown, hideUserinfo, redactConfig } from './config-text.ts';
export { configOrExit, type ConfigCommandOptions } from './config-command.ts';
export {
  apiVariables,
  backboneVariables,
  eventVariables,
  keystoneVariables,
  opsVariables,
  optionalBackboneVariables,
  optionalKeystoneVariables,
  optionalSecretVariables,
  processVariables,
  secretVariables,
} from './common-config.ts';
export {
  keystoneCredentials,
  type KeystoneCredentialConfig,
  type KeystoneCredentials,
} from './keystone-credentials.ts';
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export type { Resource } from './resource.ts';
export { DeadlineExceededError, withDeadline } from './deadline.ts';
export { readiness, shareReadiness, type Readiness, type ResourceReadiness } from './readiness.ts';
export {
  createService,
  ServiceStartError,
  ServiceStopError,
  StartAbortedError,
  type Service,
  type ServiceOptions,
  type ServiceState,
} from './service.ts';
export { runService, type RunServiceOptions } from './run-service.ts';
export {
  createMetrics,
  type BoundedCounter,
  type BoundedGauge,
  type BoundedHistogram,
  type HistogramOptions,
  type LabelBound,
  type LabelBounds,
  type MetricOptions,
  type Metrics,
} from './metrics.ts';
export {
  createOpsHandlers,
  createOpsServer,
  type OpsAnswer,
  type OpsHandlers,
  type OpsOptions,
  type OpsServer,
  type OpsServerOptions,
} from './ops-server.ts';
