import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { basename, delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Environment } from '@cetus/shared/service';
import { EngineStartError } from './engine-error.ts';

/** The oldest glibc that the embedded engine loads with. */
const NEEDED_GLIBC = [2, 38] as const;
const NEWER_GLIBC = fileURLToPath(
  new URL('../../../../scripts/embedded-mongodb/newer-glibc', import.meta.url),
);
/** The first call may fetch a few megabytes. */
const FETCH_TIMEOUT_MS = 300_000;

/** The full path of a program on the PATH. */
export function findProgram(name: string, environment: Environment): string | undefined {
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return undefined;
}

/**
 * The command that runs Node with a C library new enough for the embedded engine: node itself, or node behind a private
 * dynamic loader where the system's glibc is too old.
 *
 * @throws EngineStartError when the newer library cannot be had.
 */
export async function nodeCommand(environment: Environment): Promise<string[]> {
  const loaded = isLoader(process.execPath);
  const node = loaded ? realNode(environment) : process.execPath;
  // Behind a loader this process's own library says nothing about the system's.
  if (process.platform !== 'linux' || (!loaded && isNewEnough(runtimeGlibc()))) return [node];
  try {
    const { stdout } = await promisify(execFile)(NEWER_GLIBC, { timeout: FETCH_TIMEOUT_MS });
    return [...stdout.split('\n').filter((word) => word !== ''), node];
  } catch (cause) {
    const output = (cause as { stderr?: string }).stderr?.trim() ?? '';
    throw new EngineStartError('the embedded MongoDB needs glibc 2.38 or newer', { cause, output });
  }
}

function isLoader(path: string): boolean {
  return basename(path).startsWith('ld-');
}

function realNode(environment: Environment): string {
  if (isAbsolute(process.argv0) && !isLoader(process.argv0)) return process.argv0;
  const node = findProgram('node', environment);
  if (!node) throw new EngineStartError('there is no node on the PATH');
  return node;
}

/** As Node reports it; undefined with another C library, such as musl. */
function runtimeGlibc(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

function isNewEnough(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > NEEDED_GLIBC[0] || (major === NEEDED_GLIBC[0] && minor >= NEEDED_GLIBC[1]);
}
