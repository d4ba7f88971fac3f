export { waitFor, WaitTimeoutError, type WaitForOptions } from './wait-for.ts';
export { freePort } from './free-port.ts';
export { endWithTests, type GuardOptions } from './guard.ts';
export { afterAllTests, endShared } from './cleanup.ts';
export { requireOrSkip, skips, type SkippableContext } from './skip.ts';
export {
  ServiceNotReadyError,
  spawnService,
  type Exit,
  type SpawnedService,
  type SpawnServiceOptions,
} from './spawn-service.ts';
export { startOwnMongo, startTestMongo, type OwnMongo, type TestMongo } from './mongo.ts';
export { rabbitUrl, speaksAmqp, topologyPrefix } from './rabbit-probe.ts';
export { canStartRabbit, startRabbit, type PrivateRabbit } from './rabbit-node.ts';
export { TcpProxy } from './tcp-proxy.ts';
