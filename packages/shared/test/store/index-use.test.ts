import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Filter } from 'mongodb';
import { createInProcessBus } from '@cetus/shared/bus';
import { EventStore, Relay } from '@cetus/shared/notifications';
import { OperationStore } from '@cetus/shared/operations';
import {
  OBJECT_STATES,
  stateOf,
  type Condition,
  type StoredApplication,
  type StoredCluster,
} from '@cetus/shared/schemas';
import {
  APPLICATION,
  CLUSTER,
  CLUSTER_TEMPLATE,
  inHealth,
  inState,
  KINDS,
  purgeDeleted,
  ReconcileStore,
  ScopedStore,
  scopeOf,
  type Scope,
} from '@cetus/shared/store';
import { application, cluster, idempotent, idleCluster, template } from './builders.ts';
import { openSpyingStore, type Explained } from './test-store.ts';

const ALL: Scope = { kind: 'all' };
const OURS = scopeOf({ projectId: 'p1' });
const SCOPES = [
  ['a project', OURS],
  ['all projects', ALL],
] as const;
const PAGE = 10;

/** Mostly of one kind, complete and healthy; a few of another kind, that failed, that go on, that are not well, or of which that is not known. */
const applications = Array.from({ length: 600 }, (_, i) => {
  const state = i % 50 === 0 ? 'CREATE_IN_PROGRESS' : i % 50 === 1 ? 'UPDATE_FAILED' : 'UPDATE_COMPLETE';
  const kind = i % 50 === 2 ? 'job' : 'stateless';
  const conditions = i % 50 === 3 ? [] : [condition('Healthy', i % 50 === 4 ? 'False' : 'True')];
  return {
    ...application({ project: `p${String(i % 3)}`, name: `a${String(i)}`, kind, state }),
    health_conditions: i % 5 === 0 ? [condition('ScalingActive', 'False'), ...conditions] : conditions,
  };
});
function condition(type: string, status: Condition['status']): Condition {
  return { type, status, reason: 'Seen', message: '', since: '2026-01-02T03:04:05Z' };
}

