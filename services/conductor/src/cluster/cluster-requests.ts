import type { RequestHandler } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import { readSigningRequest } from '@cetus/shared/pki';
import { specOf, type StoredCluster } from '@cetus/shared/schemas';
import type { AuthorityKind, CheckRequest, ClusterDriver, References } from './cluster-driver.ts';
import type { DriverRegistry } from './driver-registry.ts';

interface ValidateRequest {
  driver: string;
  project_id: string;
  user_id: string;
  references?: References;
  spec?: CheckRequest['spec'];
  template?: CheckRequest['template'];
  imported?: { cluster_id: string; kubeconfig: string; context?: string };
}

interface AuthorityRequest {
  id: string;
  kind: AuthorityKind;
}

interface SignRequest {
  id: string;
  /** PKCS#10, PEM. */
  csr: string;
}

/** Requests of one project that wait at once for a cluster which others made, or sign: they take long if whoever made it wants that. */
const MAX_SLOW = 4;

/** Where clusters are read. */
export interface ClusterReader {
  /** @throws CetusError `not_found` */
  read(id: string): Promise<StoredCluster>;
}

/**
 * Answers what the API asks while a client waits, for clusters that the client may see:
 *
 * - `cluster.validate` says what of a request cannot be;
 * - `cluster.authority` {id, kind} answers the certificate of an authority, {pem};
 * - `cluster.sign` {id, csr} answers a certificate for a client, {pem}.
 */
export function clusterRequests(drivers: DriverRegistry, clusters: ClusterReader): RequestHandler {
  const driverOf = async (id: string): Promise<{ cluster: StoredCluster; driver: ClusterDriver }> => {
    const stored = await clusters.read(id);
    if (stored.deleted_at !== null) throw new CetusError('not_found', `There is no cluster ${id}`);
    const cluster = { ...stored, spec: specOf(stored) };
    return { cluster, driver: drivers.get(cluster.spec.driver) };
  };

  const slow = new Map<string, number>();
  /** Refuses what a project has too much of, so that there is room for the requests of others. @throws CetusError `too_many_requests` */
  const inItsShare = async <T>(project: string, run: () => Promise<T>): Promise<T> => {
    const before = slow.get(project) ?? 0;
    if (before >= MAX_SLOW) {
      const detail = `${String(MAX_SLOW)} such requests of the project are being answered; try again after them`;
      throw new CetusError('too_many_requests', detail, { retryAfterMs: 1_000 });
    }
    slow.set(project, before + 1);
    try {
      return await run();
    } finally {
      const left = (slow.get(project) ?? 1) - 1;
      if (left > 0) slow.set(project, left);
      else slow.delete(project);
    }
  };

  return async (method, params, signal) => {
    switch (method) {
      case 'cluster.validate': {
        const { driver, ...request } = params as ValidateRequest;
        const check = async () => drivers.get(driver).check(await checkRequest(request, clusters), signal);
        return request.imported === undefined ? check() : inItsShare(request.project_id, check);
      }
      case 'cluster.authority': {
        const { id, kind } = params as AuthorityRequest;
        const { cluster, driver } = await driverOf(id);
        if (driver.authority === undefined) throw cannot(driver, 'does not show certificate authorities');
        return { pem: await driver.authority(cluster, kind, signal) };
      }
      case 'cluster.sign': {
        const { id, csr } = params as SignRequest;
        readSigningRequest(csr);
        const { cluster, driver } = await driverOf(id);
        const sign = driver.signCertificate?.bind(driver, cluster, csr, signal);
        if (sign === undefined) throw cannot(driver, 'does not sign certificates');
        return { pem: await inItsShare(cluster.project_id, sign) };
      }
      default:
        throw new CetusError('unsupported', `The conductor does not know ${method}`);
    }
  };
}

async function checkRequest(
  request: Omit<ValidateRequest, 'driver'>,
  clusters: ClusterReader,
): Promise<CheckRequest> {
  const {
    project_id: projectId,
    user_id: userId,
    references = {},
    spec,
    template,
    imported: taken,
  } = request;
  const imported =
    taken === undefined
      ? undefined
      : {
          clusterId: taken.cluster_id,
          kubeconfig: taken.kubeconfig,
          context: taken.context,
          cluster: await clusterIfThere(clusters, taken.cluster_id),
        };
  return { projectId, userId, references, spec, template, imported };
}

/** Undefined for a cluster that was not accepted yet. */
async function clusterIfThere(clusters: ClusterReader, id: string): Promise<StoredCluster | undefined> {
  try {
    return await clusters.read(id);
  } catch (error) {
    if (error instanceof CetusError && error.code === 'not_found') return undefined;
    throw error;
  }
}

function cannot(driver: ClusterDriver, what: string): CetusError {
  return new CetusError('unsupported', `The driver ${driver.description.name} ${what}`);
}
