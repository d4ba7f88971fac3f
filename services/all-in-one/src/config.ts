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
  ...processVariables,
});

export type AllInOneConfig = Readonly<Static<typeof allInOneConfig>>;
