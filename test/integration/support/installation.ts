import { freePort, spawnService, type SpawnedService } from '@cetus/test-kit';
import { CetusClient } from './cetus-client.ts';
import { CloudClient, DEMO, signIn, type Account } from './cloud-client.ts';
import { program, PROGRAM_FOLDER, type ProgramForm, type ProgramName } from './programs.ts';

export interface InstallationOptions {
  /** With the database in it. */
  mongodbUrl: string;
  amqpUrl: string;
  /** Where the simulated cloud keeps its state; it has none to keep otherwise. */
  cloudDataDir?: string;
  form: ProgramForm;
  /** Settings on top of those of tests, for all services. */
  settings?: Readonly<Record<string, string>>;
  /** Settings of conductors in place of those of tests. */
  conductorSettings?: Readonly<Record<string, string>>;
}

/** What is particular to one process. */
export interface MemberOptions {
  settings?: Readonly<Record<string, string>>;
  /** For node itself, such as `--cpu-prof`. */
  nodeArgs?: readonly string[];
}

/** One process of an installation. The API keeps its port over restarts. */
export interface Member {
  readonly name: ProgramName;
  readonly url: string;
  readonly service: SpawnedService;
  kill9(): Promise<void>;
  /** After `kill9`. */
  restart(): Promise<void>;
}

/** Services in processes of their own, over a real broker and a database, with the simulated cloud as the back end. */
export class Installation {
  readonly cloud: CloudClient;
  private readonly options: InstallationOptions;
  private readonly members: Member[] = [];
  private readonly cloudService: SpawnedService;

  private constructor(options: InstallationOptions, cloudService: SpawnedService) {
    this.options = options;
    this.cloudService = cloudService;
    this.cloud = new CloudClient(cloudService.readyLine.slice('ready '.length));
  }

  /** Starts the simulated cloud alone; services are added one by one. */
  static async start(options: InstallationOptions): Promise<Installation> {
    const { cloudDataDir, form } = options;
    const cloud = await spawnService(program('simcloud', form), {
      cwd: PROGRAM_FOLDER,
      env: { SIMCLOUD_PORT: '0', ...(cloudDataDir === undefined ? {} : { SIMCLOUD_DATA_DIR: cloudDataDir }) },
      ready: /^ready /,
    });
    return new Installation(options, cloud);
  }

  async add(
    name: 'api' | 'conductor',
    { settings = {}, nodeArgs = [] }: MemberOptions = {},
  ): Promise<Member> {
    const port = String(await freePort());
    const { mongodbUrl, amqpUrl, form } = this.options;
    const start = (): Promise<SpawnedService> =>
      spawnService(program(name, form, nodeArgs), {
        cwd: PROGRAM_FOLDER,
        env: {
          CETUS_MONGODB_URL: mongodbUrl,
          CETUS_AMQP_URL: amqpUrl,
          CETUS_KEYSTONE_URL: this.cloud.keystoneUrl,
          CETUS_KEYSTONE_USERNAME: 'cetus',
          CETUS_KEYSTONE_PASSWORD: 'devpw',
          ...(name === 'api'
            ? { CETUS_API_PORT: port, CETUS_QUOTA_CLUSTERS: '-1' }
            : {
                CETUS_OPS_PORT: port,
                CETUS_SECRET_KEYS: KEYS,
                ...(this.options.conductorSettings ?? CONDUCTOR),
              }),
          CETUS_LOG_LEVEL: 'info',
          OTEL_SERVICE_NAME: name,
          ...this.options.settings,
          ...settings,
        },
        ready: /"to":"RUNNING"/,
        readyMs: 60_000,
      });
    let service = await start();
    const member: Member = {
      name,
      url: `http://127.0.0.1:${port}`,
      get service() {
        return service;
      },
      kill9: async () => void (await service.kill9()),
      restart: async () => {
        service = await start();
      },
    };
    this.members.push(member);
    return member;
  }

  async signIn(member: Member, account: Account = DEMO): Promise<CetusClient> {
    return new CetusClient(member.url, await signIn(this.cloud.keystoneUrl, account));
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ service }) => service.stop()));
    await this.cloudService.stop();
  }
}

/** Every conductor of an installation must be able to open what another one sealed. */
const KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;

/** Shorter than in production, so that what a killed process leaves behind is taken up soon. */
const CONDUCTOR = {
  // The simulated clusters are on this machine.
  CETUS_DENIED_NETWORKS: '169.254.0.0/16',
  CETUS_LEASE_SECONDS: '3',
  CETUS_RESYNC_SECONDS: '5',
  CETUS_HEAT_POLL_SECONDS: '0.5',
};

/** A URL of MongoDB with a database in it. */
export function withDatabase(mongodbUrl: string, database: string): string {
  const [server = '', query = ''] = mongodbUrl.split('?');
  return `${server.replace(/\/[^/]*$/, '')}/${database}${query === '' ? '' : `?${query}`}`;
}
