import { waitFor } from '@cetus/test-kit';
import { setTimeout as delay } from 'node:timers/promises';
import { APPLICATION_STEPS, killApplicationSteps } from './applications/kill-application-steps.ts';
import { audit, unrest, type Audit } from './audit.ts';
import { changeLate, changeLost, NEWER } from './steps/change.ts';
import { createLate, createLateDeleted, createLost, followed, looking, stackMade } from './steps/create.ts';
import { NEWER_HEAT, scaleDownWaiting, upgradeWaiting } from './steps/empty.ts';
import { draining, followedHealth } from './steps/follow.ts';
import { importChecked, importTakenIn } from './steps/import.ts';
import { killBetweenPlaceAndInsert, QUOTA_STEP } from './steps/quota.ts';
import { runRound, type RoundResult } from './steps/run-round.ts';
import { LATE_MS, type Stage, type Step } from './steps/step.ts';
import type { FaultOptions } from './options.ts';
import { deadMessages } from './subscriber.ts';
import { MAGNUM_TEMPLATE, type FaultySystem } from './system.ts';

/** What is killed at once. Requests of one round that wait are told apart by their paths. */
const ROUNDS: readonly (readonly Step[])[] = [
  [createLateDeleted('heat'), createLateDeleted('magnum')],
  [looking('heat'), looking('magnum')],
  [
    createLost('heat'),
    createLost('magnum'),
    changeLost('heat', 'resize'),
    changeLost('heat', 'addGroup'),
    changeLost('heat', 'dropGroup'),
    changeLost('heat', 'rollback'),
    changeLost('heat', 'delete'),
    changeLost('magnum', 'resize'),
    changeLost('magnum', 'upgrade'),
    changeLost('magnum', 'addGroup'),
    changeLost('magnum', 'rotate'),
    changeLost('magnum', 'delete'),
  ],
  [
    createLate('heat'),
    createLate('magnum'),
    changeLate('heat', 'resize'),
    changeLate('heat', 'addGroup'),
    changeLate('heat', 'dropGroup'),
    changeLate('heat', 'delete'),
    changeLate('magnum', 'resize'),
    changeLate('magnum', 'upgrade'),
    changeLate('magnum', 'addGroup'),
    changeLate('magnum', 'dropGroup'),
    changeLate('magnum', 'rollback'),
    changeLate('magnum', 'delete'),
    importChecked(),
    draining('heat'),
  ],
  [
    stackMade,
    followed('heat'),
    followed('magnum'),
    importTakenIn(),
    draining('magnum'),
    upgradeWaiting(),
    scaleDownWaiting(),
    followedHealth('heat'),
    followedHealth('magnum'),
  ],
];

/** Kills the conductor at every step of a cluster's and an application's life, and the API within a create; starts them again, and compares. */
export async function killSteps(
  system: FaultySystem,
  { only }: Pick<FaultOptions, 'only'>,
): Promise<Audit & { steps: Record<string, string> }> {
  const { installation, db, rabbit } = system;
  const [api, conductor] = await Promise.all([installation.add('api'), system.addConductor()]);
  const client = await installation.signIn(api);
  const newer = { ...MAGNUM_TEMPLATE, labels: { kube_tag: NEWER } };
  const stage: Stage = {
    cloud: installation.cloud,
    client,
    db,
    templates: {
      heat: await client.template(),
      newerHeat: await client.template({ name: 'newer', labels: { kube_tag: NEWER_HEAT } }),
      magnum: await client.template(MAGNUM_TEMPLATE),
      newer: await client.template(newer),
    },
  };
  const quota = only.test(QUOTA_STEP) ? killBetweenPlaceAndInsert(system) : undefined;
  const done: RoundResult[] = [];
  const slow: Promise<RoundResult>[] = [];
  for (const all of ROUNDS) {
    const round = all.filter(({ name }) => only.test(name));
    if (round.length === 0) continue;
    const started = Date.now();
    const result = await runRound(stage, conductor, round);
    done.push(result);
    slow.push(result.rest);
    const seconds = ((Date.now() - started) / 1_000).toFixed(1);
    process.stderr.write([`${round.length} steps in ${seconds} s`, ...result.violations, ''].join('\n'));
  }
  if (only.test(APPLICATION_STEPS)) {
    const started = Date.now();
    const result = await killApplicationSteps(stage, db, conductor);
    done.push(result);
    const seconds = ((Date.now() - started) / 1_000).toFixed(1);
    process.stderr.write([`${APPLICATION_STEPS} in ${seconds} s`, ...result.violations, ''].join('\n'));
  }
  done.push(...(await Promise.all(slow)), ...(quota === undefined ? [] : [await quota]));
  const violations = done.flatMap((result) => result.violations);
  // What was sent before the last kill may still arrive.
  await delay(LATE_MS);
  await waitFor(async () => Object.values(await unrest(db)).every((count) => count === 0), {
    timeoutMs: 30_000,
    what: 'quiet',
  }).catch((error: unknown) => violations.push(String(error)));
  const accepted = done.flatMap((result) => result.accepted);
  const found = await audit(db, installation.cloud, accepted, {}, { createdOnce: true });
  const dead = await deadMessages(rabbit.url);
  violations.push(...found.violations, ...dead.reasons.map((reason) => `dead: ${reason}`));
  const steps = Object.assign({}, ...done.map((result) => result.steps)) as Record<string, string>;
  return { steps, counts: { ...found.counts, steps: Object.keys(steps).length }, violations };
}
