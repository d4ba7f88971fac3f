import { join } from 'node:path';
import { DEFAULT_PASSWORD } from '@cetus/simcloud/sim-cloud';
import { KeyRing, loadOrCreateKeyRing } from '@cetus/shared/secrets';
import type { Logger } from '@cetus/shared/service';
import type { AllInOneConfig } from './config.ts';
import { freePort } from './free-port.ts';
import { startMongo, type RunningMongo } from './mongodb/index.ts';

/** A configuration in which what was not given is what is embedded. */
type CompleteConfig = AllInOneConfig & { CETUS_MONGODB_URL: string; CETUS_KEYSTONE_URL: string };

export interface Embedded {
  config: CompleteConfig;
  /** The embedded database, running; undefined when a server was named. */
  mongo: RunningMongo | undefined;
  keys: KeyRing;
  /** How to start the simulated cloud; undefined when a Keystone was named. */
  simulatedCloud: { port: number; apiUrl: string } | undefined;
}

/**
 * Puts what is embedded in the place of what was not named, and starts the database.
 * @throws EngineStartError when no database can be started here
 */
export async function embedded(given: AllInOneConfig, dataDir: string, logger: Logger): Promise<Embedded> {
  const keys =
    given.CETUS_SECRET_KEYS === undefined
      ? await loadOrCreateKeyRing(join(dataDir, 'secret-keys'))
      : KeyRing.parse(given.CETUS_SECRET_KEYS);
  const apiPort = given.CETUS_API_PORT === 0 ? await freePort() : given.CETUS_API_PORT;
  const cloudPort = given.CETUS_KEYSTONE_URL === undefined ? await freePort() : undefined;
  const mongo =
    given.CETUS_MONGODB_URL === undefined
      ? await startMongo({ dataDir: join(dataDir, 'mongodb'), logger })
      : undefined;
  return {
    config: {
      ...given,
      ...(cloudPort === undefined ? {} : SIMULATED_ACCOUNT),
      CETUS_API_PORT: apiPort,
      CETUS_MONGODB_URL: given.CETUS_MONGODB_URL ?? mongo?.uri ?? '',
      CETUS_KEYSTONE_URL: given.CETUS_KEYSTONE_URL ?? `http://127.0.0.1:${String(cloudPort)}/identity/v3`,
    },
    mongo,
    keys,
    simulatedCloud:
      cloudPort === undefined
        ? undefined
        : { port: cloudPort, apiUrl: `http://${given.CETUS_API_HOST}:${String(apiPort)}` },
  };
}

/** The service user of the simulated cloud. */
const SIMULATED_ACCOUNT = {
  CETUS_KEYSTONE_USERNAME: 'cetus',
  CETUS_KEYSTONE_PASSWORD: DEFAULT_PASSWORD,
  CETUS_KEYSTONE_PROJECT_NAME: 'service',
} as const;
