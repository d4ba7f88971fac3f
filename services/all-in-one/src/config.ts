import { Type, type Static } from 'typebox';
import { apiOnlyVariables } from '@cetus/api';
import { conductorVariables } from '@cetus/conductor';
import {
  apiVariables,
  defineConfig,
  eventVariables,
  optionalBackboneVariables,
  optionalKeystoneVariables,
  processVariables,
  optionalSecretVariables,
} from '@cetus/shared/service';

/**
 * The configuration of all services in one process. Every URL replaces an embedded part by a real one: without
 * CETUS_MONGODB_URL the database is started in the data directory, without CETUS_AMQP_URL messages stay in the process,
 * without CETUS_KEYSTONE_URL the simulated cloud stands in for OpenStack.
 */
export const allInOneConfig = defineConfig({
  CETUS_DATA_DIR: Type.String({
    description: 'Where the embedded database, the keys of secrets and the openrc file are kept.',
    minLength: 1,
    default: '.cetus',
  }),
  ...apiVariables,
  ...optionalBackboneVariables,
  ...optionalKeystoneVariables,
  ...optionalSecretVariables,
  ...eventVariables,
  ...apiOnlyVariables,
  ...conductorVariables,
  // The simulated cloud has all of them.
  CETUS_CLUSTER_DRIVERS: Type.String({
    ...conductorVariables.CETUS_CLUSTER_DRIVERS,
    default: 'heat,magnum,import',
  }),
  // The simulated clusters are on 127.0.0.0/8.
  CETUS_DENIED_NETWORKS: Type.String({
    ...conductorVariables.CETUS_DENIED_NETWORKS,
    description: "Networks that no user's kubeconfig may lead to, in CIDR notation with commas between them.",
    default: '169.254.0.0/16,fe80::/10',
  }),
  ...processVariables,
});

export type AllInOneConfig = Readonly<Static<typeof allInOneConfig>>;
