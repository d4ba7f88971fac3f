import Fastify from 'fastify';
import { MongoClient } from 'mongodb';
import { BareLoop } from './bare-loop.ts';

/**
 * What a server costs that does nothing but the necessary: `bare-server <MongoDB> <RabbitMQ>`. Its answers have the bytes of those of
 * Cetus, kept ready in the database. Writes `ready http://…`.
 */
interface Answer {
  _id: string;
  project_id: string;
  view: object;
}
const [mongodbUrl = '', amqpUrl = ''] = process.argv.slice(2);
const client = new MongoClient(mongodbUrl, {
  writeConcern: { w: 1, journal: true },
  serverSelectionTimeoutMS: 10_000,
});
await client.connect();
const bare = client.db('bare');
const answers = bare.collection<Answer>('answers');
const briefs = bare.collection<Answer>('briefs');
const loop = await BareLoop.open(client, amqpUrl);
const app = Fastify({ keepAliveTimeout: 65_000 });

app.get<{ Params: { id: string } }>('/one/:id', async ({ params }, reply) => {
  const found = await answers.findOne({ _id: params.id });
  return reply.type('application/json').send(JSON.stringify(found?.view));
});
app.get<{ Querystring: { project: string; marker: string } }>('/page', async ({ query }, reply) => {
  const found = await briefs
    .find({ project_id: query.project, _id: { $gt: query.marker } })
    .sort({ _id: 1 })
    .limit(100)
    .toArray();
  return reply.type('application/json').send(JSON.stringify({ clusters: found.map(({ view }) => view) }));
});
app.post('/accept', async (_request, reply) => {
  await loop.once();
  return reply.code(202).send({ ok: true });
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`ready ${url}\n`);
process.once('SIGTERM', () => process.exit(0));
