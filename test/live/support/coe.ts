import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { requireOrSkip, type SkippableContext } from '@cetus/test-kit';

/** What the client prints is checked by what is asserted of it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CoeAccount {
  authUrl: string;
  username: string;
  password: string;
  region: string;
}

const OPENSTACK = '/usr/bin/openstack';

/** A command of the client that failed; the message holds what it said. */
export class CoeError extends Error {
  readonly run: Run;

  constructor(args: readonly string[], run: Run) {
    super(`openstack coe ${args.join(' ')} ended with ${String(run.code)}: ${run.stderr}${run.stdout}`);
    this.run = run;
  }
}

/** OpenStack's own client with python-magnumclient, as a user with an openrc file has it, in one process that runs any number of commands. */
export class Coe {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly answers: AsyncIterator<string>;
  private last: Promise<unknown> = Promise.resolve();

  private constructor(account: CoeAccount, cwd: string) {
    // The distribution's python, whatever the program's first line would find on the PATH.
    this.child = spawn('/usr/bin/python3', [join(import.meta.dirname, 'coe.py')], {
      cwd,
      env: {
        PATH: '/usr/bin:/bin',
        HOME: '/nonexistent',
        // Decides how `cluster config` prints what to set.
        SHELL: '/bin/bash',
        OS_AUTH_URL: account.authUrl,
        OS_USERNAME: account.username,
        OS_PASSWORD: account.password,
        OS_PROJECT_NAME: account.username,
        OS_USER_DOMAIN_NAME: 'Default',
        OS_PROJECT_DOMAIN_NAME: 'Default',
        OS_IDENTITY_API_VERSION: '3',
        OS_REGION_NAME: account.region,
      },
    });
    this.child.stderr.pipe(process.stderr);
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * @param cwd where files are written
   */
  static start(context: SkippableContext, account: CoeAccount, cwd: string): Coe {
    requireOrSkip(
      context,
      existsSync(OPENSTACK),
      `${OPENSTACK} is not installed (python3-openstackclient, python3-magnumclient)`,
    );
    return new Coe(account, cwd);
  }

  /**
   * Runs `openstack coe ARGS`; answers what it printed.
   * @throws CoeError when it fails
   */
  async run(...args: string[]): Promise<string> {
    const before = this.last;
    const mine = (async (): Promise<Run> => {
      await before.catch(() => undefined);
      this.child.stdin.write(`${JSON.stringify(['coe', ...args])}\n`);
      const { value, done } = await this.answers.next();
      if (done === true) throw new Error('the client has ended');
      return JSON.parse(value) as Run;
    })();
    this.last = mine;
    const run = await mine;
    if (run.code !== 0) throw new CoeError(args, run);
    return run.stdout;
  }

  /** As `run`, with `-f json`. */
  async json(...args: string[]): Promise<Json> {
    return JSON.parse(await this.run(...args, '-f', 'json'));
  }

  stop(): void {
    this.child.stdin.end();
  }
}

/**
 * The rows of a table that a command prints which knows no `-f json`.
 * @returns what is in the second column, by what is in the first
 */
export function rowsOf(table: string): Record<string, string> {
  return Object.fromEntries(
    table
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter((cells) => cells.length >= 4)
      .map(([, key = '', value = '']) => [key, value]),
  );
}
