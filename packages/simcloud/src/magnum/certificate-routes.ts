import type { FastifyInstance } from 'fastify';
import { guarded, type Call, type MagnumContext } from './api.ts';
import { authorityCertificate, signCsr } from './authorities.ts';
import { identOf } from './cluster-routes.ts';
import { badRequest, forbidden, MagnumError } from './errors.ts';
import { readBody, readonly, type Fields } from './fields.ts';
import { V1 } from './paths.ts';
import type { ClusterFamily } from './records.ts';

const CERTIFICATES = `${V1}/certificates`;

const FIELDS: Fields = {
  bay_uuid: { kind: 'string' },
  cluster_uuid: { kind: 'string' },
  links: readonly,
  csr: { kind: 'string', min: 1 },
  pem: { kind: 'string' },
  ca_cert_type: { kind: 'string' },
};

/** Certificates of a cluster's authorities: shown, signed, replaced. */
export function certificateRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, views, conductor } = context;
  const view = ({ cluster: { uuid } }: ClusterFamily, rest: { csr?: string; pem: string }): unknown => ({
    bay_uuid: uuid,
    cluster_uuid: uuid,
    links: views.links(`certificates/${uuid}`),
    ...rest,
  });

  app.get(
    `${CERTIFICATES}/:cluster`,
    guarded(context, async (call) => {
      const family = store.family(call.own, identOf(call));
      requireCreator(call, family, 'get');
      const pem = await conductor.ask(() => authorityCertificate(family, call.query['ca_cert_type']));
      return view(family, { pem });
    }),
  );

  app.post(
    CERTIFICATES,
    guarded(context, async (call, reply) => {
      const wanted = readBody('certificate', FIELDS, call.body) as Record<string, string | undefined>;
      const ident = wanted['cluster_uuid'] ?? wanted['bay_uuid'];
      const family = store.family(call.own, ident ?? 'Unset', ident === undefined ? 404 : 400);
      requireCreator(call, family, 'create');
      const { csr } = wanted;
      if (csr === undefined) throw new MagnumError(500, "Cannot load 'csr' in the base class");
      const pem = await conductor.ask(() => signCsr(family, csr, wanted['ca_cert_type']));
      return reply.code(201).send(view(family, { csr, pem }));
    }),
  );

  app.patch(
    `${CERTIFICATES}/:cluster`,
    guarded(context, async (call, reply) => {
      const family = store.family(call.own, identOf(call));
      const template = store.templates.get(family.cluster.cluster_template_id);
      if (template?.tls_disabled === true) {
        throw badRequest('Rotating the CA certificate on a non-TLS cluster is not supported');
      }
      await conductor.rotate(family);
      return reply.code(202).send({ uuid: family.cluster.uuid });
    }),
  );
}

/** Others of the project may not have certificates, only who has made the cluster, and administrators in its project. */
function requireCreator({ isAdmin, caller }: Call, { cluster }: ClusterFamily, verb: 'get' | 'create'): void {
  if (!isAdmin && cluster.user_id !== caller.userId) throw forbidden(`certificate:${verb}`);
}
