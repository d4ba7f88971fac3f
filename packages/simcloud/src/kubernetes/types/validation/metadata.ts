import type { KubeObject } from '../../objects.ts';
import {
  required,
  wrong,
  nameProblems,
  labelProblems,
  type Problems,
  LABEL_NAME,
  LABEL_NAME_DETAIL,
} from './rules.ts';

/** Checks that every object's metadata must pass. */
export function validateMetadata(plural: string, object: KubeObject, old: KubeObject | undefined): Problems {
  const { name, generateName, labels, annotations, finalizers, ownerReferences } = object.metadata;
  const problems: Problems = [];
  if (name === '') problems.push(required('metadata.name', 'name or generateName is required'));
  else if (old === undefined) problems.push(...nameProblems(plural, 'metadata.name', name));
  if (generateName !== undefined && generateName !== '' && old === undefined)
    problems.push(...nameProblems(plural, 'metadata.generateName', generateName.replace(/-+$/, '')));
  problems.push(...labelProblems('metadata.labels', labels));
  for (const key of Object.keys(annotations ?? {}))
    if (!LABEL_NAME.test(key.slice(key.indexOf('/') + 1)))
      problems.push(wrong('metadata.annotations', key, LABEL_NAME_DETAIL));
  for (const finalizer of finalizers ?? [])
    if (!finalizer.includes('/') && !['foregroundDeletion', 'orphan', 'kubernetes'].includes(finalizer))
      problems.push(
        wrong(
          'metadata.finalizers',
          finalizer,
          'name is neither a standard finalizer name nor is it fully qualified',
        ),
      );
  for (const owner of ownerReferences ?? []) {
    if (!owner.uid)
      problems.push(wrong('metadata.ownerReferences.uid', owner.uid ?? '', 'uid must not be empty'));
  }
  if (old !== undefined && old.metadata.deletionTimestamp !== undefined) {
    const added = (finalizers ?? []).filter((one) => !(old.metadata.finalizers ?? []).includes(one));
    if (added.length > 0)
      problems.push({
        field: 'metadata.finalizers',
        type: 'Forbidden',
        detail: `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added).replaceAll(',', ', ').replace('[', 'sets.String{').replace(']', '}')}`,
      });
  }
  return problems;
}
