export { startMongo, type RunningMongo, type StartMongoOptions } from './mongodb/index.ts';
