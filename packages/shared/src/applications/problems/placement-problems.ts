import type { ApplicationForm, ApplicationKind } from '../../schemas/index.ts';
import { withOverrides } from '../overrides.ts';
import { resourceProblems } from './container-problems.ts';
import { exposureProblems } from './exposure-problems.ts';
import { exactlyOne, invalid, repeated, type Path, type Problem } from './problem.ts';
import {
  autoscalingProblems,
  replicasProblems,
  schedulingProblems,
  withoutRequest,
} from './workload-problems.ts';

/** Where an application shall run, and whether what is different there goes with the rest. */
export function placementProblems(kind: ApplicationKind, form: ApplicationForm): Problem[] {
  return [
    ...repeated(form.placements.map(({ cluster }) => cluster)).map(({ index, name }) =>
      invalid(['placements', index, 'cluster'], `must be unique: ${name} is there twice`),
    ),
    ...form.placements.flatMap((placement, index) => [
      ...exactlyOne(['placements', index], placement, ['cluster', 'selector']),
      ...overridesProblems(kind, form, index),
    ]),
  ];
}

function overridesProblems(kind: ApplicationKind, form: ApplicationForm, index: number): Problem[] {
  const overrides = form.placements[index]?.overrides;
  if (overrides === undefined) return [];
  const path = ['placements', index, 'overrides'];
  const names = new Set([...form.containers, ...(form.init_containers ?? [])].map(({ name }) => name));
  const unknown = (['images', 'resources'] as const).flatMap((field) =>
    Object.keys(overrides[field] ?? {}).flatMap((name) =>
      names.has(name) ? [] : [invalid([...path, field, name], 'must be by the name of a container')],
    ),
  );
  const resources = Object.entries(overrides.resources ?? {}).flatMap(([name, amounts]) =>
    resourceProblems(amounts, [...path, 'resources', name]),
  );
  const { containers, autoscaling, exposure } = withOverrides(form, overrides);
  return [
    ...unknown,
    ...resources,
    ...replicasProblems(kind, overrides.replicas, [...path, 'replicas']),
    ...(overrides.autoscaling === undefined
      ? requestProblems(form, containers, [...path, 'resources'])
      : autoscalingProblems(kind, autoscaling, containers, [...path, 'autoscaling'])),
    ...(overrides.exposure === undefined
      ? []
      : exposureProblems(exposure, containers, [...path, 'exposure'])),
    ...schedulingProblems(overrides.scheduling, [...path, 'scheduling']),
  ];
}

/** What is requested there may be too little for the autoscaling of the application itself. */
function requestProblems(
  form: ApplicationForm,
  containers: ApplicationForm['containers'],
  path: Path,
): Problem[] {
  return (['cpu', 'memory'] as const).flatMap((what) => {
    if (form.autoscaling?.[`${what}_percent`] === undefined) return [];
    // What is so everywhere is told of the application.
    if (withoutRequest(what, form.containers) !== undefined) return [];
    const without = withoutRequest(what, containers);
    return without === undefined
      ? []
      : [
          invalid(
            [...path, without],
            `must request ${what}, as autoscaling/${what}_percent is a share of it`,
          ),
        ];
  });
}
