import { Type, type Static } from 'typebox';
import { Uuid } from '../common.ts';
import { Enum, Reference, StringOrNull } from './fields.ts';
import { Links } from './list.ts';

/** The authorities of a cluster. Source: Magnum's `ca_cert_type`. */
export const CA_CERT_TYPES = ['kubernetes', 'kubelet', 'etcd', 'front-proxy'] as const;

const CaCertType = Type.Optional(
  Enum(CA_CERT_TYPES, { description: 'The authority; `kubernetes` when absent.' }),
);

/** The body of `POST /v1/certificates`. */
export const CertificateCreate = Type.Object(
  {
    cluster_uuid: Reference('The cluster.'),
    csr: Type.String({
      minLength: 1,
      maxLength: 16_384,
      description: 'A certificate signing request: PKCS#10, as PEM.',
    }),
    ca_cert_type: CaCertType,
  },
  {
    $id: 'CertificateCreate',
    additionalProperties: false,
    description: 'A request for a certificate that the authority of a cluster signs.',
  },
);
export type CertificateCreate = Static<typeof CertificateCreate>;

export const CertificateView = Type.Object(
  {
    bay_uuid: Uuid,
    cluster_uuid: Uuid,
    links: Links,
    csr: Type.Optional(Type.String()),
    pem: Type.String({ description: 'The certificate.' }),
    ca_cert_type: Type.Optional(StringOrNull()),
  },
  { $id: 'Certificate', description: 'A certificate of a cluster.' },
);
export type CertificateView = Static<typeof CertificateView>;

/** The query of `GET /v1/certificates/{ref}`. */
export const CertificateQuery = Type.Object(
  {
    ca_cert_type: CaCertType,
    all_projects: Type.Optional(
      Type.Boolean({ description: 'A cluster of any project; for administrators.' }),
    ),
  },
  { additionalProperties: false },
);
