import type { RequestHandler } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import type { References } from './cluster-driver.ts';
import type { DriverRegistry } from './driver-registry.ts';

interface ValidateRequest {
  driver: string;
  project_id: string;
  user_id: string;
  references: References;
}

/** Answers what the API asks while a client waits: `cluster.validate` looks up what a request names. */
export function clusterRequests(drivers: DriverRegistry): RequestHandler {
  return async (method, params, signal) => {
    if (method !== 'cluster.validate')
      throw new CetusError('unsupported', `The conductor does not know ${method}`);
    const { driver, project_id: projectId, user_id: userId, references } = params as ValidateRequest;
    return drivers.get(driver).checkReferences({ projectId, userId }, references, signal);
  };
}
