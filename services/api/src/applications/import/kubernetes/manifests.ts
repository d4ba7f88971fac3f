import { MAX_IMPORTED } from '@cetus/shared/schemas';
import type { Conversion, Converted, ConvertOptions } from '../converted.ts';
import { applicationNames, tellName } from '../names.ts';
import { refuse } from '../refuse.ts';
import { ImportReport } from '../report.ts';
import { ManifestContext } from './context.ts';
import { KubernetesObjects } from './objects.ts';
import { formOfWorkload, KINDS } from './workload.ts';

/** What is told of an object that no workload uses. */
const UNUSED: Readonly<Record<string, string>> = {
  Service: 'It is not carried over: it selects no workload that is imported.',
  Ingress: 'It is not carried over: it leads to no workload that is imported.',
  HorizontalPodAutoscaler: 'It is not carried over: what it scales is not imported.',
  ConfigMap: 'It is not carried over: no workload that is imported uses it.',
  Secret: 'It is not carried over: no workload that is imported uses it.',
  PersistentVolumeClaim: 'It is not carried over: no workload that is imported uses it.',
};

/**
 * Makes applications of manifests, one of each workload, with what belongs to it.
 * @param documents as plain values
 * @throws CetusError `invalid_field` of `content` when there is too much
 */
export function fromManifests(
  documents: readonly unknown[],
  options: ConvertOptions,
  report = new ImportReport(),
): Conversion {
  const context = new ManifestContext(new KubernetesObjects(documents, report), options);
  const names = applicationNames();
  const workloads = context.objects.of(...Object.keys(KINDS));
  if (workloads.length > MAX_IMPORTED) refuse(`has more than ${String(MAX_IMPORTED)} workloads`);
  const applications = workloads.map((workload): Converted => {
    const name = names.take(workload.name);
    tellName(workload.at, workload.name, name);
    if (workload.namespace !== '')
      workload.at
        .in('metadata', 'namespace')
        .note('Applications are in the namespace that their user has in each cluster.');
    return { source: workload.at.source, form: formOfWorkload(workload, name, context) };
  });
  for (const [kind, message] of Object.entries(UNUSED)) {
    for (const object of context.objects.of(kind)) if (context.usersOf(object) === 0) object.at.lost(message);
  }
  return { applications, report: report.items };
}
