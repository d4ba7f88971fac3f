import {
  DEFAULT_PROGRESS_DEADLINE_SECONDS,
  type ApplicationForm,
  type ApplicationKind,
  type Autoscaling,
  type Scheduling,
  type UpdateStrategy,
} from '../../schemas/index.ts';
import { parseQuantity } from '../quantity.ts';
import { scheduleProblem } from './cron.ts';
import { denied, invalid, missing, type Path, type Problem } from './problem.ts';

/** Kinds whose number of instances is asked for. */
const SCALED: ReadonlySet<ApplicationKind> = new Set(['stateless', 'stateful']);
/** Kinds that run to an end. */
const ENDING: ReadonlySet<ApplicationKind> = new Set(['job', 'cronjob']);

export function workloadProblems(
  kind: ApplicationKind,
  form: ApplicationForm,
  allowed: ReadonlySet<string>,
): Problem[] {
  return [
    ...replicasProblems(kind, form.replicas, ['replicas']),
    ...autoscalingProblems(kind, form.autoscaling, form.containers, ['autoscaling']),
    ...strategyProblems(kind, form),
    ...jobProblems(kind, form),
    ...schedulingProblems(form.scheduling, ['scheduling']),
    ...(form.host_network === true && !allowed.has('host-network')
      ? [denied(['host_network'], 'host-network')]
      : []),
    ...labelProblems(form.labels ?? {}),
  ];
}

export function replicasProblems(kind: ApplicationKind, replicas: number | undefined, path: Path): Problem[] {
  return replicas === undefined || SCALED.has(kind) ? [] : [notOf(kind, path)];
}

/** @param path where the autoscaling is, or what makes it impossible */
export function autoscalingProblems(
  kind: ApplicationKind,
  autoscaling: Autoscaling | undefined,
  containers: ApplicationForm['containers'],
  path: Path,
): Problem[] {
  if (autoscaling === undefined) return [];
  if (!SCALED.has(kind)) return [notOf(kind, path)];
  const { min_replicas, max_replicas, cpu_percent, memory_percent } = autoscaling;
  return [
    ...(min_replicas > max_replicas
      ? [invalid([...path, 'min_replicas'], `must not be more than max_replicas, ${String(max_replicas)}`)]
      : []),
    ...(cpu_percent === undefined && memory_percent === undefined
      ? [invalid(path, 'must have cpu_percent, memory_percent or both')]
      : []),
    ...(cpu_percent === undefined ? [] : requestProblems('cpu', containers, [...path, 'cpu_percent'])),
    ...(memory_percent === undefined
      ? []
      : requestProblems('memory', containers, [...path, 'memory_percent'])),
  ];
}

/** A share of what is requested needs every container to request something. */
function requestProblems(
  what: 'cpu' | 'memory',
  containers: ApplicationForm['containers'],
  path: Path,
): Problem[] {
  const without = withoutRequest(what, containers);
  return without === undefined
    ? []
    : [invalid(path, `needs a request for ${what} of each container: ${without} has none`)];
}

/** The first container that requests nothing of a resource, and has no limit that would count as a request. */
export function withoutRequest(
  what: 'cpu' | 'memory',
  containers: ApplicationForm['containers'],
): string | undefined {
  return containers.find(
    ({ resources }) => parseQuantity(resources?.requests?.[what] ?? resources?.limits?.[what] ?? '0') === 0n,
  )?.name;
}

/** Which kinds each field of a strategy is for. */
const STRATEGY_KINDS = {
  max_surge: new Set(['stateless', 'daemon']),
  max_unavailable: new Set(['stateless', 'daemon']),
  partition: new Set(['stateful']),
} as const satisfies Record<string, ReadonlySet<ApplicationKind>>;

const TYPE_KINDS: Record<UpdateStrategy['type'], ReadonlySet<ApplicationKind>> = {
  rolling: new Set(['stateless', 'stateful', 'daemon']),
  recreate: new Set(['stateless']),
  on_delete: new Set(['stateful', 'daemon']),
};

