/** MongoDB could not be started here; the message says what to do, the cause or the process's last words why. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
  /** The last of what the process wrote to standard error. */
  readonly output: string;

  constructor(message: string, options: { cause?: unknown; output?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.output = options.output ?? '';
  }
}
