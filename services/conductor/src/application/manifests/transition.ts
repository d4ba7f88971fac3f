import type { Manifest } from '@cetus/kubernetes/apply';
import { isSince, type ClusterApis, type Fields } from './input.ts';
import { shortHash } from './names.ts';

/** Structures of a container that are nothing without what is in them. */
const STRUCTURES = ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'];

/**
 * What has to be applied before a workload on API servers that leave an empty structure of what is taken out, and then refuse it: until
 * 1.20, when a container loses a probe or its `lifecycle`, or a variable from a Secret gets a value. In between the containers
 * are called otherwise, so that nothing of theirs stays, and no instance is replaced.
 * Source: https://github.com/kubernetes-sigs/structured-merge-diff/issues/171
 * @param live the workload as it is; undefined: not there
 * @returns undefined: nothing has to be
 */
export function transition(
  live: object | undefined,
  desired: Manifest,
  apis: ClusterApis,
): Manifest | undefined {
  if (live === undefined || isSince(apis, 21)) return undefined;
  // A Job is never changed.
  const hold = HOLDS[desired.kind];
  if (hold === undefined) return undefined;
  const [is, wanted] = [containersOf(live as Fields), containersOf(desired)];
  if (![...wanted].some(([name, container]) => losesStructure(is.get(name), container))) return undefined;
  const between = renamed(desired) as Manifest;
  return { ...between, spec: { ...fields(between['spec']), ...hold(fields(live)) } };
}

/** What keeps a workload from replacing its instances. */
const HOLDS: Record<string, (live: Fields) => Fields> = {
  Deployment: () => ({ paused: true }),
  StatefulSet: (live) => ({
    updateStrategy: {
      type: 'RollingUpdate',
      rollingUpdate: { partition: fields(live['spec'])['replicas'] ?? 1 },
    },
  }),
  DaemonSet: () => ({ updateStrategy: { type: 'OnDelete' } }),
  CronJob: () => ({ suspend: true }),
};

function losesStructure(is: Fields | undefined, wanted: Fields): boolean {
  if (is === undefined) return false;
  if (STRUCTURES.some((name) => is[name] !== undefined && wanted[name] === undefined)) return true;
  const variables = byName(wanted['env']);
  return [...byName(is['env'])].some(([name, { valueFrom }]) => {
    const variable = variables.get(name);
    return valueFrom !== undefined && variable !== undefined && variable['valueFrom'] === undefined;
  });
}

/** All containers of a workload, by name: names are unique among both kinds. */
function containersOf(workload: Fields): Map<string, Fields> {
  const spec = fields(workload['spec']);
  const ofPods = fields(fields(fields(spec['jobTemplate'])['spec'])['template'] ?? spec['template']);
  const { containers, initContainers } = fields(ofPods['spec']);
  return new Map([...byName(initContainers), ...byName(containers)]);
}

/** The same with every container under another name. */
function renamed(value: unknown, at = ''): unknown {
  if (Array.isArray(value))
    return value.map((item: unknown) =>
      at === 'containers' || at === 'initContainers'
        ? { ...fields(item), name: `between-${shortHash(String(fields(item)['name']))}` }
        : item,
    );
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, renamed(inner, name)]));
}

function byName(list: unknown): Map<string, Fields> {
  if (!Array.isArray(list)) return new Map();
  return new Map(list.map((item: unknown) => [String(fields(item)['name']), fields(item)]));
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