function strategyProblems(kind: ApplicationKind, form: ApplicationForm): Problem[] {
  const strategy = form.update_strategy;
  if (strategy === undefined) return [];
  if (ENDING.has(kind)) return [notOf(kind, ['update_strategy'])];
  const path = ['update_strategy'];
  const problems: Problem[] = [];
  if (!TYPE_KINDS[strategy.type].has(kind))
    problems.push(invalid([...path, 'type'], `must not be ${strategy.type} for the kind ${kind}`));
  for (const field of ['max_surge', 'max_unavailable', 'partition'] as const) {
    if (strategy[field] === undefined) continue;
    const kinds: ReadonlySet<ApplicationKind> = STRATEGY_KINDS[field];
    if (!kinds.has(kind)) problems.push(notOf(kind, [...path, field]));
    else if (strategy.type !== 'rolling')
      problems.push(invalid([...path, field], 'is for the type rolling only'));
  }
  const { max_surge, max_unavailable, min_ready_seconds = 0 } = strategy;
  if (isNone(max_unavailable) && (isNone(max_surge) || (kind === 'daemon' && max_surge === undefined)))
    problems.push(invalid([...path, 'max_unavailable'], 'must not be 0 when max_surge is'));
  if (kind === 'daemon' && isSome(max_surge) && isSome(max_unavailable))
    problems.push(
      invalid([...path, 'max_surge'], 'must be 0 when max_unavailable is not, for the kind daemon'),
    );
  const deadline = form.progress_deadline_seconds ?? DEFAULT_PROGRESS_DEADLINE_SECONDS;
  if (min_ready_seconds >= deadline)
    problems.push(
      invalid(
        [...path, 'min_ready_seconds'],
        `must be less than progress_deadline_seconds, ${String(deadline)}`,
      ),
    );
  return problems;
}

function isNone(amount: number | string | undefined): boolean {
  return amount === 0 || amount === '0%';
}

function isSome(amount: number | string | undefined): boolean {
  return amount !== undefined && !isNone(amount);
}

function jobProblems(kind: ApplicationKind, { job, cron }: ApplicationForm): Problem[] {
  const wrong = cron === undefined ? undefined : scheduleProblem(cron.schedule);
  return [
    ...(job !== undefined && !ENDING.has(kind) ? [notOf(kind, ['job'])] : []),
    ...(cron !== undefined && kind !== 'cronjob' ? [notOf(kind, ['cron'])] : []),
    ...(cron === undefined && kind === 'cronjob' ? [missing(['cron'], 'a cronjob has a schedule')] : []),
    ...(wrong === undefined ? [] : [invalid(['cron', 'schedule'], wrong)]),
  ];
}

/** Whether a PriorityClass is for what keeps the cluster itself going: others' instances are ended to make room for it. */
export function isSystemPriority(name: string): boolean {
  return name.startsWith('system-');
}

export function schedulingProblems(scheduling: Scheduling | undefined, path: Path): Problem[] {
  return [
    ...(isSystemPriority(scheduling?.priority_class ?? '')
      ? [invalid([...path, 'priority_class'], 'is not for applications: it is one of the cluster itself')]
      : []),
    ...tolerationProblems(scheduling?.tolerations ?? [], path),
  ];
}

function tolerationProblems(tolerations: NonNullable<Scheduling['tolerations']>, path: Path): Problem[] {
  return tolerations.flatMap((toleration, index) => {
    const at = [...path, 'tolerations', index];
    const { key, operator = 'Equal', value = '', effect, toleration_seconds } = toleration;
    return [
      ...(key === undefined && operator !== 'Exists'
        ? [invalid([...at, 'operator'], 'must be Exists when there is no key')]
        : []),
      ...(operator === 'Exists' && value !== ''
        ? [invalid([...at, 'value'], 'does not go with Exists')]
        : []),
      ...(toleration_seconds !== undefined && effect !== 'NoExecute'
        ? [invalid([...at, 'toleration_seconds'], 'is for the effect NoExecute only')]
        : []),
    ];
  });
}

/** What others set, or select by. */
const TAKEN: ReadonlySet<string> = new Set([
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/name',
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
]);

/** Of the domains of Kubernetes only what is meant for everybody. */
const SYSTEM_DOMAIN = /(^|\.)(kubernetes\.io|k8s\.io|cetus\.io)$/;

function labelProblems(labels: Record<string, string>): Problem[] {
  return Object.keys(labels).flatMap((key) => {
    const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
    const taken = TAKEN.has(key) || (domain !== 'app.kubernetes.io' && SYSTEM_DOMAIN.test(domain));
    return taken ? [invalid(['labels', key], 'is not for applications to set')] : [];
  });
}

function notOf(kind: ApplicationKind, path: Path): Problem {
  return invalid(path, `is not for the kind ${kind}`);
}
