// Runs one service alone: npm run service -- api
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAINS = {
  api: 'services/api/dist/main.js',
  conductor: 'services/conductor/dist/main.js',
  'all-in-one': 'services/all-in-one/dist/main.js',
  simcloud: 'packages/simcloud/dist/main.js',
};

const [name = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(MAINS, name)) {
  process.stderr.write(`usage: npm run service -- ${Object.keys(MAINS).join('|')} [--help]\n`);
  process.exit(2);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const child = spawn(
  process.execPath,
  ['--import', '@cetus/shared/telemetry/register', MAINS[name], ...args],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));
