import type { RequestHandler } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import type { CheckRequest, References } from './cluster-driver.ts';
import type { DriverRegistry } from './driver-registry.ts';

interface ValidateRequest {
  driver: string;
  project_id: string;
  user_id: string;
  references?: References;
  spec?: CheckRequest['spec'];
  template?: CheckRequest['template'];
}

/** Answers what the API asks while a client waits: `cluster.validate` says what of a request cannot be. */
export function clusterRequests(drivers: DriverRegistry): RequestHandler {
  return async (method, params, signal) => {
    if (method !== 'cluster.validate')
      throw new CetusError('unsupported', `The conductor does not know ${method}`);
    const {
      driver,
      project_id: projectId,
      user_id: userId,
      references = {},
      ...specs
    } = params as ValidateRequest;
    return drivers.get(driver).check({ projectId, userId, references, ...specs }, signal);
  };
}
