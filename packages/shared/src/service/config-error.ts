/** What is wrong with one variable. */
export interface ConfigProblem {
  variable: string;
  message: string;
}

/** The environment is not a configuration of the service. Holds every problem, so that an operator mends all at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ variable, message }) => `${variable} ${message}`).join('; '));
    this.problems = problems;
  }
}
