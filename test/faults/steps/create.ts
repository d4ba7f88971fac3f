import { waitFor } from '@cetus/test-kit';
import type { PathRule } from '@cetus/simcloud/sim-cloud';
import { create, late, lost, type Driver, type Stage, type Step } from './step.ts';

const LOOK: Record<Driver, string> = {
  heat: '^GET .*/orchestration/.*/stacks',
  magnum: '^GET .*/container-infra/v1/clusters/cetus-',
};
const SEND: Record<Driver, string> = {
  heat: '^POST .*/stacks$',
  magnum: '^POST .*/container-infra/v1/clusters$',
};

function killedAt(driver: Driver, when: string, rule: PathRule, more: Partial<Step> = {}): Step {
  return {
    name: `${driver} create: ${when}`,
    end: 'CREATE_COMPLETE',
    at: () => Promise.resolve(rule),
    act: (stage) => create(stage, driver),
    ...more,
  };
}

/** While it looks, before it has made anything. */
export const looking = (driver: Driver): Step => killedAt(driver, 'while it looks', lost(LOOK[driver]));

/** While the create is on its way, and never arrives. */
export const createLost = (driver: Driver): Step =>
  killedAt(driver, 'the request never arrives', lost(SEND[driver]));

/** While the create is on its way, and arrives when the next conductor has looked. */
export const createLate = (driver: Driver): Step =>
  killedAt(driver, 'the request arrives later', late(SEND[driver]));

/** As before, and meanwhile nobody wants it any more. */
export const createLateDeleted = (driver: Driver): Step =>
  killedAt(driver, 'the request arrives when it is deleted', late(SEND[driver]), {
    end: 'gone',
    slow: true,
    meanwhile: ({ client }, uuid) => client.delete(uuid),
  });

/** When the stack is made, and before anybody has seen it. */
export const stackMade: Step = {
  name: 'heat create: when the stack is made',
  end: 'CREATE_COMPLETE',
  act: (stage) => create(stage, 'heat'),
  reached: async ({ cloud }, acting) => {
    const stack = `cetus-${await acting}`;
    await waitFor(async () => (await cloud.stats()).stacksCreated[stack]);
  },
};

/** While the back end works, and is looked at. */
export const followed = (driver: Driver): Step => ({
  name: `${driver} create: while it is followed`,
  end: 'CREATE_COMPLETE',
  act: (stage) => create(stage, driver),
  reached: (stage, acting) => untilFollowed(stage, acting),
});

async function untilFollowed({ client }: Stage, acting: Promise<string>): Promise<void> {
  const uuid = await acting;
  const seen = async () => (await client.cluster(uuid)).status_reason?.includes('CREATE_IN_PROGRESS');
  await waitFor(seen, { what: `${uuid} is followed` });
}
