import { forbidden, invalid, type FieldProblem } from '../api/status-error.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { at, fieldsOf, type Fields, type KubeObject } from '../objects.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { CHECKS, type PodShape } from './pod-security-checks.ts';

/** First minor that has it switched on, and the first that warns of what it will refuse where nobody says otherwise. */
const SINCE = 23;
const WARNS_BY_ITSELF_SINCE = 26;

const LABEL = 'pod-security.kubernetes.io/';
const LEVELS = ['privileged', 'baseline', 'restricted'];
const MODES = ['enforce', 'audit', 'warn'];

interface Policy {
  level: string;
  /** `latest` or `v1.29`. All versions since 1.25 have the same checks. */
  version: string;
}

/** Where each kind has the template of its pods. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  podtemplates: ['template'],
  replicationcontrollers: ['spec', 'template'],
  'daemonsets.apps': ['spec', 'template'],
  'deployments.apps': ['spec', 'template'],
  'replicasets.apps': ['spec', 'template'],
  'statefulsets.apps': ['spec', 'template'],
  'jobs.batch': ['spec', 'template'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template'],
};

function policyOf(namespace: KubeObject | undefined, mode: string): Policy | undefined {
  const labels = namespace?.metadata.labels ?? {};
  const level = labels[`${LABEL}${mode}`];
  if (level === undefined) return undefined;
  // What cannot be read is taken for the strictest.
  return {
    level: LEVELS.includes(level) ? level : 'restricted',
    version: labels[`${LABEL}${mode}-version`] ?? 'latest',
  };
}

/**
 * Holds pods to the level of their namespace, and warns of templates whose pods it would refuse.
 * @param warn takes what the client is to be warned of
 * @throws ApiError 403
 */
export function enforcePodSecurity(
  { store, registry }: ClusterContext,
  type: ResourceType,
  object: KubeObject,
  warn: (text: string) => void,
): void {
  const isPod = type.storage === 'pods';
  const template = TEMPLATES[type.storage];
  if (registry.minor < SINCE || (!isPod && template === undefined)) return;
  const namespace = store.get('namespaces', undefined, object.metadata.namespace ?? '');
  const enforced = policyOf(namespace, 'enforce');
  const pod = isPod ? object : at(object, ...(template ?? []));
  const shape: PodShape = {
    annotations: fieldsOf(at(pod, 'metadata', 'annotations')) as Record<string, string>,
    spec: fieldsOf(at(pod, 'spec')),
  };
  if (isPod && enforced !== undefined) {
    const found = violations(shape, enforced);
    if (found !== undefined)
      throw forbidden(type, object.metadata.name, `violates PodSecurity ${named(enforced)}: ${found}`);
  }
  const warned =
    policyOf(namespace, 'warn') ?? (registry.minor >= WARNS_BY_ITSELF_SINCE ? enforced : undefined);
  const found = warned === undefined ? undefined : violations(shape, warned);
  if (warned !== undefined && found !== undefined)
    warn(`would violate PodSecurity ${named(warned)}: ${found}`);
}

function named({ level, version }: Policy): string {
  return JSON.stringify(`${level}:${version}`);
}

function violations(pod: PodShape, { level }: Policy): string | undefined {
  if (level === 'privileged') return undefined;
  const isRestricted = level === 'restricted';
  const replaced = new Set(CHECKS.map(({ replaces }) => replaces));
  const checks = CHECKS.filter((check) => (isRestricted ? !replaced.has(check) : check.level === 'baseline'));
  const found = checks.flatMap((check) => check.find(pod) ?? []);
  if (found.length === 0) return undefined;
  return found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');
}

/** Refuses labels of a namespace that name no level. @throws ApiError 422 */
export function checkSecurityLabels(
  { registry }: ClusterContext,
  type: ResourceType,
  namespace: KubeObject,
): void {
  if (registry.minor < SINCE || type.storage !== 'namespaces') return;
  const labels: Fields = namespace.metadata.labels ?? {};
  const problems = MODES.flatMap((mode): FieldProblem[] => {
    const level = labels[`${LABEL}${mode}`];
    const version = labels[`${LABEL}${mode}-version`];
    const problem = (key: string, value: unknown, detail: string): FieldProblem => ({
      field: `metadata.labels[${LABEL}${key}]`,
      type: 'Invalid',
      value,
      detail,
    });
    return [
      ...(level === undefined || LEVELS.includes(level as string)
        ? []
        : [problem(mode, level, `must be one of ${LEVELS.join(', ')}`)]),
      ...(version === undefined || version === 'latest' || /^v1\.\d+$/.test(version as string)
        ? []
        : [problem(`${mode}-version`, version, 'must be "latest" or "v1.x"')]),
    ];
  });
  if (problems.length > 0) throw invalid(type, namespace.metadata.name, problems);
}
