import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { ask, ClusterBench } from './support.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe('the gate of writes', () => {
  const bench = new ClusterBench();
  beforeEach(() => bench.open());
  afterEach(() => bench.close());

  const make = (name: string): Promise<unknown> =>
    ask(bench.cluster, CONFIG_MAPS, { method: 'POST', body: { metadata: { name } }, timeoutMs: 20_000 });
  const names = async (): Promise<string[]> => {
    const { body } = await ask(bench.cluster, CONFIG_MAPS);
    return (body as { items: { metadata: { name: string } }[] }).items
      .map(({ metadata }) => metadata.name)
      .filter((name) => name !== 'kube-root-ca.crt');
  };

  for (const then of ['hold', 'swallow'] as const) {
    it(`lets some through, and then ${then === 'hold' ? 'carries none out' : 'tells nobody'}`, async () => {
      const { writes } = bench.cluster;
      writes.set({ after: 1, then });
      await make('first');
      const second = assert.rejects(make('second'));
      await waitFor(() => writes.waiting === 1, { what: 'the second waits' });
      assert.equal(writes.passed, 1);
      assert.deepEqual(await names(), then === 'hold' ? ['first'] : ['first', 'second'], 'reads pass');
      writes.set(null);
      await second;
      assert.equal(writes.waiting, 0);
      await make('third');
      assert.deepEqual(await names(), then === 'hold' ? ['first', 'third'] : ['first', 'second', 'third']);
    });
  }

  it('forgets who has gone', async () => {
    const { writes } = bench.cluster;
    writes.set({ after: 0, then: 'hold' });
    const body = { metadata: { name: 'gone' } };
    await assert.rejects(ask(bench.cluster, CONFIG_MAPS, { method: 'POST', body, timeoutMs: 200 }));
    await waitFor(() => writes.waiting === 0, { what: 'nobody waits' });
    writes.set(null);
    assert.deepEqual(await names(), []);
  });
});
