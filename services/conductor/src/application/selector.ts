import { APPLICATION_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '@cetus/shared/schemas';

/** What selects the objects of an application, its pods included. */
export function selectorOf(applicationId: string): string {
  return `${MANAGED_BY_LABEL}=${MANAGED_BY},${APPLICATION_LABEL}=${applicationId}`;
}
