/**
 * Writes the pages of docs/reference that are made from code. With `--check` nothing is written; the process ends with 1 when a page is
 * not what the code says.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { asyncApi } from './reference/asyncapi.ts';
import { configurationPage } from './reference/configuration.ts';
import { errorsPage } from './reference/errors.ts';
import { openApi } from './reference/openapi.ts';

const FOLDER = new URL('../docs/reference/', import.meta.url);

const pages: Record<string, string> = {
  'openapi.json': await openApi(),
  'asyncapi.json': asyncApi(),
  'configuration.md': configurationPage(),
  'errors.md': errorsPage(),
};
const check = process.argv.includes('--check');
await mkdir(FOLDER, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  const path = fileURLToPath(new URL(name, FOLDER));
  if (!check) {
    await writeFile(path, text);
    continue;
  }
  const committed = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (committed === text) continue;
  console.error(`${path} is not what the code says; run npm run generate`);
  process.exitCode = 1;
}
