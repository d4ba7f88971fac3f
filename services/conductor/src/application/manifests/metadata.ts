import type { Manifest } from '@cetus/kubernetes/apply';
import { APPLICATION_LABEL, MANAGED_BY, MANAGED_BY_LABEL, NAME_LABEL } from '@cetus/shared/schemas';
import { nonEmpty, type ManifestInput } from './input.ts';

/** What tells whose an object is: never changes. */
export function ownLabels({ application }: Pick<ManifestInput, 'application'>): Record<string, string> {
  return {
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [NAME_LABEL]: application.name,
    [APPLICATION_LABEL]: application._id,
  };
}

/** The labels of every object and every instance. */
export function labelsOf(input: Pick<ManifestInput, 'application' | 'spec'>): Record<string, string> {
  return { ...input.spec.labels, ...ownLabels(input) };
}

/** What selects the instances. A workload's selector cannot change, so it names nothing that can. */
export function instanceLabels({ application }: Pick<ManifestInput, 'application'>): Record<string, string> {
  return { [APPLICATION_LABEL]: application._id };
}

export function metadataOf(
  input: ManifestInput,
  name: string,
  annotations: Record<string, string> = {},
): Manifest['metadata'] {
  const some = nonEmpty(annotations);
  return {
    name,
    namespace: input.namespace,
    labels: labelsOf(input),
    ...(some === undefined ? {} : { annotations: some }),
  };
}
