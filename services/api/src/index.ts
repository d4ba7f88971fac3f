export { createApp } from './app.ts';
export { apiResources, type ApiServer, type ApiServiceDeps } from './service.ts';
export { apiConfig, apiOnlyVariables, appConfig, type ApiServiceConfig, type AppConfig } from './config.ts';
export type { ApiDeps } from './deps.ts';
