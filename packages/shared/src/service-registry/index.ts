export { isUp, type ServiceRecord } from './service-record.ts';
export { ensureServiceIndexes, ServiceRegistry } from './service-registry.ts';
export { Heartbeat, processId, type HeartbeatOptions } from './heartbeat.ts';
