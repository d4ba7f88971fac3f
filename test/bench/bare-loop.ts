import { randomUUID } from 'node:crypto';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import type { Collection, MongoClient } from 'mongodb';

const EXCHANGE = 'bare.commands';
const QUEUE = 'bare.commands.conductor';
const DATABASE = 'bare';

/** The least that accepting can be: one journalled insert of a document, one confirmed publish to a quorum queue. */
export class BareLoop {
  private readonly collection: Collection<{ _id: string }>;
  private readonly document: object;
  private readonly model: ChannelModel;
  private readonly channel: ConfirmChannel;

  private constructor(
    collection: Collection<{ _id: string }>,
    document: object,
    model: ChannelModel,
    channel: ConfirmChannel,
  ) {
    this.collection = collection;
    this.document = document;
    this.model = model;
    this.channel = channel;
  }

  /** The document that is inserted is the one in the collection `example`: one that Cetus wrote. */
  static async open(client: MongoClient, amqpUrl: string): Promise<BareLoop> {
    const example = await client.db(DATABASE).collection('example').findOne();
    const model = await connect(amqpUrl, { noDelay: true });
    const channel = await model.createConfirmChannel();
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(QUEUE, EXCHANGE, 'cluster.*');
    const collection = client.db(DATABASE).collection<{ _id: string }>('accepted');
    await collection.createIndex({ project_id: 1, deleted_at: 1, _id: 1 });
    return new BareLoop(collection, example ?? {}, model, channel);
  }

  async once(): Promise<void> {
    const _id = randomUUID();
    await this.collection.insertOne({ ...this.document, _id }, { writeConcern: { w: 1, journal: true } });
    const command = { kind: 'cluster', id: _id, project_id: 'p'.repeat(32), generation: 1, reason: 'create' };
    await new Promise<void>((resolve, reject) => {
      this.channel.publish(
        EXCHANGE,
        'cluster.create',
        Buffer.from(JSON.stringify(command)),
        { persistent: true },
        (error: unknown) => {
          if (error == null) resolve();
          else reject(new Error('not confirmed', { cause: error }));
        },
      );
    });
  }

  /** How many a second, with so many in flight. */
  async run(inFlight: number, seconds: number): Promise<number> {
    const started = performance.now();
    const until = started + seconds * 1_000;
    let count = 0;
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (performance.now() < until) {
          await this.once();
          count += 1;
        }
      }),
    );
    return count / ((performance.now() - started) / 1_000);
  }

  async close(): Promise<void> {
    await this.model.close();
  }
}
