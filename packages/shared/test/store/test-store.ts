import { MongoClient, type Document } from 'mongodb';
import { startTestMongo } from '@cetus/test-kit';
import { ensureEventIndexes } from '@cetus/shared/notifications';
import { ensureOperationIndexes } from '@cetus/shared/operations';
import { connectStore, ensureIndexes, KINDS, type Kind, type Store } from '@cetus/shared/store';

/** A database of its own with all indexes. Close it at the end of the suite. */
export async function openTestStore(prefix: string): Promise<Store> {
  const mongo = await startTestMongo();
  const store = await connectStore({ uri: mongo.uri, database: mongo.databaseName(prefix) });
  await ensureAllIndexes(store);
  return store;
}

async function ensureAllIndexes({ db }: Store): Promise<void> {
  for (const kind of KINDS) await ensureIndexes(db, kind as Kind<never>);
  await ensureOperationIndexes(db, 30);
  await ensureEventIndexes(db, 30);
}

/** What the server does for one command that was sent. */
export interface Explained {
  command: Document;
  /** The stages of the plan, as `IXSCAN`. */
  stages: string[];
  keysExamined: number;
  docsExamined: number;
}

const READS_AND_WRITES = ['find', 'findAndModify', 'aggregate', 'update', 'delete', 'count', 'distinct'];

/** A store that remembers what was sent, to ask the server how it is carried out. */
export async function openSpyingStore(
  prefix: string,
): Promise<Store & { explain(run: () => Promise<unknown>): Promise<Explained[]> }> {
  const mongo = await startTestMongo();
  const client = new MongoClient(mongo.uri, {
    monitorCommands: true,
    ignoreUndefined: true,
    serverSelectionTimeoutMS: 5_000,
  });
  await client.connect();
  const db = client.db(mongo.databaseName(prefix));
  const store: Store = { db, health: async () => undefined, close: () => client.close() };
  await ensureAllIndexes(store);
  return {
    ...store,
    async explain(run) {
      const sent: Document[] = [];
      const listener = ({ commandName, command }: { commandName: string; command: Document }): void => {
        if (READS_AND_WRITES.includes(commandName)) sent.push(...single({ ...command }));
      };
      client.on('commandStarted', listener);
      try {
        await run();
      } finally {
        client.off('commandStarted', listener);
      }
      const explained: Explained[] = [];
      for (const command of sent) {
        const answer = await db.command({ explain: command, verbosity: 'executionStats' });
        explained.push(summary(command, answer));
      }
      return explained;
    },
  };
}

/** A command as it can be explained: without what belongs to its session, one update or delete at a time. */
function single(command: Document): Document[] {
  const {
    lsid: _lsid,
    $db: _db,
    $clusterTime: _time,
    txnNumber: _txn,
    writeConcern: _concern,
    ordered: _ordered,
    ...rest
  } = command;
  const list = (rest['updates'] ?? rest['deletes']) as Document[] | undefined;
  if (list === undefined) return [rest];
  const key = rest['updates'] === undefined ? 'deletes' : 'updates';
  return list.map((one) => ({ ...rest, [key]: [one] }));
}

function summary(command: Document, answer: Document): Explained {
  const stages: string[] = [];
  const walk = (plan: Document | undefined): void => {
    if (plan === undefined) return;
    if (typeof plan['stage'] === 'string') stages.push(plan['stage']);
    walk(plan['queryPlan'] as Document | undefined);
    walk(plan['inputStage'] as Document | undefined);
    for (const input of (plan['inputStages'] ?? []) as Document[]) walk(input);
  };
  const planner = (answer['queryPlanner'] ??
    (answer['stages'] as Document[])[0]?.['$cursor']?.queryPlanner) as Document;
  walk(planner['winningPlan'] as Document);
  const stats = (answer['executionStats'] ?? {}) as Document;
  return {
    command,
    stages,
    keysExamined: Number(stats['totalKeysExamined']),
    docsExamined: Number(stats['totalDocsExamined']),
  };
}
