import { createHash } from 'node:crypto';
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { EngineStartError } from './engine-error.ts';

/** What `connect` takes on every system: Linux allows 107 bytes, macOS 103. */
const MAX_SOCKET_PATH = 103;
/** The longest name that is put below the run directory: the embedded engine's own first place for its socket. */
const LONGEST_NAME = join('embedded-mongodb-XXXXXX', 'mongodb.sock');

/**
 * The folder for sockets, private to the user: `run` in the data directory, or, where the socket's path would be too long
 * for the system, one in the system's temporary folder that is named after the data directory. The same data directory always
 * has the same one, so that clients find the engine again after it was restarted.
 *
 * @throws EngineStartError when the folder in the temporary directory belongs to somebody else.
 */
export async function runDirectory(dataDir: string, temporary = tmpdir()): Promise<string> {
  const real = await realpath(dataDir);
  const near = join(real, 'run');
  if (Buffer.byteLength(join(near, LONGEST_NAME)) <= MAX_SOCKET_PATH) return privateDirectory(near);
  const name = `cetus-${createHash('sha256').update(real).digest('hex').slice(0, 16)}`;
  return privateDirectory(join(await realpath(temporary), name));
}

async function privateDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  // Who can enter the folder can use the database: it asks for no password.
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0) {
    throw new EngineStartError(`${path} is not a folder of this user alone (mode 0700)`);
  }
  return path;
}
