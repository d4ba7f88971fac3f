import { Type } from 'typebox';

/**
 * The environment variables that more than one service reads, in groups to spread into `defineConfig`, so that a name means
 * the same everywhere.
 */

/** For every service. */
export const processVariables = {
  CETUS_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'The least important level that is logged.',
    default: 'info',
  }),
  CETUS_SHUTDOWN_SECONDS: Type.Number({
    description:
      'How long a service may take to finish its work and stop after SIGTERM. Keep it below the grace period of Kubernetes.',
    unit: 'seconds',
    minimum: 1,
    maximum: 3600,
    default: 25,
  }),
};

/** For services without a REST API of their own: where `/healthz`, `/readyz` and `/metrics` are served. */
export const opsVariables = {
  CETUS_OPS_HOST: Type.String({
    description: 'The address that serves /healthz, /readyz and /metrics.',
    default: '127.0.0.1',
  }),
  CETUS_OPS_PORT: Type.Integer({
    description: 'The port that serves /healthz, /readyz and /metrics; 0 takes any free one.',
    unit: 'TCP port',
    minimum: 0,
    maximum: 65535,
    default: 9512,
  }),
};

/** The address of the REST API. */
export const apiVariables = {
  CETUS_API_HOST: Type.String({
    description: 'The address that the REST API listens on.',
    default: '127.0.0.1',
  }),
  CETUS_API_PORT: Type.Integer({
    description:
      'The port that the REST API listens on (9511 is the port of OpenStack Magnum); 0 takes any free one.',
    unit: 'TCP port',
    minimum: 0,
    maximum: 65535,
    default: 9511,
  }),
};

const MONGODB_URL = Type.String({
  description: 'The MongoDB server, as mongodb://user:password@host:27017/database?…',
  pattern: '^mongodb(\\+srv)?://.+',
  secret: 'userinfo',
});

const AMQP_URL = Type.String({
  description: 'The RabbitMQ server, as amqp://user:password@host:5672/vhost, or amqps://… with TLS.',
  pattern: '^amqps?://.+',
  secret: 'userinfo',
});

/** For a service that needs both servers. */
export const backboneVariables = {
  CETUS_MONGODB_URL: MONGODB_URL,
  CETUS_AMQP_URL: AMQP_URL,
};

/** For all services in one process: without a server, what is embedded takes its place. */
export const optionalBackboneVariables = {
  CETUS_MONGODB_URL: Type.Optional(MONGODB_URL),
  CETUS_AMQP_URL: Type.Optional(AMQP_URL),
};

const KEYSTONE_URL = Type.String({
  description: 'The Keystone endpoint, with or without /v3, such as http://keystone.example:5000/v3.',
  pattern: '^https?://.+',
  secret: 'userinfo',
});

const keystoneCredentialVariables = {
  CETUS_KEYSTONE_USERNAME: Type.Optional(
    Type.String({ description: 'The name of the service user, when no application credential is given.' }),
  ),
  CETUS_KEYSTONE_PASSWORD: Type.Optional(
    Type.String({ description: 'The password of the service user.', secret: true }),
  ),
  CETUS_KEYSTONE_PROJECT_NAME: Type.String({
    description: 'The project that the service user is scoped to.',
    default: 'service',
  }),
  CETUS_KEYSTONE_USER_DOMAIN_NAME: Type.String({
    description: 'The domain of the service user.',
    default: 'Default',
  }),
  CETUS_KEYSTONE_PROJECT_DOMAIN_NAME: Type.String({
    description: 'The domain of the service project.',
    default: 'Default',
  }),
  CETUS_KEYSTONE_APPLICATION_CREDENTIAL_ID: Type.Optional(
    Type.String({
      description: 'The id of an application credential, used in place of the user and the password.',
    }),
  ),
  CETUS_KEYSTONE_APPLICATION_CREDENTIAL_SECRET: Type.Optional(
    Type.String({ description: 'The secret of the application credential.', secret: true }),
  ),
  CETUS_REGION: Type.String({
    description: 'The region whose endpoints are used.',
    default: 'RegionOne',
  }),
};

/** For a service that asks Keystone. */
export const keystoneVariables = { CETUS_KEYSTONE_URL: KEYSTONE_URL, ...keystoneCredentialVariables };

/** For all services in one process: without a Keystone, the simulated cloud takes its place. */
export const optionalKeystoneVariables = {
  CETUS_KEYSTONE_URL: Type.Optional(KEYSTONE_URL),
  ...keystoneCredentialVariables,
};

const SECRET_KEYS = Type.String({
  description:
    'The keys that encrypt secrets at rest, as id:base64key,id2:base64key with 32 bytes each; the first encrypts, all decrypt.',
  secret: true,
});

/** For a service that keeps or reads secrets. */
export const secretVariables = { CETUS_SECRET_KEYS: SECRET_KEYS };

/** For all services in one process: without keys, one is made and kept in the data directory. */
export const optionalSecretVariables = { CETUS_SECRET_KEYS: Type.Optional(SECRET_KEYS) };

/** For every service that publishes notifications. */
export const eventVariables = {
  CETUS_EVENT_RETENTION_DAYS: Type.Integer({
    description: 'How long notifications are kept for readers who come back.',
    unit: 'days',
    minimum: 1,
    maximum: 3650,
    default: 30,
  }),
};
