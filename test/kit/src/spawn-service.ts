import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithTests } from './guard.ts';

export interface SpawnServiceOptions {
  /** On top of PATH, HOME and the like; nothing else is inherited, so that a developer's variables change no test. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** The line of standard output that tells that it is ready. Default: the first one. */
  ready?: RegExp;
  /** Default 20,000. */
  readyMs?: number;
  /** Keep standard input open, for programs that end with it. */
  stdin?: 'ignore' | 'pipe';
  /** A process group of its own, all of which `kill9` ends. */
  group?: boolean;
  /** A folder to remove when this process dies; `stop` and `kill9` leave it alone. */
  removeWithTests?: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnedService {
  readonly pid: number;
  /** The line that told that it was ready. */
  readonly readyLine: string;
  /** Everything it wrote so far, both streams. */
  output(): string;
  /** Settles when it has ended. */
  readonly exited: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it as a crash would, and waits for that. */
  kill9(): Promise<Exit>;
  /** SIGTERM, or the end of its standard input; SIGKILL after `timeoutMs` (default 10,000). */
  stop(timeoutMs?: number): Promise<Exit>;
}

/** Thrown when a service does not become ready; the message holds what it wrote. */
export class ServiceNotReadyError extends Error {
  override readonly name = 'ServiceNotReadyError';
}

const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'XDG_CACHE_HOME', 'NODE_V8_COVERAGE'];

/**
 * Starts a program and waits for its ready line. It is ended with the tests, whatever ends them.
 *
 * @throws ServiceNotReadyError
 */
export async function spawnService(
  command: readonly [string, ...string[]],
  options: SpawnServiceOptions = {},
): Promise<SpawnedService> {
  const [program, ...args] = command;
  const group = options.group ?? false;
  const inherited = INHERITED.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...(Object.fromEntries(inherited) as Record<string, string>), ...options.env },
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    detached: group,
  });
  const service = new Spawned(child, group, options);
  await service.waitUntilReady(options.ready ?? /./, options.readyMs ?? 20_000);
  return service;
}

class Spawned implements SpawnedService {
  readyLine = '';
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #group: boolean;
  #output = '';
  #failure: Error | undefined;

  constructor(child: ChildProcess, group: boolean, options: SpawnServiceOptions) {
    this.#child = child;
    this.#group = group;
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#failure = error;
        resolve({ code: null, signal: null });
      });
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    if (child.pid !== undefined) {
      const remove = options.removeWithTests;
      const callOff = endWithTests(child.pid, { group, ...(remove === undefined ? {} : { remove }) });
      void this.exited.then(callOff);
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    child.stdin?.on('error', () => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  output(): string {
    return this.#output;
  }

  async waitUntilReady(pattern: RegExp, timeoutMs: number): Promise<void> {
    const { stdout } = this.#child;
    if (!stdout) throw new TypeError('no standard output');
    let timer: NodeJS.Timeout | undefined;
    const line = new Promise<string>((resolve) => {
      const lines = createInterface({ input: stdout });
      lines.on('line', (text) => {
        if (pattern.test(text)) resolve(text);
      });
    });
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs);
    });
    const found = await Promise.race([line.then((text) => ({ text })), late, this.exited]);
    clearTimeout(timer);
    if (found !== 'late' && 'text' in found) {
      this.readyLine = found.text;
      return;
    }
    const how =
      found === 'late' ? `was not ready in ${timeoutMs} ms` : `ended (${found.signal ?? found.code})`;
    if (found === 'late') await this.kill9();
    const what = this.#child.spawnargs.join(' ');
    throw new ServiceNotReadyError(`${what} ${how}\n${this.#output}`, { cause: this.#failure });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
      return;
    try {
      if (this.#group) process.kill(-this.#child.pid, signal);
      else this.#child.kill(signal);
    } catch (error) {
      // It ended between the check and the call.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  kill9(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  async stop(timeoutMs = 10_000): Promise<Exit> {
    if (this.#child.stdin) this.#child.stdin.end();
    else this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
