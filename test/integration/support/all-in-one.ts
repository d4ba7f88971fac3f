import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, spawnService, type SpawnedService } from '@cetus/test-kit';
import { CetusClient } from './cetus-client.ts';
import { CloudClient, DEMO, signIn } from './cloud-client.ts';
import { program, PROGRAM_FOLDER } from './programs.ts';

/** All services in one process, with the embedded engine and the simulated cloud, as `npm start` runs them. */
export class AllInOne {
  readonly dataDir: string;
  private readonly port: number;
  private service: SpawnedService | undefined;
  /** The address of the embedded engine. */
  mongodbUrl = '';
  private cloudAt: CloudClient | undefined;

  private constructor(dataDir: string, port: number) {
    this.dataDir = dataDir;
    this.port = port;
  }

  static async start(): Promise<AllInOne> {
    const installation = new AllInOne(await mkdtemp(join(tmpdir(), 'cetus-aio-')), await freePort());
    await installation.start();
    return installation;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Changes its address with every start. */
  get cloud(): CloudClient {
    if (this.cloudAt === undefined) throw new Error('not started');
    return this.cloudAt;
  }

  /** Starts it on what an earlier run left behind. */
  async start(): Promise<void> {
    this.service = await spawnService(program('all-in-one', 'source'), {
      cwd: PROGRAM_FOLDER,
      env: {
        CETUS_DATA_DIR: this.dataDir,
        CETUS_API_PORT: String(this.port),
        CETUS_LEASE_SECONDS: '2',
        CETUS_RESYNC_SECONDS: '2',
        CETUS_HEAT_POLL_SECONDS: '0.3',
        CETUS_LOG_LEVEL: 'info',
      },
      ready: /^ready /,
      // The first run on a machine may have to fetch a C library.
      readyMs: 120_000,
      removeWithTests: this.dataDir,
    });
    const openrc = await readFile(join(this.dataDir, 'openrc'), 'utf8');
    const keystone = /OS_AUTH_URL='([^']+)'/.exec(openrc)?.[1] ?? '';
    const socket = /"socket":("[^"]+")/.exec(this.service.output())?.[1] ?? '""';
    this.mongodbUrl = `mongodb://${encodeURIComponent(JSON.parse(socket) as string)}/?directConnection=true`;
    this.cloudAt = new CloudClient(keystone.replace(/\/identity\/v3$/, ''));
  }

  async kill9(): Promise<void> {
    await this.service?.kill9();
  }

  async signIn(): Promise<CetusClient> {
    return new CetusClient(this.url, await signIn(this.cloud.keystoneUrl, DEMO));
  }

  output(): string {
    return this.service?.output() ?? '';
  }

  async close(): Promise<void> {
    await this.service?.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
