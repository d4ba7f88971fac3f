import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { createLogger } from '@cetus/shared/service';
import { startOwnMongo, waitFor } from '@cetus/test-kit';
import { startMongo, type RunningMongo } from '../../src/mongodb/index.ts';
import { runDirectory } from '../../src/mongodb/run-directory.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('all-in-one: the MongoDB of this machine', function () {
  this.timeout(120_000);
  let dataDir: string;
  const open: { stop(): Promise<void> }[] = [];
  const closing = <T extends { stop(): Promise<void> }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  const client = async (uri: string): Promise<MongoClient> => {
    const made = new MongoClient(uri, { serverSelectionTimeoutMS: 20_000, connectTimeoutMS: 5_000 });
    open.push({ stop: () => made.close() });
    return made.connect();
  };

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'cetus-aio-'));
  });
  afterEach(async () => {
    for (let thing = open.pop(); thing; thing = open.pop()) await thing.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('keeps its data and its address when it is killed, and comes back by itself', async () => {
    const mongo: RunningMongo = closing(await startMongo({ dataDir, logger }));
    const documents = (await client(mongo.uri)).db('test').collection<{ _id: number }>('d');
    await documents.insertOne({ _id: 1 }, { writeConcern: { w: 1, journal: true } });
    const { pid } = mongo;
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await waitFor(() => mongo.pid !== undefined && mongo.pid !== pid, { timeoutMs: 30_000 });
    // The same client, over the same address.
    await waitFor(() => documents.insertOne({ _id: 2 }), { timeoutMs: 30_000 });
    assert.equal(await documents.countDocuments(), 2);
    const left = (await readdir(join(dataDir, 'run'))).filter((name) => name !== 'mongodb.sock');
    assert.ok(left.length <= 1, left.join());
  });

  it('ends in order, is gone then, and starts again on the same data', async () => {
    const first = await startMongo({ dataDir, logger });
    const { pid } = first;
    const c = await client(first.uri);
    await c.db('test').collection('d').insertOne({ x: 1 });
    await c.close();
    await first.stop();
    assert.ok(pid && !isAlive(pid));
    assert.deepEqual(await readdir(join(dataDir, 'run')), []);
    const second = closing(await startMongo({ dataDir, logger }));
    assert.equal(second.uri, first.uri);
    assert.equal(await (await client(second.uri)).db('test').collection('d').countDocuments(), 1);
  });

  it('ends when its parent is killed, and the next one takes over the data at once', async () => {
    const first = await startOwnMongo(dataDir);
    const c = await client(first.uri);
    await c.db('test').collection('d').insertOne({ x: 1 });
    const { pid: parent } = first.service;
    await c.close();
    await first.service.kill9();
    // No pause: the killed parent's engine may still be closing.
    const second = closing(await startOwnMongo(dataDir));
    assert.notEqual(second.service.pid, parent);
    assert.equal(await (await client(second.uri)).db('test').collection('d').countDocuments(), 1);
  });

  it('puts the socket where its path is short enough, in a folder of the user alone', async () => {
    const deep = join(dataDir, 'x'.repeat(60), 'y'.repeat(60));
    await mkdir(deep, { recursive: true });
    const run = await runDirectory(deep);
    open.push({ stop: () => rm(run, { recursive: true }) });
    assert.ok(run.length < 70, run);
    assert.equal(await runDirectory(deep), run);
    assert.equal((await stat(run)).mode & 0o777, 0o700);
    await chmod(run, 0o755);
    await assert.rejects(runDirectory(deep), /not a folder of this user alone/);
  });

  it('uses a mongod on the PATH, on a socket of its own, and ends it', async () => {
    const bin = join(dataDir, 'bin');
    await mkdir(bin);
    // Stands in for the server: takes its options and listens where it is told to.
    const program = `#!${process.execPath}
      const { values } = require('node:util').parseArgs({ options: { dbpath: { type: 'string' }, bind_ip: { type: 'string' }, unixSocketPrefix: { type: 'string' } } });
      require('node:fs').accessSync(values.dbpath);
      require('node:net').createServer().listen(values.bind_ip);`;
    await writeFile(join(bin, 'mongod'), program, { mode: 0o755 });
    const mongo = closing(await startMongo({ dataDir, logger, environment: { PATH: bin } }));
    assert.equal(mongo.kind, 'mongod');
    const { pid } = mongo;
    assert.ok(pid && isAlive(pid));
    await mongo.stop();
    assert.ok(!isAlive(pid));
  });

  it('stays with the engine that made the data', async () => {
    await mkdir(join(dataDir, 'mongod'));
    await writeFile(join(dataDir, 'mongod', 'WiredTiger'), '');
    const start = startMongo({ dataDir, logger, environment: { PATH: '/nonexistent' } });
    await assert.rejects(start, /made by a mongod[^]*CETUS_MONGODB_URL/);
  });

  it('says what to do when the engine does not start', async () => {
    const bin = join(dataDir, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'mongod'), '#!/bin/sh\necho no such option >&2; exit 2\n', { mode: 0o755 });
    const start = startMongo({ dataDir, logger, environment: { PATH: bin } });
    await assert.rejects(start, (error: Error & { output?: string }) => {
      assert.equal(error.name, 'EngineStartError');
      assert.match(error.message, /CETUS_MONGODB_URL/);
      assert.match(error.output ?? '', /no such option/);
      return true;
    });
  });
});
