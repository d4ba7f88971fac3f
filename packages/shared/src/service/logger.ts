import { createRequire } from 'node:module';
import type * as Pino from 'pino';
import type { DestinationStream, LevelWithSilent, Logger } from 'pino';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The service's name, in every line. */
  service: string;
  /** The least important level that is written. Default `info`. */
  level?: LevelWithSilent;
  /** Where lines go. Default: standard output. */
  destination?: DestinationStream;
}

const require = createRequire(import.meta.url);
// Telemetry sees what is required, not what is imported; through it trace ids come into the lines.
const { pino, stdSerializers } = require('pino') as typeof Pino;

/** Keys whose values are never logged, at any of the first three depths. */
const SECRET_KEYS = [
  'password',
  'secret',
  'token',
  'authorization',
  'Authorization',
  'kubeconfig',
  'access_key',
  'secret_key',
  'private_key',
  'ciphertext',
  'apiKey',
  '["x-auth-token"]',
  '["X-Auth-Token"]',
  '["x-subject-token"]',
  '["X-Subject-Token"]',
  '["x-openstack-request-token"]',
  'cookie',
  '["set-cookie"]',
];

const redactPaths = SECRET_KEYS.flatMap((key) =>
  ['', '*', '*.*'].map((prefix) =>
    prefix === '' || key.startsWith('[') ? `${prefix}${key}` : `${prefix}.${key}`,
  ),
);

/**
 * A logger that writes one JSON object a line to standard output, or readable lines when that is a terminal and pino-pretty
 * is installed; the choice never depends on NODE_ENV. Values under the names of secrets are hidden, errors keep their causes.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    redact: { paths: redactPaths, censor: '[redacted]' },
    serializers: { err: stdSerializers.errWithCause, error: stdSerializers.errWithCause },
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const stream = destination ?? prettyStream();
  return stream ? pino(options, stream) : pino(options);
}

function prettyStream(): DestinationStream | undefined {
  if (!process.stdout.isTTY) return undefined;
  try {
    require.resolve('pino-pretty');
  } catch {
    // A development dependency: an image without it logs JSON to terminals too.
    return undefined;
  }
  // In this thread, not pino's worker thread, so that the last lines before an exit are not lost.
  const pretty = require('pino-pretty') as (options: object) => DestinationStream;
  return pretty({ sync: true, ignore: 'pid' });
}
