import { setTimeout as delay } from 'node:timers/promises';
import type { StoredCluster } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import type { CetusClient } from '../integration/support/cetus-client.ts';
import type { CloudClient } from '../integration/support/cloud-client.ts';
import type { Member } from '../integration/support/installation.ts';
import { audit, unrest, type Audit } from './audit.ts';
import { deadMessages } from './subscriber.ts';
import type { FaultySystem } from './system.ts';

/** What a step may use. */
interface Stage {
  cloud: CloudClient;
  client: CetusClient;
  conductor: Member;
  system: FaultySystem;
  template: string;
}

/** One point of a cluster's life at which the conductor is killed. Answers the cluster. */
interface Step {
  name: string;
  run: (stage: Stage) => Promise<string>;
  /** How it must end. */
  end: 'CREATE_COMPLETE' | 'UPDATE_COMPLETE' | 'gone';
}

const POST_STACK = '^POST .*/stacks$';
/** Longer than a lease, so that the next conductor looks before the stack is there. */
const SLOW_MS = 15_000;
const SENT_MS = 1_000;

const STEPS: readonly Step[] = [
  {
    name: 'while it looks for the stack, before it has made anything',
    end: 'CREATE_COMPLETE',
    run: (stage) => killInHang(stage, '^GET .*/orchestration/.*/stacks', () => create(stage)),
  },
  {
    name: 'while the request to create the stack is on its way, and never arrives',
    end: 'CREATE_COMPLETE',
    run: (stage) => killInHang(stage, POST_STACK, () => create(stage)),
  },
  {
    name: 'while the request to create the stack is on its way, and arrives',
    end: 'CREATE_COMPLETE',
    run: async (stage) => {
      const uuid = await createSlowly(stage);
      await stage.conductor.kill9();
      return uuid;
    },
  },
  {
    name: 'while the request to create the stack is on its way, and the cluster is deleted then',
    end: 'gone',
    run: async (stage) => {
      const uuid = await createSlowly(stage);
      await stage.conductor.kill9();
      await stage.client.delete(uuid);
      return uuid;
    },
  },
  {
    name: 'when the stack is made',
    end: 'CREATE_COMPLETE',
    run: async (stage) => {
      const uuid = await create(stage);
      await waitFor(async () => (await stage.cloud.stats()).stacksCreated[`cetus-${uuid}`]);
      await stage.conductor.kill9();
      return uuid;
    },
  },
  {
    name: 'while the stack is followed',
    end: 'CREATE_COMPLETE',
    run: async (stage) => {
      const uuid = await create(stage);
      await waitFor(async () =>
        (await stage.client.cluster(uuid)).status_reason?.includes('CREATE_IN_PROGRESS'),
      );
      await stage.conductor.kill9();
      return uuid;
    },
  },
  {
    name: 'while the request to update the stack is on its way, and never arrives',
    end: 'UPDATE_COMPLETE',
    run: async (stage) => {
      const uuid = await create(stage);
      await stage.client.until(uuid, 'CREATE_COMPLETE', 30_000);
      return killInHang(stage, '^(PUT|PATCH) .*/stacks/', async () => {
        await stage.client.resize(uuid, 3);
        return uuid;
      });
    },
  },
  {
    name: 'while the request to delete the stack is on its way, and never arrives',
    end: 'gone',
    run: async (stage) => {
      const uuid = await create(stage);
      await stage.client.until(uuid, 'CREATE_COMPLETE', 30_000);
      return killInHang(stage, '^DELETE .*/stacks/', async () => {
        await stage.client.delete(uuid);
        return uuid;
      });
    },
  },
];

/** Kills the conductor at every step of a cluster's life, starts it again, and compares. */
export async function createSteps(system: FaultySystem): Promise<Audit & { steps: Record<string, string> }> {
  const { installation, db, rabbit } = system;
  const [api, conductor] = await Promise.all([installation.add('api'), installation.add('conductor')]);
  const client = await installation.signIn(api);
  const stage: Stage = {
    cloud: installation.cloud,
    client,
    conductor,
    system,
    template: await client.template(),
  };
  const accepted: string[] = [];
  const violations: string[] = [];
  const steps: Record<string, string> = {};
  for (const step of STEPS) {
    const started = Date.now();
    const uuid = await step.run(stage);
    accepted.push(uuid);
    await installation.cloud.calm();
    await conductor.restart();
    try {
      await (step.end === 'gone' ? client.untilGone(uuid, 120_000) : client.until(uuid, step.end, 60_000));
      steps[step.name] = `${((Date.now() - started) / 1_000).toFixed(1)} s`;
    } catch (error) {
      steps[step.name] = 'wrong';
      violations.push(`${step.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  // What was sent before a kill may still arrive.
  await delay(SLOW_MS);
  await waitFor(async () => Object.values(await unrest(db)).every((count) => count === 0), {
    timeoutMs: 30_000,
    what: 'quiet',
  }).catch((error: unknown) => violations.push(String(error)));
  const found = await audit(db, installation.cloud, accepted, {});
  const dead = await deadMessages(rabbit.url);
  violations.push(...found.violations, ...dead.reasons.map((reason) => `dead: ${reason}`));
  return { steps, counts: found.counts, violations };
}

function create({ client, template }: Stage): Promise<string> {
  return client.create(template, { name: 'step' });
}

/** Lets a request hang, waits until one does, and kills the conductor that waits for it. */
async function killInHang(
  { cloud, conductor }: Stage,
  match: string,
  act: () => Promise<string>,
): Promise<string> {
  const before = (await cloud.stats()).injected.hangs;
  await cloud.set({ paths: [{ match, hang: true }] });
  const uuid = await act();
  await waitFor(async () => (await cloud.stats()).injected.hangs > before, {
    what: `a request hangs: ${match}`,
  });
  await conductor.kill9();
  return uuid;
}

/** The cloud takes the request and carries it out later, whether or not its sender still lives. */
async function createSlowly(stage: Stage): Promise<string> {
  await stage.cloud.set({ paths: [{ match: POST_STACK, latencyMs: SLOW_MS }] });
  const uuid = await create(stage);
  const clusters = stage.system.db.collection<StoredCluster>('clusters');
  await waitFor(async () => (await clusters.findOne({ _id: uuid }))?.status.secrets != null, {
    what: 'it is about to be created',
  });
  // Nothing tells that a request has arrived; it is sent within milliseconds, and carried out in seconds.
  await delay(SENT_MS);
  return uuid;
}
