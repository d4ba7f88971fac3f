export { startMongo, type RunningMongo, type StartMongoOptions } from './start-mongo.ts';
export { EngineStartError } from './engine-error.ts';
