import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./fixtures/program.ts', import.meta.url));

/** A run of the program: its lines as they come, and how it ended. */
class Run {
  readonly lines: string[] = [];
  readonly child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #listeners: ((line: string) => void)[] = [];

  constructor(environment: Record<string, string>, args: string[] = []) {
    this.child = spawn(
      process.execPath,
      ['--conditions=@cetus/source', '--import', 'tsx', PROGRAM, ...args],
      {
        env: { PATH: process.env.PATH, HOME: process.env.HOME, CETUS_OPS_PORT: '0', ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      assert.ok(stream);
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.#listeners.forEach((listener) => listener(line));
      });
    }
  }

  async until(text: string): Promise<void> {
    if (this.lines.some((line) => line.includes(text))) return;
    const seen = new Promise<void>((resolve) => {
      this.#listeners.push((line) => line.includes(text) && resolve());
    });
    await Promise.race([
      seen,
      this.#ended.then(() => {
        if (!this.has(text)) throw new Error(`ended without ${text}: ${this.lines.join('\n')}`);
      }),
    ]);
  }

  async exit(): Promise<number | null> {
    const [code] = await this.#ended;
    return code as number | null;
  }

  has(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }
}

describe('service: runService', () => {
  const runs: Run[] = [];
  const run = (environment: Record<string, string>, args?: string[]): Run => {
    const started = new Run(environment, args);
    runs.push(started);
    return started;
  };
  afterEach(() => {
    for (const { child } of runs.splice(0))
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`stops in order on ${signal} and ends with 0`, async () => {
      const program = run({ CETUS_KEY: 'hunter2' });
      await program.until('"to":"RUNNING"');
      program.child.kill(signal);
      assert.equal(await program.exit(), 0);
      assert.ok(program.has('first is closed'));
      assert.ok(program.has('"to":"DRAINING"') && program.has('"to":"STOPPED"'));
      assert.ok(program.has('effective configuration') && !program.has('hunter2'));
    });
  }

  it('ends at once on a second signal', async () => {
    const program = run({ CETUS_BEHAVIOUR: 'stop hangs', CETUS_SHUTDOWN_SECONDS: '3600' });
    await program.until('"to":"RUNNING"');
    program.child.kill('SIGTERM');
    await program.until('"to":"DRAINING"');
    program.child.kill('SIGTERM');
    assert.equal(await program.exit(), 1);
    assert.ok(program.has('second signal'));
  });

  it('says which resource failed to start, closes the others, and ends with 1', async () => {
    const program = run({ CETUS_BEHAVIOUR: 'start fails' });
    assert.equal(await program.exit(), 1);
    assert.ok(program.has('first is closed'));
    assert.ok(
      program.lines.some((line) => line.includes('"resource":"second"') && line.includes('no such server')),
    );
  });

  it('takes an unhandled rejection as fatal, and closes everything before it ends with 1', async () => {
    const program = run({ CETUS_BEHAVIOUR: 'rejection' });
    assert.equal(await program.exit(), 1);
    assert.ok(
      program.lines.some((line) => line.includes('"level":"fatal"') && line.includes('nobody handles this')),
    );
    assert.ok(program.has('first is closed'));
  });

  it('prints its variables with --help, and every problem of a bad configuration', async () => {
    const help = run({}, ['--help']);
    const bad = run({ CETUS_BEHAVIOR: 'x', CETUS_SHUTDOWN_SECONDS: 'soon' });
    assert.equal(await help.exit(), 0);
    assert.ok(help.has('CETUS_BEHAVIOUR'));
    assert.equal(await bad.exit(), 1);
    assert.ok(bad.has('CETUS_BEHAVIOR is not known; did you mean CETUS_BEHAVIOUR?'));
    assert.ok(bad.has('CETUS_SHUTDOWN_SECONDS must be number'));
  });
});
