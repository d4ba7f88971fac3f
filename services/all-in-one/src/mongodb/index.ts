export { startMongo, type RunningMongo, type StartMongoOptions } from './start-mongo.ts';
