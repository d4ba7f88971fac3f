import type { PathRule } from '@cetus/simcloud/sim-cloud';
import { waitFor } from '@cetus/test-kit';
import type { Member } from '../../integration/support/installation.ts';
import { READY_MS, type Stage, type Step } from './step.ts';

export interface RoundResult {
  /** Seconds from the kill to the end, by step; `wrong` when it did not come to that end. */
  steps: Record<string, string>;
  /** Clusters. */
  accepted: string[];
  violations: string[];
}

/** A step on its way. */
interface Running {
  step: Step;
  uuid: string;
  rule?: PathRule;
  acting: Promise<string>;
  /** What kept it from its point. */
  problem?: string;
}

const END_MS = 120_000;

/**
 * Brings a cluster a step to the point at which the conductor is to be killed, kills it once for all of them, starts it again, and
 * waits for their ends; for those of slow steps in `rest`. One that cannot be brought there is wrong too, so that no step passes for another's sake.
 */
export async function runRound(
  stage: Stage,
  conductor: Member,
  steps: readonly Step[],
): Promise<RoundResult & { rest: Promise<RoundResult> }> {
  const { cloud } = stage;
  const all: Running[] = steps.map((step) => ({ step, uuid: '', acting: Promise.resolve('') }));
  /** Side by side; those that have failed go no further. */
  const each = async (run: (one: Running) => Promise<void>): Promise<void> => {
    const going = all.filter(({ problem }) => problem === undefined);
    await Promise.all(
      going.map((one) => run(one).catch((error: unknown) => void (one.problem = String(error)))),
    );
  };

  await each(async (one) => {
    one.uuid = (await one.step.before?.(stage)) ?? '';
    const rule = await one.step.at?.(stage, one.uuid);
    if (rule !== undefined) one.rule = rule;
  });
  const before = (await cloud.stats()).paths;
  await cloud.set({ paths: all.flatMap(({ rule }) => rule ?? []) });
  await each(async (one) => {
    one.acting = one.step.act(stage, one.uuid);
    // Heard of where it is waited for.
    one.acting.catch(() => undefined);
    if (one.step.reached !== undefined) return void (await one.step.reached(stage, one.acting));
    await one.acting;
    const match = one.rule?.match ?? '';
    const came = async (): Promise<boolean> =>
      ((await cloud.stats()).paths[match] ?? 0) > (before[match] ?? 0);
    await waitFor(came, { timeoutMs: READY_MS, what: `a request comes: ${match}` });
  });
  await conductor.kill9();
  const killedAt = Date.now();
  await each(async ({ step, acting }) => void (await step.meanwhile?.(stage, await acting)));
  await cloud.calm();
  await conductor.restart();
  const finish = (slow: boolean): Promise<RoundResult> =>
    finished(
      stage,
      all.filter(({ step }) => (step.slow ?? false) === slow),
      killedAt,
    );
  const rest = finish(true);
  return { ...(await finish(false)), rest };
}

/** Waits until steps are at their ends, and judges. */
async function finished(stage: Stage, all: readonly Running[], killedAt: number): Promise<RoundResult> {
  const { client } = stage;
  const result: RoundResult = { steps: {}, accepted: [], violations: [] };
  await Promise.all(
    all.map(async ({ step, uuid, acting, problem }) => {
      const { name, end } = step;
      try {
        if (problem !== undefined) throw new Error(problem);
        const cluster = await acting;
        result.accepted.push(...new Set([uuid, cluster]));
        await step.then?.(stage, cluster);
        if (end === 'gone') await client.untilGone(cluster, END_MS);
        else await client.until(cluster, end, END_MS);
        await step.proof?.(stage, cluster);
        result.steps[name] = `${((Date.now() - killedAt) / 1_000).toFixed(1)} s`;
      } catch (cause) {
        if (uuid !== '') result.accepted.push(uuid);
        result.steps[name] = 'wrong';
        result.violations.push(`${name}: ${String(cause)}`);
      } finally {
        await step.after?.();
      }
    }),
  );
  result.accepted = [...new Set(result.accepted)].filter(Boolean);
  return result;
}
