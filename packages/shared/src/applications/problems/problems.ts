import type { ApplicationForm, ApplicationKind } from '../../schemas/index.ts';
import { containersProblems } from './container-problems.ts';
import { exposureProblems } from './exposure-problems.ts';
import { placementProblems } from './placement-problems.ts';
import type { Problem } from './problem.ts';
import { storageProblems } from './storage-problems.ts';
import { workloadProblems } from './workload-problems.ts';

/**
 * What in a form does not go together, beyond what its schema says of each field; in the order of the form, more or less. The form
 * is one that its schema takes. Whether secrets have values is for who knows what there was before.
 * @param allowed what of the nodes the site lets applications reach, of `HOST_ACCESS`
 */
export function problemsOf(
  kind: ApplicationKind,
  form: ApplicationForm,
  allowed: ReadonlySet<string>,
): Problem[] {
  return [
    ...placementProblems(kind, form),
    ...containersProblems(form, allowed),
    ...workloadProblems(kind, form, allowed),
    ...exposureProblems(form.exposure, form.containers, ['exposure']),
    ...storageProblems(form, allowed),
  ];
}
