import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnMongo, startRabbit, waitFor, type OwnMongo, type PrivateRabbit } from '@cetus/test-kit';
import { MongoClient, type Db } from 'mongodb';
import { Installation, withDatabase, type Member } from '../integration/support/installation.ts';

/** An installation that owns its broker, its database and its cloud, so that all of them may be killed. */
export class FaultySystem {
  readonly rabbit: PrivateRabbit;
  readonly installation: Installation;
  /** The database, for looking at what no API shows. */
  readonly db: Db;
  private readonly mongo: OwnMongo;
  private readonly client: MongoClient;
  private readonly dataDir: string;

  private constructor(parts: {
    rabbit: PrivateRabbit;
    mongo: OwnMongo;
    installation: Installation;
    client: MongoClient;
    dataDir: string;
  }) {
    this.rabbit = parts.rabbit;
    this.mongo = parts.mongo;
    this.installation = parts.installation;
    this.client = parts.client;
    this.dataDir = parts.dataDir;
    this.db = parts.client.db(DATABASE);
  }

  static async start(): Promise<FaultySystem> {
    const dataDir = await mkdtemp(join(tmpdir(), 'cetus-faults-'));
    const [rabbit, mongo] = await Promise.all([startRabbit(), startOwnMongo(join(dataDir, 'mongodb'))]);
    const installation = await Installation.start({
      mongodbUrl: withDatabase(mongo.uri, DATABASE),
      amqpUrl: rabbit.url,
      cloudDataDir: join(dataDir, 'cloud'),
      form: 'build',
      settings: { CETUS_SHUTDOWN_SECONDS: '15' },
    });
    const client = new MongoClient(mongo.uri, { serverSelectionTimeoutMS: 30_000, socketTimeoutMS: 30_000 });
    return new FaultySystem({ rabbit, mongo, installation, client, dataDir });
  }

  /** A conductor that makes clusters by all drivers. */
  addConductor(): Promise<Member> {
    return this.installation.add('conductor', {
      settings: {
        CETUS_CLUSTER_DRIVERS: 'heat,magnum,import',
        CETUS_MAGNUM_URL: `${this.installation.cloud.url}/container-infra/v1`,
        CETUS_MAGNUM_POLL_SECONDS: '0.5',
      },
    });
  }

  /** The URL of the database, for a way of one's own to it. */
  get databaseUrl(): string {
    return withDatabase(this.mongo.uri, DATABASE);
  }

  /** Kills the database engine; whoever watches over it starts it again. Resolves when it answers. */
  async killDatabase(): Promise<void> {
    const before = this.enginePid();
    process.kill(before, 'SIGKILL');
    await waitFor(() => this.enginePid() !== before, { timeoutMs: 60_000, what: 'the database is back' });
    await waitFor(() => this.db.command({ ping: 1 }), { timeoutMs: 30_000, what: 'the database answers' });
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.installation.close();
    await this.rabbit.stop();
    await this.mongo.stop();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  private enginePid(): number {
    return Number(
      [
        ...this.mongo.service
          .output()
          .matchAll(/"enginePid":(\d+)[^\n]*"(?:MongoDB is ready|the database is back)"/g),
      ].at(-1)?.[1],
    );
  }
}

const DATABASE = 'cetus_faults';

/** A template of clusters through Magnum, of a kind whose authority it can replace. */
export const MAGNUM_TEMPLATE = {
  name: 'magnum',
  driver: 'magnum',
  image_id: 'fedora-coreos-37',
  keypair_id: 'mine',
  labels: { kube_tag: 'v1.33.1' },
};
