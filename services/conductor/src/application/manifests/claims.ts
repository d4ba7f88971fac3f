import type { Manifest } from '@cetus/kubernetes/apply';
import { canonicalQuantity } from '@cetus/shared/applications';
import type { Volume } from '@cetus/shared/schemas';
import { given, type Fields, type ManifestInput } from './input.ts';
import { metadataOf, ownLabels } from './metadata.ts';
import { partName } from './names.ts';

type ClaimTemplate = NonNullable<Volume['claim_template']>;

/** The claims that all instances share; those of a `stateful` application are each instance's own. */
export function claims(input: ManifestInput): Manifest[] {
  if (input.spec.kind === 'stateful') return [];
  return templatesOf(input).map(({ name, template }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataOf(input, partName(input.application.name, name)),
    spec: claimSpec(template),
  }));
}

/**
 * The templates of a StatefulSet; undefined: none. They can never change, so they have only the labels that do not. The list is compared
 * as one value, so what older API servers add is there already: else each apply would be a change to them.
 */
export function claimTemplates(input: ManifestInput): Fields[] | undefined {
  const templates = templatesOf(input);
  if (templates.length === 0) return undefined;
  return templates.map(({ name, template }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, labels: ownLabels(input), creationTimestamp: null },
    spec: { ...claimSpec(template), volumeMode: 'Filesystem' },
    status: { phase: 'Pending' },
  }));
}

function templatesOf({ spec }: ManifestInput): { name: string; template: ClaimTemplate }[] {
  return (spec.volumes ?? []).flatMap(({ name, claim_template: template }) =>
    template === undefined ? [] : [{ name, template }],
  );
}

function claimSpec({ size, storage_class, access_mode = 'ReadWriteOnce' }: ClaimTemplate): Fields {
  return given({
    accessModes: [access_mode],
    resources: { requests: { storage: canonicalQuantity(size) } },
    storageClassName: storage_class,
  });
}
