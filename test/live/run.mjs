// Runs the live tier: against the cloud that CETUS_LAB_KEYSTONE_URL names, else the lab of test/lab, which is started where it can be.
//   npm run test:live [-- core] [MOCHA-OPTIONS]      core: what every change has to pass; without it, everything
//   CETUS_TEST_NO_SKIP=1: what is not up is a failure
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { fetch, AbortSignal, Buffer, setTimeout, clearTimeout } = globalThis;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const UP = 'test/lab/openstack/up';
const KUBE_UP = 'test/lab/kube/up';
const LIVE = 'test/live';
const HEAT = 'packages/openstack/test/contract/heat';
const MAGNUM = 'packages/openstack/test/contract/magnum';
const tests = (folder, ...names) => names.map((name) => `${folder}/${name}.test.ts`);

/**
 * What runs side by side: back ends wait more than they work, so these take little longer together than one of them alone. `core` is what
 * every change has to pass, within the time of CI; `more` is for a machine with an hour.
 */
const LANES = [
  {
    core: tests(LIVE, 'life-cycle', 'failures', 'tenancy'),
    more: tests(LIVE, 'burst', 'cut-off'),
  },
  {
    core: [...tests(LIVE, 'import'), 'packages/kubernetes/test/contract/**/*.test.ts'],
    more: tests('services/conductor/test/cluster/drivers/heat', 'driver', 'lab'),
  },
  {
    core: [
      'packages/openstack/test/contract/*.test.ts',
      ...tests(HEAT, 'http', 'look-up', 'life', 'refusal'),
      ...tests(MAGNUM, 'administration', 'certificates', 'templates', 'versions'),
    ],
    more: [
      ...tests(HEAT, 'failure', 'resources-and-events', 'update'),
      ...tests(MAGNUM, 'changes', 'failure', 'life', 'upgrade'),
      // Not beside the contract: both have the same resources of Magnum's stacks fail.
      ...tests('services/conductor/test/cluster/drivers/magnum', 'lab'),
    ],
  },
  {
    core: tests(LIVE, 'coe'),
    more: tests(LIVE, 'notifications'),
  },
  {
    // One after the other: they remove what others have left in the cluster.
    core: tests(LIVE, 'applications', 'application-tenants'),
    more: tests(LIVE, 'application-import', 'application-recovery', 'two-clusters', 'autoscaling'),
  },
];

/** Far longer than the longest lane takes, in milliseconds. */
const LANE_MS = { core: 15 * 60_000, all: 45 * 60_000 };

const say = (text) => process.stderr.write(`${text}\n`);
const strict = process.env.CETUS_TEST_NO_SKIP === '1';

/** Magnum is part of the lab, unless somebody says otherwise. */
process.env.CETUS_LAB_MAGNUM ??= '1';

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
    return (await answers(given))
      ? { CETUS_LAB_KEYSTONE_URL: given, CETUS_LAB_DIR: dir }
      : `${given} does not answer`;
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

/** The variables that tell the tests where a real Kubernetes is; without one, what needs it is skipped, and says so. */
function findKubernetes() {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const given = process.env.CETUS_LAB_KUBECONFIG;
  if (given !== undefined) return { CETUS_LAB_KUBECONFIG: given };
  const why = cannotStart();
  if (why !== null) {
    say(`no Kubernetes: it cannot be started: ${why}`);
    return {};
  }
  const kubeconfig = (name) => join(cache, 'cetus/lab/kube', name, 'kubeconfig');
  const wanted = { CETUS_LAB_KUBECONFIG: 'a', ...(part === 'core' ? {} : { CETUS_LAB_KUBECONFIG_B: 'b' }) };
  const found = {};
  for (const [variable, name] of Object.entries(wanted)) {
    if (run(KUBE_UP, [name]) === 0) found[variable] = kubeconfig(name);
    else {
      say(`no Kubernetes ${name}: ${KUBE_UP} failed`);
      if (strict) process.exit(1);
    }
  }
  return found;
}

/** Lanes that run: each leads a group of processes, which ends with this one. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) endGroup(child);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // Ended by itself meanwhile.
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Runs mocha; what it writes is shown at once, or after its end. */
function mocha(specs, lab, live) {
  const args = [
    'node_modules/mocha/bin/mocha.js',
    '--config',
    'test/live/mocharc.json',
    '--no-package',
    ...specs,
  ];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...lab },
    // A group of its own: mocha runs the tests in a child.
    detached: true,
    stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  // A lane that a failed hook keeps alive is ended, and has failed.
  running.add(child);
  const limit = setTimeout(() => endGroup(child), LANE_MS[part]);
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ status: 1, output: Buffer.from(error.message) }));
    child.on('close', (status) => {
      clearTimeout(limit);
      running.delete(child);
      resolve({ status: status ?? 1, output: Buffer.concat(output) });
    });
  });
}

const EVERYTHING = LANES.flatMap(({ core, more }) => [...core, ...more]);
const forgotten = [LIVE, HEAT, MAGNUM]
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`))
  .filter((path) => path.endsWith('.test.ts') && !EVERYTHING.includes(path));
if (forgotten.length > 0) {
  say(`in no lane of test/live/run.mjs: ${forgotten.join(', ')}`);
  process.exit(1);
}
const [first, ...rest] = process.argv.slice(2);
const part = first === 'core' ? 'core' : 'all';
const lab = await findLab();
if (typeof lab === 'string') {
  say(
    `\nSKIPPED THE WHOLE LIVE TIER: ${lab}\n0 suites ran, ${EVERYTHING.length} groups of suites skipped: ${EVERYTHING.join(', ')}`,
  );
  process.exit(strict ? 1 : 0);
}
Object.assign(lab, findKubernetes());
if (run('npx', ['tsc', '-b']) !== 0) process.exit(1);
const began = Date.now();
const given = part === 'core' || first === undefined ? rest : [first, ...rest];
const specsOf = ({ core, more }) => (part === 'core' ? core : [...core, ...more]);
const lanes = given.some((argument) => argument.endsWith('.test.ts'))
  ? [given]
  : LANES.map((lane) => [...specsOf(lane), ...given]);
if (part === 'core')
  say(`\nNOT RUN, only with npm run test:live: ${LANES.flatMap(({ more }) => more).join(', ')}`);
const results = await Promise.all(lanes.map((specs, index) => mocha(specs, lab, index === 0)));
for (const { output } of results) process.stdout.write(output);
const failed = results.filter(({ status }) => status !== 0).length;
const seconds = Math.round((Date.now() - began) / 1000);
say(
  `\nlive tier against ${lab.CETUS_LAB_KEYSTONE_URL}: ${failed === 0 ? 'passed' : 'FAILED'} after ${seconds} s`,
);
process.exit(failed === 0 ? 0 : 1);