describe('The use of indexes', () => {
  let store: Awaited<ReturnType<typeof openSpyingStore>>;
  let middle: StoredCluster;

  before(async () => {
    store = await openSpyingStore('index-use');
    const now = Date.now();
    const clusters = Array.from({ length: 600 }, (_, i): StoredCluster => {
      const options = {
        project: `p${String(i % 3)}`,
        name: `c${String(i % 200)}`,
        minutes: i % 50,
        now: new Date(now - i * 500),
      };
      const made = i % 20 === 0 ? cluster(options) : idleCluster(options);
      return i % 10 === 1
        ? { ...made, deleted_at: new Date(now - i * 1_000), pending_events: [], next_attempt_at: null }
        : made;
    });
    // In the middle by every key: of a list that ends soon after the marker, the server may as well sort the rest.
    const ours = clusters.filter(({ project_id, deleted_at }) => project_id === 'p1' && deleted_at === null);
    middle = ours[Math.floor(ours.length / 2)] as StoredCluster;
    middle._id = `8${middle._id.slice(1)}`;
    middle.spec.create_timeout = 25;
    await store.db.collection(CLUSTER.collection).insertMany(clusters as never);
    const templates = Array.from({ length: 300 }, (_, i) =>
      template({ project: `p${String(i % 3)}`, name: `t${String(i)}`, isPublic: i % 4 === 0 }),
    );
    await store.db.collection(CLUSTER_TEMPLATE.collection).insertMany(templates as never);
    await store.db.collection(APPLICATION.collection).insertMany(applications as never);
    const relay = new Relay({
      db: store.db,
      bus: createInProcessBus(),
      kinds: KINDS,
      onError: (error) => assert.fail(String(error)),
    });
    // Notifications and operations of other days, to look among; what is pending stays pending.
    await relay.sweep(new Date(now));
    await store.db
      .collection(CLUSTER.collection)
      .updateMany({ 'operation.state': 'IN_PROGRESS' }, [
        { $set: { pending_events: [{ event: { id: '$_id' }, operation: null }] } },
      ]);
  });
  after(() => store?.close());

  /** Runs something and checks each query of it; answers what the server did. */
  async function indexed(run: () => Promise<unknown>): Promise<Explained[]> {
    const explained = await store.explain(run);
    assert.ok(explained.length > 0, 'something was asked');
    for (const { command, stages } of explained) {
      assert.ok(
        !stages.includes('COLLSCAN'),
        `${JSON.stringify(command)} scans the collection: ${stages.join(' < ')}`,
      );
    }
    return explained;
  }

  /** As {@link indexed}; and no list is sorted in memory, nor read from its beginning to come to a page. */
  async function paged(run: () => Promise<unknown>, most = PAGE * 3): Promise<void> {
    for (const { command, stages, keysExamined } of await indexed(run)) {
      const text = `${JSON.stringify(command)}: ${stages.join(' < ')}, ${String(keysExamined)} keys`;
      assert.ok(!stages.includes('SORT'), `sorted in memory: ${text}`);
      assert.ok(keysExamined <= most, `reads more than the page: ${text}`);
    }
  }

  /** As {@link indexed}; and little is read besides what is wanted. */
  async function narrow(run: () => Promise<unknown>): Promise<void> {
    for (const { command, stages, docsExamined } of await indexed(run)) {
      const text = `${JSON.stringify(command)}: ${stages.join(' < ')}, ${String(docsExamined)} documents`;
      assert.ok(docsExamined <= PAGE * 2, `reads more than it answers: ${text}`);
    }
  }

  for (const [name, scope] of SCOPES) {
    for (const sortKey of Object.keys(CLUSTER.sortKeys)) {
      for (const sortDir of ['asc', 'desc'] as const) {
        it(`serves pages of clusters of ${name} by ${sortKey} ${sortDir}`, async () => {
          const clusters = new ScopedStore(store, CLUSTER);
          await paged(() => clusters.list(scope, { limit: PAGE, sortKey, sortDir }));
          await paged(
            () => clusters.list(scope, { limit: PAGE, sortKey, sortDir, marker: middle._id }),
            PAGE * 5,
          );
        });
      }
    }
  }

  for (const sortKey of Object.keys(CLUSTER_TEMPLATE.sortKeys)) {
    it(`serves pages of templates, public ones of others among them, by ${sortKey}`, async () => {
      const templates = new ScopedStore(store, CLUSTER_TEMPLATE);
      await paged(() => templates.list(OURS, { limit: PAGE, sortKey, sortDir: 'asc' }), PAGE * 4);
      await paged(() => templates.list(ALL, { limit: PAGE, sortKey, sortDir: 'desc' }));
    });
  }

  for (const [name, scope] of SCOPES) {
    const visible = applications.filter(({ project_id }) => scope === ALL || project_id === 'p1');

    /** Checks what a list has that is narrowed down, and that little else is read. Answers how many there are. */
    const narrows = async (
      narrowed: Filter<StoredApplication>,
      belongs: (one: (typeof applications)[number]) => boolean,
      sortDir: 'asc' | 'desc',
    ): Promise<number> => {
      const narrowable = new ScopedStore(store, APPLICATION);
      const page = { limit: PAGE, sortKey: 'uuid', sortDir };
      const all = visible.filter(belongs);
      const { items } = await narrowable.list(scope, { ...page, limit: 1_000 }, undefined, narrowed);
      assert.deepEqual(items.map(({ _id }) => _id).sort(), all.map(({ _id }) => _id).sort());
      await narrow(() => narrowable.list(scope, page, undefined, narrowed));
      return all.length;
    };

    it(`narrows lists of applications of ${name} down to a kind`, async () => {
      for (const kind of ['job', 'stateless'] as const)
        await narrows({ 'spec.kind': kind }, ({ spec }) => spec.kind === kind, 'asc');
    });

    it(`narrows lists of applications of ${name} down to a state`, async () => {
      for (const state of OBJECT_STATES)
        await narrows(inState(state) as Filter<StoredApplication>, (one) => stateOf(one) === state, 'desc');
    });

    it(`narrows lists of applications of ${name} down to those that are well, or not`, async () => {
      for (const healthy of [true, false]) {
        const told = healthy ? 'True' : 'False';
        const belongs = ({ health_conditions: conditions }: (typeof applications)[number]): boolean =>
          conditions.some(({ type, status }) => type === 'Healthy' && status === told);
        assert.ok((await narrows(inHealth(healthy), belongs, 'asc')) > 0);
      }
    });
  }

  it('finds one object by id and by name, and changes it', async () => {
    for (const [, scope] of SCOPES) {
      const clusters = new ScopedStore(store, CLUSTER);
      await indexed(() => clusters.get(scope, middle._id));
      await indexed(() => clusters.get(scope, middle.name).catch(() => undefined));
      await indexed(() =>
        clusters.change(scope, middle._id, (current) => ({ ...current, spec: { ...current.spec } })),
      );
      await indexed(() => clusters.getMany(scope, [middle._id, randomUUID()]));
      const templates = new ScopedStore(store, CLUSTER_TEMPLATE);
      await indexed(() => templates.get(scope, 't17').catch(() => undefined));
      await indexed(() => templates.get(scope, randomUUID()).catch(() => undefined));
    }
  });

  it('finds what refers to a template', async () => {
    const clusters = new ScopedStore(store, CLUSTER);
    const group = { $elemMatch: { cluster_template_id: 'none', deleted: false } };
    const applied = { 'status.applied_spec.cluster_template_id': { $type: 'string' as const } };
    const $or = [
      { 'spec.cluster_template_id': 'none' },
      { 'spec.node_groups': group },
      { $and: [applied, { 'status.applied_spec.cluster_template_id': 'none' }] },
      { $and: [applied, { 'status.applied_spec.node_groups': group }] },
    ];
    for (const query of [...$or, { $or }]) {
      await paged(() => clusters.exists(ALL, query));
    }
  });

  it('finds the object of an Idempotency-Key', async () => {
    const clusters = new ScopedStore(store, CLUSTER);
    const request = idempotent('k', 'f');
    await clusters.create(cluster({ name: 'once' }), request);
    await indexed(() => clusters.create(cluster({ name: 'once' }), request));
  });

  it('finds what a reconciling service asks for', async () => {
    const clusters = new ReconcileStore(store, CLUSTER);
    const due = await indexed(() => clusters.due(new Date(Date.now() + 60_000), PAGE));
    for (const { keysExamined } of due) assert.ok(keysExamined <= PAGE * 2, `${String(keysExamined)} keys`);
    const [first] = await clusters.due(new Date(Date.now() + 60_000), 1);
    await indexed(async () => {
      const claim = await clusters.claim(first?._id ?? '', 'me', 60_000);
      assert.ok(typeof claim === 'object');
      assert.equal(await clusters.claim(first?._id ?? '', 'other', 60_000), 'leased');
      await clusters.renew(claim.object._id, claim.object.lease_token, 60_000);
      await clusters.commit(claim.object, () => ({ events: [], lease: null }));
      await clusters.read(claim.object._id);
    });
  });

  it('finds what is pending, and what may be removed', async () => {
    const bus = createInProcessBus();
    const relay = new Relay({ db: store.db, bus, kinds: KINDS, onError: () => undefined });
    await indexed(() => relay.sweep(new Date(0)));
    await indexed(() => purgeDeleted(store.db, KINDS, new Date(0)));
  });

  for (const [name, scope] of SCOPES) {
    it(`serves operations of ${name}`, async () => {
      const operations = new OperationStore(store);
      for (const sortKey of ['uuid', 'accepted_at', 'finished_at']) {
        const page = { limit: 3, sortKey, sortDir: 'desc' as const };
        const first = await operations.list(scope, page);
        assert.ok(first.nextMarker !== null);
        const marker = first.nextMarker;
        await paged(() => operations.list(scope, page));
        await paged(() => operations.list(scope, { ...page, marker }));
        await paged(() => operations.list(scope, { ...page, sortKey: 'accepted_at', object: middle._id }));
        await indexed(() => operations.get(scope, marker));
      }
    });

    it(`serves notifications of ${name}`, async () => {
      const events = new EventStore(store);
      const page = { limit: 3, sortDir: 'desc' as const };
      const first = await events.list(scope, page);
      const marker = first.nextMarker;
      assert.ok(marker !== null);
      await paged(() => events.list(scope, page));
      await paged(() => events.list(scope, { ...page, marker }));
      await paged(() => events.list(scope, { ...page, kind: 'cluster' }));
      await paged(() => events.list(scope, { ...page, object: middle._id }));
      await indexed(() => events.between(scope, middle._id, 1, 5));
      await indexed(async () => {
        for await (const event of events.replay(scope, new Date(), {})) assert.ok(event.id);
      });
    });
  }
});
