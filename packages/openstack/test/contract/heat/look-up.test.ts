import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';
import { HeatClient } from '../../../src/heat.ts';
import { heatContract, type StackNames } from './bench.ts';
import { template, TEST } from './templates.ts';

heatContract('finding stacks', (bench) => {
  let ref: StackNames;
  before(async () => {
    const one = template({ a: { type: TEST } }, { outputs: { o: { value: 1 } } });
    ref = await bench.create({ template: one, tags: ['contract', 'cetus'] });
    await bench.settled(ref);
  });

  it('is found by name and by id, and without outputs on demand', async () => {
    assert.equal((await bench.heat.getStack(ref.name))?.id, ref.id);
    assert.equal((await bench.heat.getStack(ref.id))?.stack_name, ref.name);
    assert.equal((await bench.heat.findByName(ref.name))?.id, ref.id);
    assert.equal(await bench.heat.findByName(ref.id), null);
    assert.equal((await bench.heat.getStack(ref, { resolveOutputs: false }))?.outputs, undefined);
    assert.equal(await bench.heat.getStack({ name: 'other', id: ref.id }), null);
  });

  it('is answered by a redirect to both names', async () => {
    const answer = await bench.session.request('orchestration', 'GET', `/stacks/${ref.name}`, {
      accept: (s) => s === 302,
    });
    assert.match(String(answer.headers['location']), new RegExp(`/stacks/${ref.name}/${ref.id}$`));
    assert.equal((answer.body as { title: string }).title, 'Found');
  });

  it('is invisible to another project', async () => {
    const other = bench.cloud.session('demo2', 'demo2');
    assert.equal(await new HeatClient(other).getStack(ref), null);
    const url = `/../${(await bench.session.identity()).projectId ?? ''}/stacks`;
    await assert.rejects(
      other.request('orchestration', 'GET', url),
      (error) => error instanceof OpenStackError && error.status === 403 && error.code === 'HTTPForbidden',
    );
  });

  it('is listed by tag, name and status, page by page', async () => {
    const all: string[] = [];
    for await (const page of bench.heat.listStacks({
      tags: ['contract', 'cetus'],
      status: ['COMPLETE'],
      limit: 1,
    })) {
      assert.equal(page.length, 1);
      all.push(...page.map(({ id }) => id));
    }
    assert.ok(all.includes(ref.id));
    for await (const page of bench.heat.listStacks({ name: ref.name }))
      assert.deepEqual(
        page.map(({ id }) => id),
        [ref.id],
      );
    for await (const page of bench.heat.listStacks({ tags: ['no-such-tag'] }))
      assert.fail(JSON.stringify(page));
  });
});
