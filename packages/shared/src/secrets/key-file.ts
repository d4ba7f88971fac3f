import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeyRing } from './key-ring.ts';
import { SecretError } from './secret-error.ts';

/**
 * The key ring of a file; the first process to ask makes it, with one random key, readable by its user alone (mode 0600).
 * For an installation of one machine: where there are several, give every service the same `CETUS_SECRET_KEYS`.
 *
 * @throws SecretError `key_ring_invalid` when the file is readable by others or is not a key ring; errors of the file system.
 */
export async function loadOrCreateKeyRing(file: string): Promise<KeyRing> {
  return (await loadKeyRing(file)) ?? (await createKeyRing(file));
}

async function loadKeyRing(file: string): Promise<KeyRing | undefined> {
  let mode: number;
  try {
    ({ mode } = await stat(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if ((mode & 0o077) !== 0) {
    throw new SecretError(
      'key_ring_invalid',
      `${file} can be read by others: chmod 600 it, or replace its keys`,
    );
  }
  return KeyRing.parse(await readFile(file, 'utf8'));
}

async function createKeyRing(file: string): Promise<KeyRing> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${KeyRing.generate('k1')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link appears whole or not at all, and never replaces the file of a process that was quicker.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  // The secrets sealed from now on must not outlive their key in a power cut.
  const folder = await open(dirname(file));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  const ring = await loadKeyRing(file);
  if (!ring) throw new SecretError('key_ring_invalid', `${file} was removed while it was being made`);
  return ring;
}
