import assert from 'node:assert/strict';
import { kubernetesContract, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

interface WatchEvent {
  type: string;
  object: Thing;
}

kubernetesContract('watches', (bench) => {
  const path = (): string => bench.path('configmaps');
  const make = (data: Record<string, string> = {}, labels: Record<string, string> = {}): Promise<Thing> =>
    bench.post(path(), { metadata: { name: uniqueName('watched'), labels }, data });

  /** Events of a watch until the probe has had enough; the watch is ended then. */
  const watch = async (
    query: Record<string, string | number | boolean>,
    enough: (events: WatchEvent[]) => boolean,
    { at = path(), begun }: { at?: string; begun?: () => Promise<unknown> } = {},
  ): Promise<WatchEvent[]> => {
    const ended = new AbortController();
    const { body } = await bench.connection.stream(at, {
      query: { watch: true, ...query },
      signal: ended.signal,
    });
    await begun?.();
    const events: WatchEvent[] = [];
    let rest = '';
    for await (const chunk of body) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      events.push(...lines.map((line) => JSON.parse(line) as WatchEvent));
      if (enough(events)) break;
    }
    ended.abort();
    return events;
  };
  const version = async (): Promise<string> => (await bench.list(path())).metadata.resourceVersion;
  const seen = (events: WatchEvent[]): string[][] =>
    events.map(({ type, object }) => [type, object.metadata.name]);

  it('tell what changed since a resource version, in order', async () => {
    const resourceVersion = await version();
    const one = await make();
    const at = `${path()}/${one.metadata.name}`;
    await bench.patch(at, { data: { a: '1' } }, { type: 'application/merge-patch+json' });
    await bench.delete(at);
    const events = await watch({ resourceVersion }, ({ length }) => length === 3);
    const name = one.metadata.name;
    assert.deepEqual(seen(events), [
      ['ADDED', name],
      ['MODIFIED', name],
      ['DELETED', name],
    ]);
    assert.deepEqual([events[0]?.object.kind, events[0]?.object.apiVersion], ['ConfigMap', 'v1']);
    assert.deepEqual(events[2]?.object['data'], { a: '1' });
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    // A deletion is a change of its own: its object has the version of the deletion.
    assert.ok(versions.every((one, index) => index === 0 || one > (versions[index - 1] ?? 0)));
  });

  it('go on with what happens later', async () => {
    const resourceVersion = await version();
    const watched = watch({ resourceVersion }, ({ length }) => length === 1);
    const one = await make();
    assert.deepEqual(seen(await watched), [['ADDED', one.metadata.name]]);
  });

  it('without a resource version begin with what is there', async () => {
    const group = uniqueName('there');
    const one = await make({}, { group });
    const events = await watch({ labelSelector: `group=${group}` }, ({ length }) => length === 1);
    assert.deepEqual(seen(events), [['ADDED', one.metadata.name]]);
  });

  it('tell whoever selects that something came into the selection and left it', async () => {
    const group = uniqueName('select');
    const resourceVersion = await version();
    const one = await make();
    const at = `${path()}/${one.metadata.name}`;
    const merge = { type: 'application/merge-patch+json' };
    await bench.patch(at, { metadata: { labels: { group } } }, merge);
    await bench.patch(at, { data: { a: '1' } }, merge);
    await bench.patch(at, { metadata: { labels: { group: null } } }, merge);
    const events = await watch(
      { resourceVersion, labelSelector: `group=${group}` },
      ({ length }) => length === 3,
    );
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
  });

  it('end after the time that was asked for', async () => {
    const resourceVersion = await version();
    assert.deepEqual(await watch({ resourceVersion, timeoutSeconds: 1 }, () => false), []);
  });

  it('send bookmarks to who asks for them, with nothing but a resource version', async function () {
    this.timeout(180_000);
    const resourceVersion = await version();
    // Old servers mark only what has happened since the watch began.
    let one: Thing | undefined;
    const events = await watch(
      { resourceVersion, allowWatchBookmarks: true, timeoutSeconds: bench.cluster.bookmarkSeconds },
      (events) => events.some(({ type }) => type === 'BOOKMARK'),
      { begun: async () => (one = await make()) },
    );
    const bookmark = events.find(({ type }) => type === 'BOOKMARK');
    assert.ok(bookmark && one, 'a bookmark comes before the end');
    assert.equal(bookmark.object.kind, 'ConfigMap');
    assert.ok(Number(bookmark.object.metadata.resourceVersion) >= Number(one.metadata.resourceVersion));
    assert.equal(bookmark.object.metadata.name, undefined);
  });

  it('of what is forgotten end with Expired', async () => {
    const [event] = await watch({ resourceVersion: 1 }, ({ length }) => length === 1);
    assert.equal(event?.type, 'ERROR');
    const { kind, code, reason } = event.object;
    assert.deepEqual({ kind, code, reason }, { kind: 'Status', code: 410, reason: 'Expired' });
  });

  it('of one object are of that one only', async () => {
    const resourceVersion = await version();
    const [, two] = [await make(), await make()];
    const events = await watch(
      { resourceVersion, fieldSelector: `metadata.name=${two.metadata.name}` },
      ({ length }) => length === 1,
    );
    assert.deepEqual(seen(events), [['ADDED', two.metadata.name]]);
  });
});
