import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithParent } from './end-with-parent.ts';
import { EngineStartError } from './engine-error.ts';

/** One run of an engine. */
export interface EngineProcess {
  readonly pid: number;
  /** Settles when it answers; rejects with EngineStartError when it ends before. */
  readonly ready: Promise<void>;
  /** Settles when it has ended, with a text such as `exit code 1` or `signal SIGKILL`; never rejects. */
  readonly ended: Promise<string>;
  /** Asks it to end in order. */
  end(): void;
  /** Ends it at once. */
  kill(): void;
}

export interface EngineCommand {
  kind: 'mongod' | 'embedded';
  command: readonly string[];
  environment: Record<string, string>;
  socket: string;
}

const OUTPUT_KEPT = 4_096;

export function spawnEngine(engine: EngineCommand): EngineProcess {
  const [program = '', ...args] = engine.command;
  const embedded = engine.kind === 'embedded';
  const child = spawn(program, args, {
    env: engine.environment,
    // mongod writes its log to standard output: nobody would read it.
    stdio: ['pipe', embedded ? 'pipe' : 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-OUTPUT_KEPT);
  });
  // Its end is told by `ended`; a write to it after that is no other news.
  child.stdin?.on('error', () => undefined);

  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  const callOff =
    !embedded && child.pid !== undefined
      ? endWithParent(child.pid, ['SIGTERM', 'SIGKILL'])
      : (): void => undefined;
  void ended.then(callOff);

  const early = ended.then((how) => {
    throw new EngineStartError(`the ${engine.kind} engine ended before it was ready: ${how}`, {
      output: output.trim(),
    });
  });
  const answering = embedded ? readyLine(child) : socketAnswers(engine.socket, ended);
  const ready = Promise.race([answering, early]);
  // Who waits for it later still sees it.
  ready.catch(() => undefined);
  early.catch(() => undefined);

  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    end: () => {
      if (embedded) child.stdin?.end();
      else child.kill('SIGTERM');
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).once('line', () => resolve());
  });
}

/** mongod has no other sign that it is ready than that its socket accepts. */
async function socketAnswers(path: string, ended: Promise<string>): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  for (let wait = 20; !over; wait = Math.min(wait * 2, 250)) {
    if (await accepts(path)) return;
    await delay(wait);
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: 1_000 });
    const done = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
