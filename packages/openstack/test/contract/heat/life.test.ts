import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { isStackExists, OpenStackError } from '../../../src/errors.ts';
import { outputsOf, type Stack } from '../../../src/heat.ts';
import { heatContract, type StackNames } from './bench.ts';
import { CLUSTER, template, TEST, TIME } from './templates.ts';

heatContract('life of a stack', (bench) => {
  describe('a stack from birth to death', () => {
    let ref: StackNames;
    let stack: Stack;
    before(async () => {
      ref = await bench.create({ template: CLUSTER, tags: ['contract', 'cetus'], timeoutMins: 5 });
    });

    it('is there at once, under way, its name taken', async () => {
      const early = await bench.heat.getStack(ref);
      assert.match(early?.stack_status ?? '', /^CREATE_(IN_PROGRESS|COMPLETE)$/);
      await assert.rejects(bench.heat.createStack({ name: ref.name, template: CLUSTER }), (error) =>
        isStackExists(error),
      );
    });

    it('is completed, with all that a stack says', async () => {
      stack = await bench.settled(ref);
      assert.equal(stack.stack_status, 'CREATE_COMPLETE');
      assert.equal(stack.stack_status_reason, 'Stack CREATE completed successfully');
      assert.match(stack.creation_time, TIME);
      assert.equal(stack.updated_time, null);
      assert.equal(stack.deletion_time, null);
      assert.deepEqual([...(stack.tags ?? [])].sort(), ['cetus', 'contract']);
      assert.equal(stack.timeout_mins, 5);
      assert.equal(stack.disable_rollback, true);
      assert.equal(stack.parent, null);
      assert.equal(stack.stack_owner, 'demo');
      assert.equal(stack.parameters['count'], '2');
      assert.equal(stack.parameters['fail'], 'False');
      assert.equal(stack.parameters['hidden'], '******');
      assert.equal(stack.parameters['OS::stack_id'], ref.id);
    });

    it('has outputs', () => {
      const outputs = outputsOf(stack) as Record<string, string[]>;
      assert.equal(outputs['refs']?.length, 2);
      assert.deepEqual(outputs['map'], { 0: outputs['refs'][0], 1: outputs['refs'][1] });
      for (const address of outputs['addresses'] ?? []) assert.match(address, /^127\.2\d\.\d+\.\d+$/);
      assert.deepEqual(outputs['attributes'], {
        0: outputs['addresses']?.[0],
        1: outputs['addresses']?.[1],
      });
      assert.equal(outputs['first'], outputs['addresses']?.[0]);
      assert.match(String(outputs['secret']), /^[A-Za-z0-9]{12}$/);
      assert.equal(outputs['secret_ref'], outputs['secret']);
      assert.equal(outputs['last'], 'done');
      const described = stack.outputs?.find((output) => output.output_key === 'addresses');
      assert.equal(described?.description, 'where they are');
    });

    it('is deleted; its id is remembered, its name is free, deleting again is fine', async () => {
      await bench.heat.deleteStack(ref.name);
      const going = await bench.heat.getStack(ref);
      assert.match(going?.stack_status ?? '', /^DELETE_/);
      let gone = await bench.settled(ref);
      assert.equal(gone.stack_status, 'DELETE_COMPLETE');
      while (gone.deletion_time === null) {
        await delay(50);
        gone = await bench.settled(ref);
      }
      assert.match(gone.deletion_time, TIME);
      assert.equal(gone.outputs, undefined);
      assert.equal((await bench.heat.getStack(ref.id))?.stack_status, 'DELETE_COMPLETE');
      assert.equal(await bench.heat.findByName(ref.name), null);
      assert.equal(await bench.heat.getStack(ref.name), null);
      await bench.heat.deleteStack(ref);
      await bench.heat.deleteStack(ref.name);
      assert.deepEqual(await bench.heat.listResources(ref), []);
      assert.equal((await bench.heat.listEvents(ref, { limit: 1 }))[0]?.resource_status, 'DELETE_COMPLETE');
      assert.deepEqual(await bench.heat.listEvents(ref, { nestedDepth: 1 }), []);
      await assert.rejects(
        bench.heat.updateStack(ref, {}),
        (error) => error instanceof OpenStackError && error.status === 404 && error.code === 'EntityNotFound',
      );
    });
  });

  it('deletes a stack that is being created', async () => {
    const resources = {
      slow: { type: TEST, properties: { action_wait_secs: { create: 3, delete: 0 } } },
      b: { type: TEST, depends_on: 'slow' },
    };
    const ref = await bench.create({ template: template(resources) });
    await bench.heat.deleteStack(ref);
    assert.equal((await bench.settled(ref)).stack_status, 'DELETE_COMPLETE');
  });
});
