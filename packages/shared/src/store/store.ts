import { MongoClient, type Db } from 'mongodb';
import { CetusError } from '../errors/index.ts';

export interface StoreOptions {
  /** A `mongodb://` URI. */
  uri: string;
  /** The database; default: the one that the URI names, or `cetus`. */
  database?: string;
  /** Milliseconds until an unreachable server is an error. */
  serverSelectionTimeoutMs?: number;
  /** Connections in the pool of this process. */
  maxPoolSize?: number;
}

/** The connection to MongoDB. Reconnects by itself; a standalone server will do, as no transaction is used. */
export interface Store {
  readonly db: Db;
  /** @throws CetusError `store_unavailable` */
  health(): Promise<void>;
  close(): Promise<void>;
}

/**
 * For writes that may be repeated, behind one that is journalled: they do not wait for the journal. A crash loses the last of them, never
 * one without those after it, and whoever made them makes them again.
 */
export const REPEATABLE_WRITE = { writeConcern: { w: 1, journal: false } } as const;

/**
 * Connects and checks that the server answers.
 * @throws CetusError `store_unavailable`
 */
export async function connectStore(options: StoreOptions): Promise<Store> {
  const client = new MongoClient(options.uri, {
    appName: 'cetus',
    serverSelectionTimeoutMS: options.serverSelectionTimeoutMs ?? 10_000,
    connectTimeoutMS: 5_000,
    socketTimeoutMS: 30_000,
    waitQueueTimeoutMS: 10_000,
    maxPoolSize: options.maxPoolSize ?? 50,
    retryWrites: false,
    // What is acknowledged must survive kill -9 of a standalone server, and a failover of a replica set.
    writeConcern: { w: 'majority', journal: true },
    ignoreUndefined: true,
  });
  const db = client.db(options.database ?? databaseOf(options.uri) ?? 'cetus');
  const health = async (): Promise<void> => {
    try {
      await db.command({ ping: 1 }, { timeoutMS: 2_000 });
    } catch (cause) {
      throw new CetusError('store_unavailable', 'MongoDB does not answer', { cause });
    }
  };
  try {
    await client.connect();
  } catch (cause) {
    await client.close();
    throw new CetusError('store_unavailable', 'MongoDB cannot be reached', { cause });
  }
  return { db, health, close: () => client.close() };
}

/** The database that a URI names. Hosts may be a list, or a percent-encoded path, so it is not a URL for `URL`. */
function databaseOf(uri: string): string | undefined {
  return /^mongodb(?:\+srv)?:\/\/[^/]+\/([A-Za-z0-9_-]{1,63})(?:\?|$)/.exec(uri)?.[1];
}
