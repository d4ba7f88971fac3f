import { cpus, totalmem } from 'node:os';
import { accept } from './accept.ts';
import { applications } from './applications.ts';
import { BenchSystem } from './bench-system.ts';
import { events } from './events.ts';
import { report } from './figures.ts';
import { health } from './health.ts';
import { read } from './read.ts';
import { reconcile } from './reconcile.ts';

/** `npm run bench -- accept|read|reconcile|events|health|applications`, or all of them: one JSON line a figure. The machine should do nothing else. */
const BENCHES = { accept, read, reconcile, events, health, applications };
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  process.stderr.write(`${unknown}: not one of ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}
const [cpu] = cpus();
report({
  machine: `${cpus().length} x ${cpu?.model ?? '?'}`,
  memory_gb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
});
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const system = await BenchSystem.start();
  try {
    await bench(system);
  } finally {
    await system.close();
  }
}
process.exit();
