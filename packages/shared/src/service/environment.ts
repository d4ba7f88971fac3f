/** The variables of a process, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The process's own environment. The only place that reads `process.env`: everything else is given its configuration, so
 * that several services can run in one process, and tests need not change global state.
 */
export function processEnvironment(): Environment {
  return process.env;
}
