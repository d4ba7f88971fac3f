import { CloudEventSchema, ErrorBody } from '@cetus/shared/schemas';
import * as schemas from '@cetus/shared/schemas';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { shareRepeated } from './openapi-sharing.ts';

/** The version of the document: it changes when the API does. */
const DOCUMENT_VERSION = '1.14.3';

/** What the page may do: run its own scripts, ask this server. */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/** The schemas that documents show by name, and routes refer to. What several of them contain has a `title`: see {@link shareRepeated}. */
const NAMED = [
  ErrorBody,
  schemas.JsonPatchSchema,
  schemas.VersionsView,
  schemas.VersionView,
  schemas.ClusterTemplateCreate,
  schemas.ClusterTemplateView,
  schemas.ClusterTemplateList,
  schemas.ClusterCreate,
  schemas.ClusterImport,
  schemas.ClusterResize,
  schemas.ClusterUpgrade,
  schemas.ClusterId,
  schemas.ClusterBrief,
  schemas.ClusterView,
  schemas.ClusterBriefList,
  schemas.ClusterList,
  schemas.ApplicationCreate,
  schemas.ApplicationReplace,
  schemas.ApplicationImport,
  schemas.ImportPreview,
  schemas.ImportResult,
  schemas.ApplicationScale,
  schemas.ApplicationRollback,
  schemas.ApplicationId,
  schemas.EndpointView,
  schemas.EndpointList,
  schemas.QosView,
  schemas.ApplicationClusterView,
  schemas.ApplicationBrief,
  schemas.ApplicationView,
  schemas.ApplicationBriefList,
  schemas.ApplicationList,
  schemas.DryRunView,
  schemas.RevisionBrief,
  schemas.RevisionList,
  schemas.RevisionView,
  schemas.RevisionDiff,
  schemas.ProblemView,
  schemas.InstanceView,
  schemas.InstanceList,
  schemas.KubernetesEventView,
  schemas.KubernetesEventList,
  schemas.NodeGroupCreate,
  schemas.NodeGroupBrief,
  schemas.NodeGroupView,
  schemas.NodeGroupList,
  schemas.CertificateCreate,
  schemas.CertificateView,
  schemas.QuotaCreate,
  schemas.QuotaUpdate,
  schemas.QuotaView,
  schemas.QuotaList,
  schemas.StatsView,
  schemas.ServiceView,
  schemas.ServiceList,
  schemas.OperationView,
  schemas.OperationList,
  CloudEventSchema,
  schemas.EventList,
];

/** Writes the OpenAPI document from the schemas of the routes; serves it, and a page for people. Register it before the routes. */
export async function documentApi(app: FastifyInstance): Promise<void> {
  for (const schema of NAMED) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Cetus',
        description:
          'Containers beside virtual machines. The resources of OpenStack Magnum are spoken as Magnum speaks them, with its microversions; the others look the same.',
        version: DOCUMENT_VERSION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: {
            type: 'apiKey',
            in: 'header',
            name: 'X-Auth-Token',
            description: 'A Keystone token, scoped to a project.',
          },
        },
      },
      security: [{ token: [] }],
    },
    // Routes that serve WebSockets are hidden by what serves them; they are a part of the API all the same.
    transform: ({ schema, url, route }) => ({
      schema: route.config?.webSocket === true ? { ...schema, hide: false } : schema,
      url,
    }),
    transformObject: (made) =>
      'openapiObject' in made ? shareRepeated(made.openapiObject) : made.swaggerObject,
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) =>
        typeof json.$id === 'string' ? json.$id : `def-${i}`,
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    // The document is not shown to a validator on the Internet.
    uiConfig: { deepLinking: true, validatorUrl: null },
  });
}
