import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PLACES = {
  api: 'services/api',
  conductor: 'services/conductor',
  'all-in-one': 'services/all-in-one',
  simcloud: 'packages/simcloud',
} as const;
export type ProgramName = keyof typeof PLACES;

/** `source` needs no build and starts in two seconds; `build` is what runs in production. */
export type ProgramForm = 'source' | 'build';

/** The command that runs one of the programs. */
export function program(
  name: ProgramName,
  form: ProgramForm,
  nodeArgs: readonly string[] = [],
): [string, ...string[]] {
  const place = `${ROOT}${PLACES[name]}`;
  return form === 'build'
    ? [process.execPath, ...nodeArgs, `${place}/dist/main.js`]
    : [
        process.execPath,
        '--conditions=@cetus/source',
        '--import',
        'tsx',
        ...nodeArgs,
        `${place}/src/main.ts`,
      ];
}

/** Where programs are run, so that `tsx` and the packages are found. */
export const PROGRAM_FOLDER = ROOT;
