import type { RequestHandler } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import {
  APPLICATION_METHODS,
  applicationSpecOf,
  type ApplicationTarget,
  type DryRunRequest,
  type ExecRequest,
  type InstanceTarget,
  type LogRequest,
  type SealedSecret,
  type SealRequest,
  type StoredApplication,
} from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { PlacementStore } from '@cetus/shared/store';
import type { StreamServer } from '../streams/stream-server.ts';
import { sealValues } from './application-secrets.ts';
import type { ClusterConnections } from './cluster-connections.ts';
import type { NamespacePolicy } from './namespace/policy.ts';
import { dryRun } from './requests/dry-run.ts';
import { deleteInstance, eventsOfApplication, instancesOfApplication } from './requests/instances.ts';
import { issueExec, issueLog } from './requests/streams.ts';

export interface ApplicationRequestOptions {
  applications: {
    /** @throws CetusError `not_found` */
    read(id: string): Promise<StoredApplication>;
  };
  places: PlacementStore;
  connections: ClusterConnections;
  secrets: SecretBox;
  policy: NamespacePolicy;
  streams: Pick<StreamServer, 'issueLog' | 'issueSocket'>;
}

/** Answers what the API asks while a client waits, for applications that the client may see: see {@link APPLICATION_METHODS}. */
export function applicationRequests(options: ApplicationRequestOptions): RequestHandler {
  const { applications, secrets } = options;
  /** Answers a request about an application that there is. */
  const about = async <R extends ApplicationTarget>(
    request: R,
    signal: AbortSignal,
    answer: (
      context: ApplicationRequestOptions,
      application: StoredApplication,
      request: R,
      signal: AbortSignal,
    ) => Promise<unknown>,
  ): Promise<unknown> => {
    const application = await applications.read(request.id);
    if (application.deleted_at !== null)
      throw new CetusError('not_found', `There is no application ${request.id}`);
    return answer(options, application, request, signal);
  };

  return async (method, params, signal) => {
    switch (method) {
      case APPLICATION_METHODS.seal: {
        const request = params as SealRequest;
        return sealValues(secrets, request, await sealedBefore(options, request.id));
      }
      case APPLICATION_METHODS.dryRun:
        return dryRun(options, params as DryRunRequest, signal);
      case APPLICATION_METHODS.instances:
        return about(params as ApplicationTarget, signal, instancesOfApplication);
      case APPLICATION_METHODS.deleteInstance:
        return about(params as InstanceTarget, signal, deleteInstance);
      case APPLICATION_METHODS.events:
        return about(params as ApplicationTarget, signal, eventsOfApplication);
      case APPLICATION_METHODS.log:
        return about(params as LogRequest, signal, issueLog);
      case APPLICATION_METHODS.exec:
        return about(params as ExecRequest, signal, issueExec);
      default:
        throw new CetusError('unsupported', `The conductor does not know ${method}`);
    }
  };
}

/** What is sealed of what counts now; null for an application that was not accepted yet. */
async function sealedBefore(
  { applications }: ApplicationRequestOptions,
  id: string,
): Promise<SealedSecret | null> {
  try {
    return applicationSpecOf(await applications.read(id)).sealed;
  } catch (error) {
    if (error instanceof CetusError && error.code === 'not_found') return null;
    throw error;
  }
}
