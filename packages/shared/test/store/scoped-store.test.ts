import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import { acceptOperation } from '@cetus/shared/operations';
import type { StoredCluster } from '@cetus/shared/schemas';
import {
  CLUSTER,
  CLUSTER_TEMPLATE,
  collectionOf,
  entityTag,
  purgeDeleted,
  ScopedStore,
  scopeOf,
  type Scope,
  type Store,
} from '@cetus/shared/store';
import { cluster, idempotent, idleCluster, requester, template } from './builders.ts';
import { openTestStore } from './test-store.ts';

const ALL: Scope = { kind: 'all' };
const of = (projectId: string): Scope => scopeOf({ projectId });
const code = (expected: string) => (error: unknown) => error instanceof CetusError && error.code === expected;
/** As request code sees it: without what it never needs. */
const asRead = ({ status, ...object }: StoredCluster): object => {
  const { secrets: _secrets, kubeconfig: _kubeconfig, driver_state: _driverState, ...shown } = status;
  return { ...object, status: shown };
};
/** A project that no other test uses. */
const project = (): string => randomUUID();

describe('ScopedStore', () => {
  let store: Store;
  let clusters: ScopedStore<StoredCluster>;

  before(async () => {
    store = await openTestStore('scoped-store');
    clusters = new ScopedStore(store, CLUSTER);
  });
  after(() => store?.close());

  const add = async (object: StoredCluster): Promise<StoredCluster> => (await clusters.create(object)).object;
  const rename =
    (name: string) =>
    (current: StoredCluster): StoredCluster => ({ ...current, name });

  it('gives back what was created, by uuid in any case and by name', async () => {
    const p = project();
    const made = await add(cluster({ project: p, name: 'prod-1' }));
    assert.deepEqual(await clusters.get(of(p), made._id), asRead(made));
    assert.deepEqual(await clusters.get(of(p), made._id.toUpperCase()), asRead(made));
    assert.deepEqual(await clusters.get(of(p), 'prod-1'), asRead(made));
  });

  it('gives back many at once: those that are there and that the scope may see', async () => {
    const [p, other] = [project(), project()];
    const [first, second] = [await add(cluster({ project: p })), await add(cluster({ project: p }))];
    const theirs = await add(cluster({ project: other }));
    const gone = await add({ ...cluster({ project: p }), deleted_at: new Date() });
    const ids = [first, second, theirs, gone].map(({ _id }) => _id).concat(randomUUID());
    const found = await clusters.getMany(of(p), ids);
    assert.deepEqual(found, new Map([first, second].map((one) => [one._id, asRead(one)])));
    const names = await clusters.getMany(ALL, [theirs._id], ['name']);
    assert.deepEqual([...names.values()], [{ _id: theirs._id, name: theirs.name }]);
    assert.equal((await clusters.getMany(ALL, [])).size, 0);
  });

  it('reads no secrets, in an object or in a page', async () => {
    const p = project();
    const sealed = { v: 1 as const, key_id: 'k', nonce: 'n', ciphertext: 'SECRET', tag: 't' };
    const made = cluster({ project: p });
    await add({
      ...made,
      status: { ...made.status, secrets: sealed, kubeconfig: sealed, driver_state: { of: 'SECRET' } },
    });
    const page = await clusters.list(of(p), { limit: 5, sortKey: 'name', sortDir: 'asc' });
    assert.equal(page.items.length, 1);
    assert.doesNotMatch(JSON.stringify([page, await clusters.get(of(p), made._id)]), /SECRET/);
  });

  it('does not find what was never there, or is deleted', async () => {
    const p = project();
    const gone = await add({ ...cluster({ project: p, name: 'gone' }), deleted_at: new Date() });
    for (const ref of [
      gone._id,
      'gone',
      randomUUID(),
      'nothing',
      '',
      '\u0000',
      '$where',
      'x'.repeat(10_000),
    ]) {
      await assert.rejects(clusters.get(of(p), ref), code('not_found'), ref);
      await assert.rejects(clusters.change(of(p), ref, rename('x')), code('not_found'), ref);
    }
    assert.deepEqual((await clusters.list(of(p), { limit: 5, sortKey: 'uuid', sortDir: 'asc' })).items, []);
    assert.equal(await clusters.exists(of(p), { _id: gone._id }), false);
  });

  it("hides another project's object from every method, as if it were not there", async () => {
    const [ours, theirs] = [of(project()), project()];
    const object = await add(idleCluster({ project: theirs, name: `theirs-${theirs}` }));
    for (const ref of [object._id, object.name]) {
      await assert.rejects(clusters.get(ours, ref), code('not_found'));
      await assert.rejects(
        clusters.change(ours, ref, () => assert.fail('is not called')),
        code('not_found'),
      );
      // What a client may say does not tell whether it is there either.
      await assert.rejects(clusters.change(ours, ref, rename('x'), { ifMatch: '"x"' }), code('not_found'));
    }
    assert.equal(await clusters.exists(ours, { _id: object._id }), false);
    const page = { limit: 5, sortKey: 'name', sortDir: 'asc' as const };
    assert.deepEqual(await clusters.list(ours, page), { items: [], nextMarker: null });
    await assert.rejects(clusters.list(ours, { ...page, marker: object._id }), code('invalid_marker'));
    assert.deepEqual(await clusters.get(of(theirs), object._id), asRead(object), 'and nothing was changed');
    assert.deepEqual(await clusters.get(ALL, object._id), asRead(object));
  });

  it('shows public templates to all, lets only their owner change them, and hides hidden ones', async () => {
    const templates = new ScopedStore(store, CLUSTER_TEMPLATE);
    const [ours, theirs] = [project(), project()];
    const open = template({ project: theirs, name: `open-${theirs}`, isPublic: true });
    const hidden = template({ project: theirs, name: `hidden-${theirs}`, isPublic: true, hidden: true });
    const own = template({ project: theirs, name: `own-${theirs}` });
    for (const each of [open, hidden, own]) await templates.create(each);
    assert.deepEqual(await templates.get(of(ours), open._id), open);
    assert.deepEqual(await templates.get(of(ours), open.name), open);
    await assert.rejects(templates.get(of(ours), hidden._id), code('not_found'));
    await assert.rejects(templates.get(of(ours), own._id), code('not_found'));
    await assert.rejects(
      templates.change(of(ours), open._id, (current) => current),
      code('not_found'),
    );
    const page = { limit: 100, sortKey: 'name', sortDir: 'asc' as const };
    const names = async (scope: Scope): Promise<string[]> =>
      (await templates.list(scope, page)).items
        .filter(({ project_id }) => project_id === theirs)
        .map(({ name }) => name);
    assert.deepEqual(await names(of(ours)), [open.name]);
    assert.deepEqual(await names(of(theirs)), [hidden.name, open.name, own.name]);
    assert.deepEqual(await names(ALL), [hidden.name, open.name, own.name]);
  });

  it('refuses a name that more than one object has', async () => {
    const p = project();
    const [first] = await Promise.all([
      add(cluster({ project: p, name: 'twin' })),
      add(cluster({ project: p, name: 'twin' })),
    ]);
    await assert.rejects(clusters.get(of(p), 'twin'), code('ambiguous_name'));
    await assert.rejects(clusters.change(of(p), 'twin', rename('x')), code('ambiguous_name'));
    assert.equal((await clusters.get(of(p), first._id)).name, 'twin');
    // In another project the name means one object, and that one.
    const other = await add(cluster({ project: project(), name: 'twin' }));
    assert.equal((await clusters.get(of(other.project_id), 'twin'))._id, other._id);
  });

  describe('with an Idempotency-Key', () => {
    it('answers the same request with the same object', async () => {
      const p = project();
      const request = idempotent('k1', 'a');
      const first = await clusters.create(cluster({ project: p }), request);
      const again = await clusters.create(cluster({ project: p }), request);
      assert.deepEqual([first.replayed, again.replayed], [false, true]);
      assert.deepEqual(again.object, first.object);
    });

    it('refuses the key for another request', async () => {
      const p = project();
      await clusters.create(cluster({ project: p }), idempotent('k1', 'a'));
      const other = cluster({ project: p });
      await assert.rejects(clusters.create(other, idempotent('k1', 'b')), code('idempotency_key_reused'));
    });

    it('leaves it to the request whether what is kept is of it', async () => {
      const p = project();
      const first = await clusters.create(cluster({ project: p }), idempotent('k1', 'a'));
      assert.deepEqual(first.object.idempotency, { key: 'k1', fingerprint: 'a' });
      const again = { ...idempotent('k1', 'b'), matches: () => true };
      const { object, replayed } = await clusters.create(cluster({ project: p }), again);
      assert.deepEqual([object._id, replayed], [first.object._id, true]);
      assert.deepEqual(object.idempotency, { key: 'k1', fingerprint: 'a' });
    });

    it('keeps the keys of projects apart', async () => {
      const request = idempotent('k1', 'a');
      const [one, other] = [cluster({ project: project() }), cluster({ project: project() })];
      assert.equal((await clusters.create(one, request)).replayed, false);
      assert.equal((await clusters.create(other, request)).replayed, false);
    });

    it('makes one object of twenty requests at once', async () => {
      const p = project();
      const request = idempotent('k1', 'a');
      const made = await Promise.all(
        Array.from({ length: 20 }, () => clusters.create(cluster({ project: p }), request)),
      );
      assert.equal(new Set(made.map(({ object }) => object._id)).size, 1);
      assert.equal(made.filter(({ replayed }) => !replayed).length, 1);
      assert.equal(
        (await clusters.list(of(p), { limit: 50, sortKey: 'uuid', sortDir: 'asc' })).items.length,
        1,
      );
    });

    it('answers with an object that was deleted meanwhile, until it is removed', async () => {
      const p = project();
      const request = idempotent('k1', 'a');
      const deleted_at = new Date(Date.now() - 10_000);
      const gone = await add({
        ...cluster({ project: p }),
        idempotency: request.record,
        deleted_at,
        pending_events: [],
        next_attempt_at: null,
      });
      assert.equal((await clusters.create(cluster({ project: p }), request)).object._id, gone._id);
      assert.ok((await purgeDeleted(store.db, [CLUSTER], new Date(Date.now() - 5_000))) >= 1);
      const next = await clusters.create(cluster({ project: p }), request);
      assert.equal(next.replayed, false);
    });

    it('lets any number of objects have no key', async () => {
      const p = project();
      await add(cluster({ project: p }));
      await add(cluster({ project: p }));
    });
  });

  it('keeps deleted objects whose notifications are not all published', async () => {
    const p = project();
    const gone = await add({ ...cluster({ project: p }), deleted_at: new Date(0), next_attempt_at: null });
    await purgeDeleted(store.db, [CLUSTER], new Date());
    assert.ok(await collectionOf(store.db, CLUSTER).findOne({ _id: gone._id }));
  });

  describe('changing', () => {
    it('loses no change of twenty that come at once', async () => {
      const p = project();
      const made = await add(idleCluster({ project: p, minutes: 0 }));
      const grow = (current: StoredCluster): StoredCluster => ({
        ...current,
        spec: { ...current.spec, create_timeout: current.spec.create_timeout + 1 },
      });
      await Promise.all(Array.from({ length: 20 }, () => clusters.change(of(p), made._id, grow)));
      const after = await clusters.get(of(p), made._id);
      assert.equal(after.spec.create_timeout, 20);
      assert.equal(after.revision, made.revision + 20);
    });

    it('writes nothing when the change is refused', async () => {
      const p = project();
      const made = await add(idleCluster({ project: p }));
      const refuse = (): never => {
        throw new CetusError('conflict', 'no');
      };
      await assert.rejects(clusters.change(of(p), made._id, refuse), code('conflict'));
      assert.deepEqual(await clusters.get(of(p), made._id), asRead(made));
    });

    it('writes nothing when nothing changes', async () => {
      const p = project();
      const made = await add(idleCluster({ project: p }));
      assert.deepEqual(await clusters.change(of(p), made._id, (current) => current), made);
      assert.deepEqual(await clusters.get(of(p), made._id), asRead(made), 'the entity tag stays');
    });

    it('changes only the object that If-Match names', async () => {
      const p = project();
      const made = await add(idleCluster({ project: p }));
      const changed = await clusters.change(of(p), made._id, rename('b'), { ifMatch: entityTag(made) });
      assert.notEqual(entityTag(changed), entityTag(made));
      await assert.rejects(
        clusters.change(of(p), made._id, rename('c'), { ifMatch: entityTag(made) }),
        code('precondition_failed'),
      );
      await assert.rejects(
        clusters.change(of(p), made._id, rename('c'), { ifMatch: 'W/"x"' }),
        code('precondition_failed'),
      );
      const list = `"other", ${entityTag(changed)}`;
      assert.equal((await clusters.change(of(p), made._id, rename('d'), { ifMatch: list })).name, 'd');
      assert.equal((await clusters.change(of(p), made._id, rename('e'), { ifMatch: '*' })).name, 'e');
    });

    it('lets one of ten with the same If-Match through', async () => {
      const p = project();
      const made = await add(idleCluster({ project: p }));
      const tries = Array.from({ length: 10 }, (_, i) =>
        clusters.change(of(p), made._id, rename(`n${String(i)}`), { ifMatch: entityTag(made) }),
      );
      const results = await Promise.allSettled(tries);
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const result of results)
        if (result.status === 'rejected') assert.ok(code('precondition_failed')(result.reason));
    });

    it('appends notifications, keeps those that are pending, and leaves what others own alone', async () => {
      const p = project();
      const made = await add({
        ...idleCluster({ project: p }),
        sequence: 1,
        lease: { owner: 'o', until: new Date(), token: 4 },
        lease_token: 4,
      });
      const accept = (current: StoredCluster): StoredCluster =>
        acceptOperation(
          {
            ...current,
            status: { ...current.status, stack_id: 'not mine to say' },
            lease: null,
            lease_token: 9,
          },
          { kind: CLUSTER, caller: requester(p), requested: 'update', deadlineMs: 1_000 },
        );
      const changed = await clusters.change(of(p), made._id, accept);
      assert.equal(changed.sequence, 2);
      assert.deepEqual(
        changed.pending_events.map(({ event }) => event.sequence),
        ['2'],
      );
      assert.equal(changed.generation, 2);
      assert.deepEqual(changed.status, made.status);
      assert.deepEqual([changed.lease, changed.lease_token], [made.lease, 4]);
    });
  });

  it('refuses an unknown sort key', async () => {
    for (const sortKey of ['spec.node_count', 'constructor', '', '$natural']) {
      await assert.rejects(clusters.list(ALL, { limit: 1, sortKey, sortDir: 'asc' }), code('invalid_field'));
    }
  });
});
