import assert from 'node:assert/strict';
import { createInProcessBus, type Bus } from '@cetus/shared/bus';
import type { CloudEvent } from '@cetus/shared/schemas';
import type { PlacedApplication } from '@cetus/shared/store';
import { waitFor } from '@cetus/test-kit';
import { ApplicationNews } from '../../../src/application/follow/application-news.ts';

describe('News of applications', () => {
  let bus: Bus;
  let news: ApplicationNews;
  const reads: string[][] = [];
  const told: string[] = [];
  const documents = new Map<string, PlacedApplication>();
  let failures = 0;

  beforeEach(async () => {
    bus = createInProcessBus();
    for (const list of [reads, told]) list.length = 0;
    documents.clear();
    failures = 0;
    news = new ApplicationNews({
      bus,
      store: {
        find: async (ids) => {
          reads.push([...ids]);
          failures -= 1;
          if (failures >= 0) throw new Error('the database is away');
          return ids.flatMap((id) => documents.get(id) ?? []);
        },
      },
      logger: { warn: () => undefined },
      onChanged: ({ _id }) => told.push(_id),
      onGone: (id) => told.push(`gone ${id}`),
    });
    await news.start();
  });
  afterEach(async () => {
    await news.stop();
    await bus.close();
  });

  const application = (id: string, state: string | null): void =>
    void documents.set(id, {
      _id: id,
      operation: state === null ? null : { state },
      status: { placements: [] },
      observed: {},
    } as unknown as PlacedApplication);
  const publish = (id: string, what: string): Promise<void> =>
    bus.publishNotification(`application.${what}`, { subject: id } as CloudEvent);

  it('are read together, and of each only the newest is told', async () => {
    application('a', null);
    application('b', null);
    for (const what of ['update.start', 'update.end'])
      for (const id of ['a', 'b', 'c']) await publish(id, what);
    await waitFor(() => told.length === 3, { what: 'all are told' });
    assert.deepEqual([reads, told], [[['a', 'b', 'c']], ['a', 'b', 'gone c']]);
  });

  it('are asked for again while an operation goes on, as clusters come to it that nothing tells of', async () => {
    application('a', 'IN_PROGRESS');
    await publish('a', 'create.start');
    await waitFor(() => told.length >= 2, { what: 'it is read again' });
    application('a', 'COMPLETE');
    await publish('a', 'create.end');
    const { length } = told;
    await waitFor(() => told.length > length, { what: 'its end is told' });
  });

  it('are asked for again when the database did not answer', async () => {
    application('a', null);
    failures = 1;
    await publish('a', 'create.end');
    await waitFor(() => told.length === 1, { what: 'it is told' });
    assert.equal(reads.length, 2);
  });

  it('are not those that the followers themselves have told', async () => {
    application('a', null);
    application('b', null);
    await publish('a', 'condition.changed');
    await publish('b', 'delete.end');
    await waitFor(() => told.length === 1, { what: 'the other is told' });
    assert.deepEqual(told, ['b']);
  });
});
