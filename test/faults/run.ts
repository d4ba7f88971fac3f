import { killSteps } from './kill-steps.ts';
import { faultOptions } from './options.ts';
import { randomKills } from './random-kills.ts';
import { FaultySystem } from './system.ts';

/**
 * `npm run test:faults [-- all|steps|random [pattern of the names of steps]]`: kills processes and counts what is left. Prints one JSON line a part and ends with 1
 * when something is not as it must be.
 */
const options = faultOptions(process.env, process.argv.slice(2));
const parts = { steps: killSteps, random: randomKills };
let wrong = 0;
for (const [part, run] of Object.entries(parts)) {
  if (options.mode !== 'all' && options.mode !== part) continue;
  process.stderr.write(
    `${part}: SEED=${options.seed} FAULT_SECONDS=${options.seconds} FAULT_CLUSTERS=${options.clusters}\n`,
  );
  const system = await FaultySystem.start();
  try {
    const result = await run(system, options);
    wrong += result.violations.length;
    process.stdout.write(`${JSON.stringify({ part, seed: options.seed, ...result })}\n`);
  } finally {
    await system.close();
  }
}
process.exitCode = wrong === 0 ? 0 : 1;
