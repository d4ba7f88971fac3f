import { Ref } from '@cetus/shared/schemas';
import type { FastifyRequest } from 'fastify';
import type { LinkBuilder } from './http/links.ts';
import { MAX_MICROVERSION, MIN_MICROVERSION, negotiateMicroversion } from './http/microversion.ts';
import { ERROR_RESPONSES, type TypedApp } from './http/route.ts';

const TAGS = ['versions'];

/** What is served, open to everybody as in Magnum: `/` and `/v1`. */
export function discoveryRoutes(app: TypedApp, links: LinkBuilder): void {
  app.get(
    '/',
    {
      schema: {
        tags: TAGS,
        security: [],
        operationId: 'listVersions',
        summary: 'The versions of the API',
        response: { 200: Ref<unknown>('Versions'), ...ERROR_RESPONSES },
      },
    },
    (request: FastifyRequest) => ({
      name: 'OpenStack Magnum API',
      description: 'Cetus, which speaks the API of OpenStack Magnum and more.',
      versions: [
        {
          id: 'v1',
          links: [{ href: `${links.base(request)}/v1/`, rel: 'self' }],
          status: 'CURRENT',
          max_version: `1.${MAX_MICROVERSION}`,
          min_version: `1.${MIN_MICROVERSION}`,
        },
      ],
    }),
  );

  app.get(
    '/v1',
    {
      onRequest: negotiateMicroversion,
      schema: {
        tags: TAGS,
        security: [],
        operationId: 'getVersion',
        summary: 'The resources of version 1',
        response: { 200: Ref<unknown>('Version'), ...ERROR_RESPONSES },
      },
    },
    (request: FastifyRequest) => {
      const base = links.base(request);
      const list = (resource: string) => [
        { href: `${base}/v1/${resource}/`, rel: 'self' },
        { href: `${base}/${resource}/`, rel: 'bookmark' },
      ];
      return {
        id: 'v1',
        media_types: [{ base: 'application/json', type: 'application/vnd.openstack.magnum.v1+json' }],
        links: [
          { href: `${base}/v1/`, rel: 'self' },
          { href: `${base}/docs`, rel: 'describedby', type: 'text/html' },
        ],
        clustertemplates: list('clustertemplates'),
        clusters: list('clusters'),
        quotas: list('quotas'),
        certificates: list('certificates'),
        mservices: list('mservices'),
        stats: list('stats'),
        // As in Magnum: with the place of the cluster's id, and no slash at the end.
        nodegroups: [
          { href: `${base}/v1/clusters/{cluster_id}/nodegroups`, rel: 'self' },
          { href: `${base}/clusters/{cluster_id}/nodegroups`, rel: 'bookmark' },
        ],
        applications: list('applications'),
        operations: list('operations'),
        events: list('events'),
      };
    },
  );
}
