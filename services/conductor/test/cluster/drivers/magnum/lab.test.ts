import assert from 'node:assert/strict';
import type { Backbone } from '@cetus/shared/backbone';
import type { Logger } from '@cetus/shared/service';
import { requireOrSkip, waitFor } from '@cetus/test-kit';
import { magnumNotifications } from '../../../../src/cluster/drivers/magnum/magnum-notifications.ts';
import { targets } from '../openstack/clouds.ts';
import { MagnumDriverBench } from './driver-bench.ts';
import { magnumDriverStories } from './stories.ts';

const [, lab] = targets;
const amqpUrl = process.env.CETUS_LAB_MAGNUM_AMQP_URL;

describe('the magnum driver on a real Magnum', function () {
  this.timeout(600_000);
  if (lab !== undefined) magnumDriverStories(() => MagnumDriverBench.start(lab));
  else {
    it('is held to its stories', function () {
      requireOrSkip(this, lab, 'no lab is up (CETUS_LAB_KEYSTONE_URL)');
    });
  }
});

describe("a real Magnum's notifications", function () {
  this.timeout(120_000);

  it('have a cluster looked at when it was created', async function () {
    requireOrSkip(
      this,
      lab !== undefined && amqpUrl,
      "the lab's Magnum is not heard (CETUS_LAB_MAGNUM_AMQP_URL)",
    );
    const woken: { id: string; project_id: string }[] = [];
    const publishCommand = (command: (typeof woken)[number]): Promise<void> => {
      woken.push(command);
      return Promise.resolve();
    };
    const warn = (): void => undefined;
    const heard = magnumNotifications({
      url: amqpUrl,
      backbone: { bus: { publishCommand } } as unknown as Backbone,
      logger: { warn } as unknown as Logger,
    });
    const bench = await MagnumDriverBench.start(lab);
    try {
      await heard.start();
      assert.equal(await bench.settled(), 'CREATE_COMPLETE');
      const { _id, project_id } = bench.cluster;
      await waitFor(() => woken.some(({ id }) => id === _id), {
        timeoutMs: 30_000,
        what: 'the cluster is woken',
      });
      assert.ok(woken.filter(({ id }) => id === _id).every((command) => command.project_id === project_id));
    } finally {
      await heard.stop();
      await bench.clear();
      await bench.close();
    }
  });
});
