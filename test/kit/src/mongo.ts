import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { MongoClient, type Db, type MongoClientOptions } from 'mongodb';
import { afterAllTests } from './cleanup.ts';
import { spawnService, type SpawnedService } from './spawn-service.ts';

export interface TestMongo {
  /** The server's URL, without a database. */
  readonly uri: string;
  /** A client that all suites share; do not close it. */
  readonly client: MongoClient;
  /** A name for a database that no other suite uses; it is dropped after the last test. */
  databaseName(prefix?: string): string;
  /** A database of a new name. */
  db(prefix?: string): Db;
}

/** A MongoDB for one suite, which may kill it. */
export interface OwnMongo {
  readonly uri: string;
  readonly service: SpawnedService;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ENGINE = 'services/all-in-one/src/mongodb/engine.ts';
const TIMEOUTS: MongoClientOptions = {
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
  socketTimeoutMS: 30_000,
};

let shared: Promise<TestMongo> | undefined;

/**
 * The MongoDB of this run of tests: the server of CETUS_TEST_MONGODB_URL, else mongod or the embedded engine, started once,
 * shared by all suites, and ended after the last. Each suite takes databases of its own.
 */
export function startTestMongo(): Promise<TestMongo> {
  shared ??= connectTestMongo();
  return shared;
}

async function connectTestMongo(): Promise<TestMongo> {
  const configured = process.env.CETUS_TEST_MONGODB_URL;
  const own = configured === undefined ? await startOwnMongo() : undefined;
  const uri = own?.uri ?? configured ?? '';
  const client = new MongoClient(uri, TIMEOUTS);
  const names: string[] = [];
  afterAllTests(async () => {
    try {
      // The engine's data goes with it; a server's is to be left as it was.
      if (!own) await Promise.all(names.map((name) => client.db(name).dropDatabase()));
    } finally {
      await client.close();
      await own?.stop();
    }
  });
  await client.connect();
  const databaseName = (prefix = 'test'): string => {
    const name = `cetus_${prefix.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 30)}_${randomBytes(6).toString('hex')}`;
    names.push(name);
    return name;
  };
  return { uri, client, databaseName, db: (prefix) => client.db(databaseName(prefix)) };
}

/**
 * A MongoDB apart from the shared one, for tests that stop or kill it. Its process group holds the supervisor and the engine.
 *
 * @param dataDir kept between runs; default: a temporary one that is removed.
 */
export async function startOwnMongo(dataDir?: string): Promise<OwnMongo> {
  const args = [
    '--conditions=@cetus/source',
    '--import',
    'tsx',
    ENGINE,
    '--end-with-stdin',
    dataDir ?? '--temporary',
  ];
  const service = await spawnService([process.execPath, ...args], {
    cwd: ROOT,
    stdin: 'pipe',
    ready: /^ready /,
    // The first run on a machine may have to fetch a C library.
    readyMs: 120_000,
  });
  return {
    uri: service.readyLine.slice('ready '.length),
    service,
    stop: async () => {
      await service.stop(15_000);
    },
  };
}
