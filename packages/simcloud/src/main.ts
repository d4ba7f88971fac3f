import { startSimCloud } from './sim-cloud.ts';

/**
 * Starts a simulated cloud by itself and prints `ready <url>`.
 * Environment: SIMCLOUD_HOST, SIMCLOUD_PORT, SIMCLOUD_DATA_DIR, SIMCLOUD_CONTAINER_INFRA_URL, SIMCLOUD_TOKEN_SECONDS.
 */
const env = process.env;
const containerInfraUrl = env['SIMCLOUD_CONTAINER_INFRA_URL'];
const cloud = await startSimCloud({
  ...(env['SIMCLOUD_HOST'] === undefined ? {} : { host: env['SIMCLOUD_HOST'] }),
  port: Number(env['SIMCLOUD_PORT'] ?? 0),
  tokenSeconds: Number(env['SIMCLOUD_TOKEN_SECONDS'] ?? 3600),
  ...(env['SIMCLOUD_DATA_DIR'] === undefined ? {} : { dataDir: env['SIMCLOUD_DATA_DIR'] }),
  log: (message) => void process.stderr.write(`${message}\n`),
  catalogExtras:
    containerInfraUrl === undefined
      ? []
      : [{ type: 'container-infra', name: 'cetus', url: containerInfraUrl }],
});
// First, so that who has read the line may send a signal at once.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void cloud.close());
process.stdout.write(`ready ${cloud.url}\n`);
