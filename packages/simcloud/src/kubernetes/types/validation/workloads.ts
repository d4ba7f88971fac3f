import type { FieldProblem } from '../../api/status-error.ts';
import { labelSelectorTest } from '../../api/selectors.ts';
import { at, fieldsOf, isFields, isSame, listOf, type Fields, type KubeObject } from '../../objects.ts';
import { required, wrong, oneOf, labelProblems, type Problems, CRON, IMMUTABLE } from './rules.ts';
import { podSpecProblems } from './pods.ts';

function replicaProblems(spec: Fields): Problems {
  const replicas = spec['replicas'];
  return replicas !== undefined && (typeof replicas !== 'number' || replicas < 0)
    ? [wrong('spec.replicas', replicas, 'must be greater than or equal to 0')]
    : [];
}

/** What Deployments, ReplicaSets, DaemonSets and StatefulSets have in common. */
export function workload(object: KubeObject, old: KubeObject | undefined): Problems {
  const spec = fieldsOf(object.spec);
  const problems = replicaProblems(spec);
  const selector = spec['selector'];
  const labels = fieldsOf(at(spec, 'template', 'metadata', 'labels')) as Record<string, string>;
  const isEmpty =
    Object.keys(fieldsOf(at(selector, 'matchLabels'))).length === 0 &&
    listOf(at(selector, 'matchExpressions')).length === 0;
  if (!isFields(selector)) problems.push(required('spec.selector'));
  else if (isEmpty)
    problems.push(wrong('spec.selector', selector, 'empty selector is invalid for deployment'));
  if (!isEmpty && !labelSelectorTest(selector)(labels)) {
    problems.push(
      wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  }
  problems.push(...labelProblems('spec.template.labels', labels));
  // A StatefulSet's own claims are volumes of its pods.
  const claims = listOf(spec['volumeClaimTemplates']).map((claim) => at(claim, 'metadata', 'name'));
  const podSpec = fieldsOf(at(spec, 'template', 'spec'));
  problems.push(...podSpecProblems('spec.template.spec', podSpec, ['Always'], claims));
  if (old !== undefined && !isSame(selector, at(old.spec, 'selector')))
    problems.push(wrong('spec.selector', selector, IMMUTABLE));
  return problems;
}

export function statefulSet(object: KubeObject, old: KubeObject | undefined): Problems {
  const problems = workload(object, old);
  if (old === undefined) return problems;
  const fixed = (value: unknown): Fields => ({
    ...fieldsOf(value),
    replicas: undefined,
    template: undefined,
    updateStrategy: undefined,
    persistentVolumeClaimRetentionPolicy: undefined,
    minReadySeconds: undefined,
    revisionHistoryLimit: undefined,
    ordinals: undefined,
  });
  if (!isSame(fixed(object.spec), fixed(old.spec))) {
    problems.push({
      field: 'spec',
      type: 'Forbidden',
      detail:
        "updates to statefulset spec for fields other than 'replicas', 'template', and 'updateStrategy' are forbidden",
    });
  }
  return problems;
}

/** A job's pods are not started again for ever. */
function notAlways(field: string): FieldProblem {
  return required(`${field}.restartPolicy`, 'valid values: "OnFailure", "Never"');
}

export function job(object: KubeObject, old: KubeObject | undefined): Problems {
  const spec = fieldsOf(object.spec);
  const restart = at(spec, 'template', 'spec', 'restartPolicy');
  const problems = podSpecProblems('spec.template.spec', fieldsOf(at(spec, 'template', 'spec')), [
    'Always',
    'OnFailure',
    'Never',
  ]);
  if (restart === 'Always' || restart === undefined) problems.push(notAlways('spec.template.spec'));
  if (old !== undefined && !isSame(spec['template'], at(old.spec, 'template')))
    problems.push(wrong('spec.template', spec['template'], IMMUTABLE));
  return problems;
}

export function cronJob(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  const schedule = spec['schedule'];
  const problems: Problems = [];
  if (typeof schedule !== 'string' || schedule === '') problems.push(required('spec.schedule'));
  else if (!CRON.test(schedule.trim()))
    problems.push(
      wrong(
        'spec.schedule',
        schedule,
        `expected exactly 5 fields, found ${String(schedule.trim().split(/\s+/).length)}: [${schedule}]`,
      ),
    );
  problems.push(
    ...oneOf('spec.concurrencyPolicy', spec['concurrencyPolicy'], ['Allow', 'Forbid', 'Replace']),
  );
  const podSpec = fieldsOf(at(spec, 'jobTemplate', 'spec', 'template', 'spec'));
  problems.push(
    ...podSpecProblems('spec.jobTemplate.spec.template.spec', podSpec, ['Always', 'OnFailure', 'Never']),
  );
  if (podSpec['restartPolicy'] === 'Always') problems.push(notAlways('spec.jobTemplate.spec.template.spec'));
  return problems;
}
