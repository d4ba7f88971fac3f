import {
  ApplicationImportQuery,
  MAX_IMPORT_BYTES,
  Ref,
  type ApplicationCreate,
  type ApplicationImport,
  type ImportPreview,
  type ImportResult,
} from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../../deps.ts';
import {
  ERROR_RESPONSES,
  IdempotencyHeaders,
  idempotencyOf,
  requesterOf,
  type TypedApp,
} from '../../http/index.ts';
import { resolvePlacements } from '../placements.ts';
import { acceptAll } from './accept-all.ts';
import { convert } from './convert.ts';
import type { Conversion } from './converted.ts';
import { problemsWith } from './judge.ts';
import { refuse } from './refuse.ts';

/** Bytes of the body of an import: what JSON makes of a text is longer than it is. */
const IMPORT_BODY_BYTES = 4 * MAX_IMPORT_BYTES;

/** `POST /v1/applications/import`: what people have already becomes applications. */
export function applicationImportRoutes(app: TypedApp, deps: ApiDeps): void {
  app.post(
    '/v1/applications/import',
    {
      config: { role: 'member' },
      bodyLimit: IMPORT_BODY_BYTES,
      schema: {
        tags: ['applications'],
        operationId: 'importApplications',
        summary:
          'Make applications of a Compose file or of manifests of Kubernetes, or see what they would be',
        querystring: ApplicationImportQuery,
        headers: IdempotencyHeaders,
        body: Ref<ApplicationImport>('ApplicationImport'),
        response: {
          200: Ref<ImportPreview>('ApplicationImportPreview'),
          202: Ref<ImportResult>('ApplicationImportResult'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const caller = requesterOf(request);
      const idempotency = idempotencyOf(request);
      const conversion = convert(body);
      const isDryRun = request.query.dry_run === true;
      // They are the request's own, not of what is imported.
      await resolvePlacements(deps.clusters, scopeOf(caller), body.placements);
      if (isDryRun) return preview(deps, caller.projectId, conversion);
      const { applications, report } = conversion;
      if (applications.length === 0) refuse('has nothing that can be imported; a dry run says why');
      const accepted = await acceptAll(deps, applications, { caller, idempotency, log: request.log });
      reply.code(202);
      return { ...accepted, report };
    },
  );
}

async function preview(
  deps: ApiDeps,
  projectId: string,
  { applications, report }: Conversion,
): Promise<ImportPreview> {
  const seen: ImportPreview['applications'] = [];
  for (const one of applications) {
    const problems = await problemsWith(deps, projectId, one);
    seen.push({ source: one.source, form: withoutValues(one.form), problems });
  }
  return { applications: seen, report };
}

/** What is secret is never answered, also to who has sent it. */
function withoutValues({ secrets, image_pull_secret, ...form }: ApplicationCreate): ApplicationCreate {
  const { password: _password, ...account } = image_pull_secret ?? {};
  return {
    ...form,
    ...(secrets === undefined ? {} : { secrets: secrets.map(({ name }) => ({ name })) }),
    ...(image_pull_secret === undefined ? {} : { image_pull_secret: account }),
  };
}
