export { conductorResources, type ConductorDeps } from './service.ts';
export { conductorConfig, conductorVariables, type ConductorConfig } from './config.ts';
export { StreamServer, type StreamServerOptions } from './streams/stream-server.ts';
