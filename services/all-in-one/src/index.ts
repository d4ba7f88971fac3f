export { allInOneConfig, type AllInOneConfig } from './config.ts';
export { startMongo, type RunningMongo, type StartMongoOptions } from './mongodb/index.ts';
