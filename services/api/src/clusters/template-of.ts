import { CetusError } from '@cetus/shared/errors';
import type { StoredClusterTemplate } from '@cetus/shared/schemas';
import type { Scope, ScopedStore } from '@cetus/shared/store';

/**
 * The template that the body of a request names; that it does not exist is a mistake in the body, not in the address.
 * @throws CetusError `cluster_template_not_found`, `ambiguous_reference`
 */
export async function templateOf(
  templates: ScopedStore<StoredClusterTemplate>,
  scope: Scope,
  ref: string,
  field = 'cluster_template_id',
): Promise<StoredClusterTemplate> {
  try {
    return await templates.get(scope, ref);
  } catch (cause) {
    if (cause instanceof CetusError && cause.code === 'not_found') {
      throw new CetusError('cluster_template_not_found', `There is no cluster template ${ref}`, {
        cause,
        field,
      });
    }
    if (cause instanceof CetusError && cause.code === 'ambiguous_name') {
      throw new CetusError('ambiguous_reference', cause.message, { cause, field });
    }
    throw cause;
  }
}
