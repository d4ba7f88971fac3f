import { randomUUID } from 'node:crypto';
import { Ref, type ClusterImport } from '@cetus/shared/schemas';
import type { ApiDeps } from '../deps.ts';
import {
  ERROR_RESPONSES,
  firstAnswer,
  IdempotencyHeaders,
  idempotencyOf,
  NoQuery,
  requesterOf,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { makeUpName } from '../names.ts';
import { accepted, ClusterIdRef } from './accept.ts';
import { importedSpec, importedTemplate, templateForImport } from './import.ts';
import { insertCluster } from './insert.ts';
import { checkKubeconfig, KUBECONFIG_BODY_BYTES } from './kubeconfig.ts';

/** `POST /v1/clusters/import`, which Magnum does not have: a cluster that others made is followed like any other. */
export function clusterImportRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  app.post(
    '/v1/clusters/import',
    {
      config: { role: 'member' },
      bodyLimit: KUBECONFIG_BODY_BYTES,
      schema: {
        tags: ['clusters'],
        operationId: 'importCluster',
        summary: 'Take in a cluster that others made',
        querystring: NoQuery,
        headers: IdempotencyHeaders,
        body: Ref<ClusterImport>('ClusterImport'),
        response: { 202: ClusterIdRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const caller = requesterOf(request);
      const idempotency = idempotencyOf(request);
      const base = links.base(request);
      const first = await firstAnswer(deps.clusters, caller, idempotency);
      if (first !== null) return accepted(reply, links, base, first);
      const { template, driver } = await templateForImport(deps, caller, body);
      const uuid = randomUUID();
      const { kubeconfig, context } = body;
      const imported = await checkKubeconfig(deps, caller, { driver, clusterId: uuid, kubeconfig, context });
      const cluster = await insertCluster(deps, {
        uuid,
        caller,
        name: body.name ?? makeUpName('cluster'),
        spec: importedSpec(body, template ?? (await importedTemplate(deps, caller, driver)), imported),
        requested: 'import',
        idempotency,
      });
      return accepted(reply, links, base, cluster);
    },
  );
}
