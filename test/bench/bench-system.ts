import { startOwnMongo, startRabbit, type OwnMongo, type PrivateRabbit } from '@cetus/test-kit';
import { MongoClient } from 'mongodb';
import { Installation, withDatabase } from '../integration/support/installation.ts';

/** A broker and a database for one run, and installations on them. */
export class BenchSystem {
  readonly rabbit: PrivateRabbit;
  readonly mongo: OwnMongo;
  readonly client: MongoClient;
  private readonly installations: Installation[] = [];

  private constructor(rabbit: PrivateRabbit, mongo: OwnMongo, client: MongoClient) {
    this.rabbit = rabbit;
    this.mongo = mongo;
    this.client = client;
  }

  static async start(): Promise<BenchSystem> {
    const [rabbit, mongo] = await Promise.all([startRabbit(), startOwnMongo()]);
    const client = new MongoClient(mongo.uri, { serverSelectionTimeoutMS: 10_000, socketTimeoutMS: 60_000 });
    await client.connect();
    return new BenchSystem(rabbit, mongo, client);
  }

  async installation(database: string): Promise<Installation> {
    const installation = await Installation.start({
      mongodbUrl: withDatabase(this.mongo.uri, database),
      amqpUrl: this.rabbit.url,
      form: 'build',
      // As they are when nobody sets anything.
      conductorSettings: {},
    });
    this.installations.push(installation);
    return installation;
  }

  async close(): Promise<void> {
    await Promise.all(this.installations.map((installation) => installation.close()));
    await this.client.close();
    await this.rabbit.stop();
    await this.mongo.stop();
  }
}
