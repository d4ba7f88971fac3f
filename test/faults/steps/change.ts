import { strict as assert } from 'node:assert';
import type { PathRule } from '@cetus/simcloud/sim-cloud';
import { kubeconfigOf, nodesOf } from '../../integration/support/cluster-access.ts';
import {
  addGroup,
  groupsOf,
  late,
  lost,
  made,
  madeWithGroup,
  READY_MS,
  stored,
  untilCondition,
  type Driver,
  type Stage,
  type Step,
} from './step.ts';

interface Change extends Pick<Step, 'end' | 'proof'> {
  name: string;
  before?: (stage: Stage, driver: Driver) => Promise<string>;
  ask: (stage: Stage, uuid: string) => Promise<unknown>;
  /** The request to Magnum, after the path of the cluster; one with `^` is whole. Null: this is not for Magnum. */
  magnum: string | null;
  heat: string | null;
}

const UPDATE = '^(PUT|PATCH) .*/stacks/STACK';

/** What is done to clusters that are there, and the request that each of the drivers sends for it. */
const CHANGES = {
  resize: {
    name: 'resize',
    end: 'UPDATE_COMPLETE',
    ask: ({ client }, uuid) => client.resize(uuid, 3),
    magnum: '^POST .*/clusters/CLUSTER/actions/resize',
    heat: UPDATE,
    proof: async (stage, uuid) => assert.equal((await groupsOf(stage, uuid))['default-worker'], 3),
  },
  upgrade: {
    name: 'upgrade',
    end: 'UPDATE_COMPLETE',
    ask: ({ client, templates }, uuid) =>
      client.ok(`/v1/clusters/${uuid}/actions/upgrade`, {
        method: 'POST',
        body: { cluster_template: templates.newer },
      }),
    magnum: '^POST .*/clusters/CLUSTER/actions/upgrade',
    heat: null,
    proof: async (stage, uuid) => {
      const versions = (await stored(stage, uuid)).status.node_groups.map(({ version }) => version);
      assert.deepEqual(versions, [NEWER, NEWER]);
    },
  },
  addGroup: {
    name: 'node group create',
    end: 'UPDATE_COMPLETE',
    ask: addGroup,
    magnum: '^POST .*/clusters/CLUSTER/nodegroups',
    heat: UPDATE,
    proof: async (stage, uuid) => assert.equal((await groupsOf(stage, uuid))['pool'], 1),
  },
  dropGroup: {
    name: 'node group delete',
    end: 'UPDATE_COMPLETE',
    before: madeWithGroup,
    ask: ({ client }, uuid) => client.ok(`/v1/clusters/${uuid}/nodegroups/pool`, { method: 'DELETE' }),
    magnum: '^DELETE .*/clusters/CLUSTER/nodegroups/',
    heat: UPDATE,
    proof: async (stage, uuid) => assert.ok(!('pool' in (await groupsOf(stage, uuid)))),
  },
  rollback: {
    name: 'rollback',
    end: 'ROLLBACK_COMPLETE',
    before: failed,
    ask: ({ client }, uuid) =>
      client.ok(`/v1/clusters/${uuid}/actions/rollback`, { method: 'POST', body: {} }),
    magnum: '^POST .*/clusters/CLUSTER/actions/resize',
    heat: UPDATE,
    proof: async (stage, uuid) => assert.equal((await groupsOf(stage, uuid))['default-worker'], 1),
  },
  rotate: {
    name: 'rotate-ca',
    end: 'UPDATE_COMPLETE',
    ask: ({ client }, uuid) => client.ok(`/v1/certificates/${uuid}`, { method: 'PATCH' }),
    magnum: '^PATCH .*/certificates/CLUSTER',
    heat: null,
    proof: async (stage, uuid) => {
      await untilCondition(stage, uuid, 'Reachable', 'True');
      assert.equal((await nodesOf(await kubeconfigOf(stage.client, uuid))).length, 2);
    },
  },
  delete: {
    name: 'delete',
    end: 'gone',
    ask: ({ client }, uuid) => client.delete(uuid),
    magnum: '^DELETE .*/clusters/CLUSTER$',
    heat: '^DELETE .*/stacks/STACK',
  },
} satisfies Record<string, Change>;

/** The version of the template that is upgraded to. */
export const NEWER = 'v1.33.2';

/** While the request for a change is on its way, and never arrives. */
export const changeLost = (driver: Driver, change: keyof typeof CHANGES): Step =>
  killedAt(driver, CHANGES[change], 'the request never arrives', lost);

/** While it is on its way, and arrives when the next conductor has looked. */
export const changeLate = (driver: Driver, change: keyof typeof CHANGES): Step =>
  killedAt(driver, CHANGES[change], 'the request arrives later', late);

function killedAt(driver: Driver, change: Change, when: string, rule: (match: string) => PathRule): Step {
  const { end, before = made, ask, proof } = change;
  return {
    name: `${driver} ${change.name}: ${when}`,
    end,
    before: (stage) => before(stage, driver),
    at: async (stage, uuid) => rule(await pathOf(stage, uuid, driver, change)),
    act: async (stage, uuid) => {
      await ask(stage, uuid);
      return uuid;
    },
    ...(proof === undefined ? {} : { proof }),
  };
}

async function pathOf(stage: Stage, uuid: string, driver: Driver, change: Change): Promise<string> {
  const path = change[driver];
  if (path === null) throw new TypeError(`${change.name} is nothing that is done with ${driver}`);
  const { driver_state } = (await stored(stage, uuid)).status;
  return path.replace('STACK', `cetus-${uuid}`).replace('CLUSTER', String(driver_state['uuid']));
}

/** A cluster whose last update has failed. */
async function failed(stage: Stage, driver: Driver): Promise<string> {
  const uuid = await made(stage, driver);
  // Magnum's stacks have the beginning of the name of the cluster.
  const stack = `stack:${`cetus-${uuid}`.slice(0, 30)}*`;
  await stage.cloud.faults({ [stack]: { create: { fail: 'No valid host was found.' } } });
  await stage.client.resize(uuid, 3);
  await stage.client.until(uuid, 'UPDATE_FAILED', READY_MS);
  await stage.cloud.faults({});
  return uuid;
}
