import { newObject, type Requester } from '@cetus/shared/operations';
import type {
  ClusterImport,
  ClusterSpec,
  ClusterTemplateSpec,
  StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { CLUSTER_TEMPLATE, scopeOf, type IdempotentRequest } from '@cetus/shared/store';
import { templateSpec } from '../cluster-templates/spec.ts';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
import { clusterSpec } from './create.ts';
import { templateOf } from './template-of.ts';

/** The name of the template that is made for clusters that others made, and what it says of an image, as every template must. */
const TEMPLATE_NAME = 'imported';

/**
 * The template of a cluster that is taken in: the one that the request names, or one of the project's own.
 * @throws CetusError `cluster_template_not_found`; `unsupported` when the template is for making clusters; `drivers_unknown`
 */
export async function templateForImport(
  deps: ApiDeps,
  caller: Requester,
  request: ClusterImport,
): Promise<{ template: StoredClusterTemplate | null; driver: string }> {
  const drivers = await Drivers.of(deps.services);
  const ref = request.cluster_template_id;
  if (ref == null) return { template: null, driver: drivers.first('import') };
  const template = await templateOf(deps.templates, scopeOf(caller), ref);
  drivers.require(template.spec.driver, 'import', 'cluster_template_id');
  return { template, driver: template.spec.driver };
}

/**
 * The template `imported` of a project, made when there is none. Of requests that come at once one makes it: they all ask for it with
 * one idempotency key, which no client can send. When it was deleted, the next one's key names it.
 */
export async function importedTemplate(
  { templates, dispatcher }: ApiDeps,
  caller: Requester,
  driver: string,
): Promise<StoredClusterTemplate> {
  for (let key = `template for import by ${driver}`; ;) {
    const request: IdempotentRequest = {
      record: { key, fingerprint: driver },
      matches: ({ fingerprint }) => fingerprint === driver,
    };
    const found = (await templates.findByIdempotencyKey(caller.projectId, request)) ?? (await make(request));
    if (found.deleted_at === null) return found;
    key = `template for import by ${driver} after ${found._id}`;
  }

  async function make(request: IdempotentRequest): Promise<StoredClusterTemplate> {
    const { object, replayed } = await templates.create(
      newObject<ClusterTemplateSpec, StoredClusterTemplate['status']>({
        kind: CLUSTER_TEMPLATE,
        caller,
        name: TEMPLATE_NAME,
        spec: templateSpec(
          { coe: 'kubernetes', image_id: TEMPLATE_NAME, floating_ip_enabled: false },
          driver,
          null,
        ),
        status: {},
        deadlineMs: null,
      }),
      request,
    );
    if (!replayed) await dispatcher.dispatch(CLUSTER_TEMPLATE, object);
    return object;
  }
}

/** What a cluster that others made is asked to be: as it is. */
export function importedSpec(
  request: ClusterImport,
  template: StoredClusterTemplate,
  imported: NonNullable<ClusterSpec['imported']>,
): ClusterSpec {
  const { labels = null } = request;
  const spec = clusterSpec({ cluster_template_id: template._id, labels }, template);
  return { ...spec, node_groups: [], imported };
}
