import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.ts';
import { endWithTests } from './guard.ts';
import { speaksAmqp } from './rabbit-probe.ts';
import { waitFor } from './wait-for.ts';

export interface PrivateRabbit {
  /** With its guest account. Stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /**
   * Ends the broker as a crash would; durable queues and persistent messages stay on disk. RabbitMQ 3.10 cannot recover a
   * quorum queue that was declared within about a second before: declare what a test needs early.
   */
  kill9(): Promise<void>;
  /** Starts it again after `kill9`. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Not the wrapper in /usr/sbin of Debian, which runs the broker as another user in that user's folder. */
const PLACES = ['/usr/lib/rabbitmq/bin', ...(process.env.PATH ?? '').split(delimiter)];
const START_MS = 60_000;

function find(program: string, places: readonly string[]): string | undefined {
  return places
    .map((place) => join(place, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Whether {@link startRabbit} can work here. */
export function canStartRabbit(): boolean {
  return find('rabbitmq-server', PLACES) !== undefined && find('epmd', PLACES) !== undefined;
}

/**
 * Starts a RabbitMQ node for one suite, which may kill it: its own node name, cookie, data, configuration, name server (epmd)
 * and ports, so that the machine's own node is not touched.
 */
export async function startRabbit(options: { port?: number } = {}): Promise<PrivateRabbit> {
  const server = find('rabbitmq-server', PLACES);
  const epmd = find('epmd', PLACES);
  if (!server || !epmd) throw new Error('rabbitmq-server is not installed');
  const home = await mkdtemp(join(tmpdir(), 'cetus-rabbit-'));
  const [port, epmdPort, distPort] = [options.port ?? (await freePort()), await freePort(), await freePort()];
  const node = new RabbitNode(server, home, port, await environment(home, port, epmdPort, distPort));
  // In the foreground: the broker would start one by itself that nobody ends.
  const names = spawn(epmd, ['-port', String(epmdPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
  const namesEnded = new Promise<void>((resolve) => {
    names.once('exit', () => resolve()).once('error', () => resolve());
  });
  const callOff = names.pid === undefined ? (): void => undefined : endWithTests(names.pid, { remove: home });
  const stop = async (): Promise<void> => {
    await node.kill9();
    names.kill('SIGKILL');
    await namesEnded;
    callOff();
    await rm(home, { recursive: true, force: true });
  };
  try {
    await node.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    kill9: () => node.kill9(),
    start: () => node.start(),
    stop,
  };
}

async function environment(
  home: string,
  port: number,
  epmdPort: number,
  distPort: number,
): Promise<Record<string, string>> {
  await Promise.all(['mnesia', 'log'].map((name) => mkdir(join(home, name))));
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(home, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const config = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'loopback_users = none',
    'log.console = true',
    'log.console.level = warning',
    // Else the broker stops taking messages on a machine whose disk is nearly full.
    'disk_free_limit.absolute = 50MB',
    '',
  ];
  return {
    PATH: process.env.PATH ?? '',
    LANG: process.env.LANG ?? 'C.UTF-8',
    HOME: home,
    // Makes the start script become the broker, so that its process number is the broker's.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: `cetus-${randomBytes(4).toString('hex')}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(home, 'pid'),
    RABBITMQ_CONFIG_FILE: await file('rabbitmq.conf', config.join('\n')),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(home, 'advanced.config'),
    RABBITMQ_CONF_ENV_FILE: await file('rabbitmq-env.conf', ''),
    RABBITMQ_ENABLED_PLUGINS_FILE: await file('enabled_plugins', '[].\n'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(home, 'generated'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1',
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
}

class RabbitNode {
  readonly #server: string;
  readonly #home: string;
  readonly #port: number;
  readonly #environment: Record<string, string>;
  #kill: () => Promise<void> = async () => undefined;

  constructor(server: string, home: string, port: number, env: Record<string, string>) {
    this.#server = server;
    this.#home = home;
    this.#port = port;
    this.#environment = env;
  }

  kill9(): Promise<void> {
    return this.#kill();
  }

  async start(): Promise<void> {
    const child = spawn(this.#server, [], {
      cwd: this.#home,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: the broker's helpers are ended with it.
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-8_192);
      });
    }
    let over = false;
    const ended = new Promise<void>((resolve) => {
      const end = (): void => {
        over = true;
        resolve();
      };
      child.once('exit', end).once('error', end);
    });
    const { pid } = child;
    if (pid !== undefined) void ended.then(endWithTests(pid, { group: true, remove: this.#home }));
    this.#kill = async () => {
      if (!over && pid !== undefined) {
        try {
          process.kill(-pid, 'SIGKILL');
        } catch (error) {
          // It ended between the check and the call.
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
      await ended;
    };
    await waitFor(async () => over || (await speaksAmqp('127.0.0.1', this.#port)), {
      timeoutMs: START_MS,
      what: 'RabbitMQ answers',
    });
    if (over) throw new Error(`RabbitMQ did not start\n${output}`);
  }
}
