// Runs the live tier: against the cloud that CETUS_LAB_KEYSTONE_URL names, else the lab of test/lab, which is started where it can be.
//   npm run test:live [-- MOCHA-OPTIONS]      CETUS_TEST_NO_SKIP=1: what is not up is a failure
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const UP = 'test/lab/openstack/up';
const SPECS = [
  'packages/openstack/test/contract/**/*.test.ts',
  'services/conductor/test/cluster/drivers/heat/lab.test.ts',
  'test/live/**/*.test.ts',
];

const say = (text) => process.stderr.write(`${text}\n`);
const strict = process.env.CETUS_TEST_NO_SKIP === '1';

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env });
  if (error) say(`${command}: ${error.message}`);
  return status ?? 1;
}

async function answers(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}

/** Why the lab cannot be started here; null when it can. */
function cannotStart() {
  if (process.getuid?.() !== 0) return 'it needs root, to install packages';
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID=debian$/m.test(release) && /^VERSION_ID="12"$/m.test(release) ? null : 'it needs Debian 12';
}

/** The variables that tell the tests where the lab is; or why there is none. */
async function findLab() {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const dir = process.env.CETUS_LAB_DIR ?? join(cache, 'cetus/lab/openstack');
  const given = process.env.CETUS_LAB_KEYSTONE_URL;
  if (given !== undefined) {
    return (await answers(given)) ? { CETUS_LAB_KEYSTONE_URL: given, CETUS_LAB_DIR: dir } : `${given} does not answer`;
  }
  const url = `http://127.0.0.1:${5000 + Number(process.env.CETUS_LAB_PORT_OFFSET ?? 0)}/v3`;
  const why = cannotStart();
  const up = await answers(url);
  // `up` starts what has ended and leaves the rest alone; a cloud that is not the lab's is only used.
  if (why === null && (!up || existsSync(join(dir, 'run')))) {
    if (run(UP, []) !== 0) return `${UP} failed`;
  } else if (!up) return `no Keystone answers at ${url}, and the lab cannot be started: ${why}`;
  return { CETUS_LAB_KEYSTONE_URL: url, CETUS_LAB_DIR: dir };
}

const lab = await findLab();
if (typeof lab === 'string') {
  say(`\nSKIPPED THE WHOLE LIVE TIER: ${lab}\n0 suites ran, ${SPECS.length} groups of suites skipped: ${SPECS.join(', ')}`);
  process.exit(strict ? 1 : 0);
}
if (run('npx', ['tsc', '-b']) !== 0) process.exit(1);
const began = Date.now();
const options = process.argv.slice(2);
const specs = options.some((option) => option.endsWith('.test.ts')) ? [] : SPECS;
const status = run(
  process.execPath,
  ['node_modules/mocha/bin/mocha.js', '--config', 'test/live/mocharc.json', '--no-package', ...specs, ...options],
  { ...process.env, ...lab },
);
say(`\nlive tier against ${lab.CETUS_LAB_KEYSTONE_URL}: ${status === 0 ? 'passed' : 'FAILED'} after ${Math.round((Date.now() - began) / 1000)} s`);
process.exit(status);
