import { Type, type Static } from 'typebox';
import {
  apiVariables,
  backboneVariables,
  defineConfig,
  eventVariables,
  keystoneVariables,
  processVariables,
} from '@cetus/shared/service';

/** What only the API reads, wherever it runs. */
export const apiOnlyVariables = {
  CETUS_PUBLIC_URL: Type.Optional(
    Type.String({
      description:
        'The address that clients know the API by, for links; the Host header of a request when not set.',
      pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*[^/?#\\s])?/?$',
    }),
  ),
  CETUS_API_PAGE_SIZE: Type.Integer({
    description: 'How many objects a list answers when the request has no limit.',
    unit: 'objects',
    minimum: 1,
    maximum: 1000,
    default: 1000,
  }),
  CETUS_API_MAX_PAGE_SIZE: Type.Integer({
    description: 'How many objects a list answers at most, whatever the limit of the request.',
    unit: 'objects',
    minimum: 1,
    maximum: 10000,
    default: 1000,
  }),
  CETUS_API_CORS_ORIGINS: Type.String({
    description:
      'The origins, with commas between them, whose pages may call the API from a browser; nobody when empty.',
    default: '',
  }),
  CETUS_API_RATE_LIMIT: Type.Integer({
    description: 'How many requests a minute one project may send to one process; 0 for any number.',
    unit: 'requests per minute',
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
  }),
  CETUS_API_FINGERPRINT_KEYS: Type.Optional(
    Type.String({
      description:
        'The keys that fingerprints of requests with an Idempotency-Key are made with, in the form of `CETUS_SECRET_KEYS`, the same for every API process; the first makes them, all check them. When not set, they are plain digests, which an easily guessed secret in a request can be found out from by whoever reads the database; with all services in one process, keys derived from `CETUS_SECRET_KEYS` are used.',
      secret: true,
    }),
  ),
  CETUS_API_REQUEST_SECONDS: Type.Integer({
    description: 'How long a request may take to arrive.',
    unit: 'seconds',
    minimum: 1,
    maximum: 600,
    default: 30,
  }),
  CETUS_API_MAX_STREAMS: Type.Integer({
    description:
      'How many event streams one process serves at a time, and how many logs and terminals besides.',
    unit: 'streams',
    minimum: 0,
    maximum: 100_000,
    default: 1000,
  }),
  CETUS_API_MAX_STREAMS_PER_PROJECT: Type.Integer({
    description:
      'How many event streams of one project one process serves at a time, and how many logs and terminals besides.',
    unit: 'streams',
    minimum: 0,
    maximum: 100_000,
    default: 100,
  }),
  CETUS_API_STREAM_HEARTBEAT_SECONDS: Type.Integer({
    description: 'How often an idle event stream says that it is alive.',
    unit: 'seconds',
    minimum: 1,
    maximum: 300,
    default: 15,
  }),
  CETUS_QUOTA_CLUSTERS: Type.Integer({
    description:
      'How many clusters a project may have that has no quota of its own (`/v1/quotas`); -1 for any number.',
    unit: 'clusters',
    minimum: -1,
    maximum: 1_000_000,
    default: 20,
  }),
  CETUS_DELETE_TIMEOUT_MINUTES: Type.Integer({
    description:
      'How long the deletion of a cluster or an application may take, and a retry of one, until it fails; making and changing have the `create_timeout` of the cluster, or the `progress_deadline_seconds` of the application.',
    unit: 'minutes',
    minimum: 1,
    maximum: 1440,
    default: 60,
  }),
  CETUS_APPLICATION_HOST_ACCESS: Type.String({
    description:
      'What applications may have of the nodes, with commas between: `host-path`, `host-network`, `privileged`; nothing when empty.',
    pattern: '^((host-path|host-network|privileged)(,(host-path|host-network|privileged))*)?$',
    default: '',
  }),
  CETUS_TOKEN_CACHE_SECONDS: Type.Integer({
    description:
      'How long a token that Keystone has accepted is taken as good; a revoked one works for so long.',
    unit: 'seconds',
    minimum: 0,
    maximum: 3600,
    default: 300,
  }),
};

/** The configuration of the API as a service of its own. */
export const apiConfig = defineConfig({
  ...processVariables,
  ...apiVariables,
  ...backboneVariables,
  ...eventVariables,
  ...keystoneVariables,
  ...apiOnlyVariables,
});
export type ApiServiceConfig = Readonly<Static<typeof apiConfig>>;

/** The part that the app itself reads. */
export const appConfig = defineConfig({ ...apiOnlyVariables });
export type AppConfig = Readonly<Static<typeof appConfig>> & { readonly CETUS_KEYSTONE_URL?: string };
