import { join } from 'node:path';
import { DEFAULT_PASSWORD, startSimCloud, type SimCloud } from '@cetus/simcloud/sim-cloud';
import type { Logger, Resource } from '@cetus/shared/service';
import { writeOpenrc } from './openrc.ts';

export interface CloudOptions {
  /** Where its state and the openrc file are kept. */
  dataDir: string;
  /** The port that it serves; chosen beforehand, as others are told of it before it is there. */
  port: number;
  /** The address of the REST API, for the catalog. */
  apiUrl: string;
  logger: Logger;
}

/** The simulated cloud in place of OpenStack, with an openrc file for its demo user. */
export class SimulatedCloud implements Resource {
  readonly name = 'simulated-cloud';
  private readonly options: CloudOptions;
  private cloud: SimCloud | undefined;

  constructor(options: CloudOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { dataDir, port, apiUrl, logger } = this.options;
    this.cloud = await startSimCloud({
      host: '127.0.0.1',
      port,
      dataDir: join(dataDir, 'simulated-cloud'),
      catalogExtras: [{ type: 'container-infra', name: 'cetus', url: `${apiUrl}/v1` }],
      log: (message) => logger.warn(message),
    });
    const file = join(dataDir, 'openrc');
    await writeOpenrc(file, {
      authUrl: this.cloud.keystoneUrl,
      username: 'demo',
      password: DEFAULT_PASSWORD,
      projectName: 'demo',
      userDomainName: 'Default',
      projectDomainName: 'Default',
      region: 'RegionOne',
    });
    logger.info({ keystone: this.cloud.keystoneUrl, openrc: file }, 'the simulated cloud is ready');
  }

  async stop(): Promise<void> {
    await this.cloud?.close();
  }
}
