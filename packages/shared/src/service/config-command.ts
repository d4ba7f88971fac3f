import type { Static, TObject } from 'typebox';
import { ConfigError } from './config-error.ts';
import { configurationHelp } from './config-text.ts';
import { processEnvironment, type Environment } from './environment.ts';
import { loadConfig, type LoadConfigOptions } from './load-config.ts';

export interface ConfigCommandOptions extends LoadConfigOptions {
  /** Default: the process's own. */
  environment?: Environment;
  /** The arguments after the program's name. Default: the process's own. */
  args?: readonly string[];
}

/**
 * The first line of every `main`: reads the configuration of the process. `--help` prints the variables and ends the
 * process with 0; a configuration that cannot be used prints every problem to standard error and ends it with 1.
 */
export function configOrExit<T extends TObject>(
  name: string,
  schema: T,
  options: ConfigCommandOptions = {},
): Readonly<Static<T>> {
  const args = options.args ?? process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(configurationHelp(name, schema));
    process.exit(0);
  }
  try {
    return loadConfig(schema, options.environment ?? processEnvironment(), options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.problems.map(({ variable, message }) => `  ${variable} ${message}\n`);
    process.stderr.write(
      `${name}: the configuration cannot be used\n${lines.join('')}Run with --help for every variable.\n`,
    );
    process.exit(1);
  }
}
