import { CetusError } from '@cetus/shared/errors';
import { readSigningRequest } from '@cetus/shared/pki';
import {
  CertificateQuery,
  driverService,
  Ref,
  RefParams,
  ScopeQuery,
  specOf,
  type CertificateCreate,
  type CertificateView,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import { changeCluster, ClusterIdRef, currentSpec } from '../clusters/accept.ts';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
import {
  ERROR_RESPONSES,
  IfMatchHeaders,
  ifMatchOf,
  NoBody,
  NoQuery,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { requireOwnName } from './require-own-name.ts';

const TAGS = ['certificates'];
const CertificateRef = Ref<CertificateView>('Certificate');

/** Milliseconds that a request waits for the service that holds the authority. */
const TIMEOUT_MS = 10_000;

/**
 * Magnum's `/v1/certificates`. Reading an authority needs the role `reader`. A certificate may give all power over the cluster
 * (`O=system:masters`), so signing needs `member`: whoever may delete the cluster may use it, and it outlives the user who made it.
 */
export function certificateRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { clusters, bus, services, logger } = deps;
  const ask = async (driver: string, method: string, params: object): Promise<{ pem: string }> =>
    (await bus.request(driverService(driver), method, params, { timeoutMs: TIMEOUT_MS })) as { pem: string };
  const present = (base: string, cluster: StoredCluster, more: { pem: string; csr?: string }) => ({
    bay_uuid: cluster._id,
    cluster_uuid: cluster._id,
    links: links.object(base, 'certificates', cluster._id),
    ...more,
  });

  app.get(
    '/v1/certificates/:ref',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getCertificateAuthority',
        summary: 'Read the certificate of an authority of a cluster',
        params: RefParams,
        querystring: CertificateQuery,
        response: { 200: CertificateRef, ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const cluster = await clusters.get(scopeOfRequest(request), request.params.ref);
      const { driver } = specOf(cluster);
      (await Drivers.of(services)).require(driver, 'show-ca');
      const kind = request.query.ca_cert_type ?? 'kubernetes';
      const { pem } = await ask(driver, 'cluster.authority', { id: cluster._id, kind });
      return present(links.base(request), cluster, { pem });
    },
  );

  app.post(
    '/v1/certificates',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'signCertificate',
        summary: 'Let the authority of a cluster sign a certificate',
        description:
          'A certificate may give all power over the cluster (`O=system:masters`), so the role `member` is needed: of any user of the project, not only of the one who made the cluster. Of a cluster that was imported, all others than who imported it get certificates for their own user id, and no group, only.',
        querystring: NoQuery,
        body: Ref<CertificateCreate>('CertificateCreate'),
        response: { 201: CertificateRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { cluster_uuid: ref, csr, ca_cert_type = 'kubernetes' } = request.body;
      const subject = readSigningRequest(csr);
      const cluster = await clusterNamed(request.caller.projectId, ref);
      requireOwnName(cluster, request.caller, subject);
      const { driver } = specOf(cluster);
      (await Drivers.of(services)).require(driver, 'sign-certificates');
      if (ca_cert_type !== 'kubernetes') {
        throw new CetusError('unsupported', 'Only the authority kubernetes signs', { field: 'ca_cert_type' });
      }
      const { pem } = await ask(driver, 'cluster.sign', { id: cluster._id, csr });
      const { projectId, userId } = request.caller;
      logger.info(
        {
          cluster: cluster._id,
          project_id: projectId,
          user_id: userId,
          request_id: request.id,
          commonName: subject.commonName,
          organizations: subject.organizations,
        },
        'a certificate was signed',
      );
      const base = links.base(request);
      reply.code(201).header('location', links.self(base, 'certificates', cluster._id));
      return present(base, cluster, { csr, pem });
    },
  );

  app.patch(
    '/v1/certificates/:ref',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'rotateCertificateAuthority',
        summary: 'Make the authority of a cluster anew: every certificate that it has signed is void',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        body: NoBody,
        response: { 202: ClusterIdRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const drivers = await Drivers.of(services);
      return changeCluster(deps, request, reply.code(202), {
        requested: 'rotate-ca',
        plan: (cluster) => {
          const spec = currentSpec(cluster);
          drivers.require(spec.driver, 'rotate-ca');
          const before = Math.max(spec.ca_rotations, cluster.status.ca_rotations);
          return { spec: { ...spec, ca_rotations: before + 1 } };
        },
        ...ifMatchOf(request),
      });
    },
  );

  /** That the cluster does not exist is a mistake in the body, not in the address. */
  async function clusterNamed(projectId: string, ref: string): Promise<StoredCluster> {
    try {
      return await clusters.get(scopeOf({ projectId }), ref);
    } catch (cause) {
      if (!(cause instanceof CetusError) || !['not_found', 'ambiguous_name'].includes(cause.code))
        throw cause;
      const code = cause.code === 'not_found' ? 'cluster_not_found' : 'ambiguous_reference';
      throw new CetusError(code, cause.message, { cause, field: 'cluster_uuid' });
    }
  }
}
