import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { figure, live } from './support/suite.ts';

const CLUSTERS = 30;

live(
  'a burst over two APIs and two conductors',
  (on) => {
    it('completes every cluster once, though a conductor is killed in the middle', async function () {
      this.timeout(400_000);
      // A project that nothing else makes clusters in, so that every stack there is one of these.
      const [here, there] = [on.cetus.client(0, 'demo2'), on.cetus.client(1, 'demo2')];
      const heat = on.lab.heat('demo2');
      const stacks = async () => {
        const found = [];
        for await (const page of heat.listStacks({ tags: ['cetus'] })) found.push(...page);
        // Heat lists a stack for a moment after its end.
        return found.filter(({ stack_status }) => stack_status !== 'DELETE_COMPLETE');
      };
      const before = new Set((await stacks()).map(({ id }) => id));
      assert.equal((await here.template('burst')).status, 201);

      const began = Date.now();
      const uuids = await Promise.all(
        Array.from({ length: CLUSTERS }, (_, index) =>
          [here, there][index % 2]!.create({
            name: `burst-${String(index)}`,
            cluster_template_id: 'burst',
            node_count: 1,
          }),
        ),
      );
      figure(`${String(CLUSTERS)} clusters accepted in ${String(Date.now() - began)} ms`);
      const statuses = async (): Promise<string[]> => {
        const answer = await there.send('GET', '/v1/clusters');
        assert.equal(answer.status, 200);
        return (answer.body.clusters as { status: string }[]).map(({ status }) => status);
      };
      assert.equal((await statuses()).length, CLUSTERS);
      // Some stacks are made, others are being made, or asked for.
      await waitFor(async () => (await stacks()).length - before.size >= CLUSTERS / 3, {
        timeoutMs: 120_000,
        what: 'a third of the stacks',
      });
      await on.cetus.conductors[0]?.kill9();
      await waitFor(async () => (await statuses()).every((status) => status === 'CREATE_COMPLETE'), {
        timeoutMs: 240_000,
        what: 'all are complete',
      });
      figure(`all complete after ${String(Math.round((Date.now() - began) / 1000))} s`);

      const made = (await stacks()).filter(({ id }) => !before.has(id));
      assert.deepEqual(
        made.map(({ stack_name }) => stack_name).sort(),
        uuids.map((uuid) => `cetus-${uuid}`).sort(),
      );
      for (const uuid of uuids) {
        const history = await on.lab.stacksOf(uuid, 'demo2');
        assert.equal(history.length, 1, 'a stack was made twice');
      }
      await Promise.all(
        uuids.map((uuid, index) => [here, there][index % 2]!.send('DELETE', `/v1/clusters/${uuid}`)),
      );
      await waitFor(async () => (await statuses()).length === 0, {
        timeoutMs: 240_000,
        what: 'all are deleted',
      });
      figure(`all deleted after ${String(Math.round((Date.now() - began) / 1000))} s`);
      assert.deepEqual(
        (await stacks()).filter(({ id }) => !before.has(id)),
        [],
      );
    });
  },
  () => ({ api: { CETUS_QUOTA_CLUSTERS: '-1' } }),
);
