import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLogger } from '@cetus/shared/service';
import { EngineStartError } from './engine-error.ts';
import { startMongo } from './start-mongo.ts';

/**
 * A MongoDB for other processes: `engine [--temporary] [--end-with-stdin] [data directory]`. Writes `ready mongodb://…` to
 * standard output, logs to standard error, and runs until SIGTERM or SIGINT, or, when asked to, until its standard input is
 * closed. With `--temporary` the data is made in the system's temporary folder and removed at the end.
 */
const { values, positionals } = parseArgs({
  options: { temporary: { type: 'boolean' }, 'end-with-stdin': { type: 'boolean' } },
  allowPositionals: true,
});
const logger = createLogger({
  service: 'mongodb',
  destination: { write: (line: string) => void process.stderr.write(line) },
});
const dataDir = values.temporary
  ? await mkdtemp(join(tmpdir(), 'cetus-mongodb-'))
  : (positionals[0] ?? '.cetus/mongodb');

const told = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => resolve()).once('SIGINT', () => resolve());
  if (values['end-with-stdin'])
    process.stdin
      .on('end', resolve)
      .on('error', () => resolve())
      .resume();
});
try {
  const mongo = await startMongo({ dataDir, logger });
  process.stdout.write(`ready ${mongo.uri}\n`);
  await told;
  await mongo.stop();
} catch (err) {
  if (!(err instanceof EngineStartError)) throw err;
  logger.fatal({ err, output: err.output }, 'MongoDB did not start');
  process.exitCode = 1;
} finally {
  if (values.temporary) await rm(dataDir, { recursive: true, force: true });
}
process.exit();
