import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  freePort,
  rabbitUrl,
  requireOrSkip,
  spawnService,
  startOwnMongo,
  type OwnMongo,
  type SkippableContext,
  type SpawnedService,
} from '@cetus/test-kit';
import { MongoClient } from 'mongodb';
import { CetusClient } from './client.ts';
import { ROOT, type Lab } from './lab.ts';

export interface InstallationOptions {
  lab: Lab;
  /** Variables for the conductors. */
  conductor?: Record<string, string>;
  /** Variables for the APIs. */
  api?: Record<string, string>;
  /** In place of the lab's, for the conductors: a proxy, say. */
  keystoneUrl?: string;
}

type Parts = Pick<Installation, 'apis' | 'urls' | 'conductors' | 'mongo'> & {
  startConductor: () => Promise<SpawnedService>;
};

/**
 * An installation of Cetus as an operator has it: two API and two conductor processes, MongoDB, a RabbitMQ vhost of its own, and the lab
 * as the cloud. The processes run what `npm run build` made.
 */
export class Installation {
  readonly apis: readonly SpawnedService[];
  readonly urls: readonly string[];
  readonly conductors: SpawnedService[];
  readonly mongo: MongoClient;
  /** The clusters that were asked for. */
  readonly made = new Set<string>();
  private readonly startConductor: () => Promise<SpawnedService>;
  private readonly lab: Lab;
  private readonly closers: (() => Promise<unknown>)[];

  private constructor(parts: Parts, lab: Lab, closers: (() => Promise<unknown>)[]) {
    this.apis = parts.apis;
    this.urls = parts.urls;
    this.conductors = parts.conductors;
    this.mongo = parts.mongo;
    this.startConductor = parts.startConductor;
    this.lab = lab;
    this.closers = closers;
  }

  static async start(context: SkippableContext, options: InstallationOptions): Promise<Installation> {
    const { lab } = options;
    const broker = await rabbitUrl();
    requireOrSkip(context, broker, 'no RabbitMQ answers');
    const closers: (() => Promise<unknown>)[] = [];
    try {
      const vhost = await ownVhost(broker);
      closers.push(vhost.remove);
      const own: OwnMongo = await startOwnMongo();
      closers.push(() => own.stop());
      const mongo = await MongoClient.connect(own.uri, {
        serverSelectionTimeoutMS: 5_000,
        socketTimeoutMS: 30_000,
      });
      closers.push(() => mongo.close());
      const shared = {
        CETUS_MONGODB_URL: own.uri,
        CETUS_AMQP_URL: vhost.url,
        CETUS_KEYSTONE_URL: lab.keystoneUrl,
        CETUS_KEYSTONE_USERNAME: 'cetus',
        CETUS_KEYSTONE_PASSWORD: lab.password,
        CETUS_LOG_LEVEL: 'info',
      };
      const conductor = {
        ...shared,
        CETUS_SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
        CETUS_OPS_PORT: '0',
        CETUS_LEASE_SECONDS: '3',
        CETUS_RESYNC_SECONDS: '5',
        // The lab is on this machine.
        CETUS_DENIED_NETWORKS: '169.254.0.0/16',
        ...(options.keystoneUrl === undefined ? {} : { CETUS_KEYSTONE_URL: options.keystoneUrl }),
        ...options.conductor,
      };
      const ports = [await freePort(), await freePort()];
      const start = (name: string, env: Record<string, string>): Promise<SpawnedService> =>
        service(name, env, closers);
      const startConductor = (): Promise<SpawnedService> => start('conductor', conductor);
      const [apis, conductors] = await Promise.all([
        Promise.all(
          ports.map((port) => start('api', { ...shared, CETUS_API_PORT: String(port), ...options.api })),
        ),
        Promise.all([startConductor(), startConductor()]),
      ]);
      const urls = ports.map((port) => `http://127.0.0.1:${String(port)}`);
      return new Installation({ apis, urls, conductors, mongo, startConductor }, lab, closers);
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  /** Starts one more conductor, as whoever keeps processes alive does when one has died. */
  async addConductor(): Promise<SpawnedService> {
    const conductor = await this.startConductor();
    this.conductors.push(conductor);
    return conductor;
  }

  /** A user's client of one of the API processes. */
  client(api: 0 | 1 = 0, username = 'demo', projectName?: string): CetusClient {
    const session = this.lab.session(username, projectName ?? username);
    return new CetusClient(
      this.urls[api] ?? '',
      () => session.token(),
      (uuid) => void this.made.add(uuid),
    );
  }

  /** The log lines at level error or above, of all processes: a healthy system has none. */
  errors(): string[] {
    return [...this.apis, ...this.conductors]
      .flatMap((process) => process.output().split('\n'))
      .filter((line) => /^\{"level":"(error|fatal)"/.test(line));
  }

  /** The end of what each process wrote, for a test that failed. */
  logs(): string {
    const tail = (process: SpawnedService): string => process.output().split('\n').slice(-25).join('\n');
    return [...this.apis, ...this.conductors].map(tail).join('\n----\n');
  }

  /** Ends everything, then removes the stacks of clusters that a test which failed left behind. */
  async stop(): Promise<void> {
    await closeAll(this.closers);
    await this.lab.removeStacksOf(this.made);
  }
}

async function service(
  name: string,
  env: Record<string, string>,
  closers: (() => Promise<unknown>)[],
): Promise<SpawnedService> {
  const args = ['--import', '@cetus/shared/telemetry/register', `services/${name}/dist/main.js`];
  const spawned = await spawnService([process.execPath, ...args], {
    cwd: ROOT,
    env,
    ready: /"to":"RUNNING"/,
    // Of a machine on which four installations and the lab start at once.
    readyMs: 150_000,
  });
  closers.push(() => spawned.stop());
  return spawned;
}

async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (let close = closers.pop(); close; close = closers.pop()) {
    await close().catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) throw new AggregateError(errors, 'not everything could be ended');
}

/** A vhost on the local broker, for whom may make one; else the vhost of the URL, which must be nobody else's then. */
async function ownVhost(broker: string): Promise<{ url: string; remove: () => Promise<void> }> {
  const url = new URL(broker);
  const local = ['127.0.0.1', 'localhost'].includes(url.hostname) && process.getuid?.() === 0;
  if (!local) return { url: broker, remove: async () => undefined };
  const name = `cetus-live-${randomBytes(4).toString('hex')}`;
  const control = (...args: string[]) =>
    promisify(execFile)('rabbitmqctl', ['-q', ...args], {
      timeout: 60_000,
      env: { ...process.env, PATH: `/usr/sbin:${process.env['PATH'] ?? ''}` },
    });
  await control('add_vhost', name);
  await control('set_permissions', '-p', name, decodeURIComponent(url.username), '.*', '.*', '.*');
  url.pathname = `/${name}`;
  return { url: url.href, remove: async () => void (await control('delete_vhost', name)) };
}
