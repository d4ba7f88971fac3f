import { isSystemPriority } from '@cetus/shared/applications';
import { MAX_ITEMS, ObjectName, type Scheduling } from '@cetus/shared/schemas';
import { nodeLabelsOf } from '../labels.ts';
import type { Mapping } from '../mapping.ts';
import { given, matches, nonEmpty } from '../values.ts';

type Toleration = NonNullable<Scheduling['tolerations']>[number];
type Spread = NonNullable<Scheduling['spread']>;

const MAX_SECONDS = 86_400;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

/** Which nodes a pod is on. */
export function schedulingOf(pod: Mapping): Scheduling | undefined {
  const tolerations = pod.mappings('tolerations').map(tolerationOf);
  if (tolerations.length > MAX_ITEMS)
    pod.at.in('tolerations').lost(`There are at most ${String(MAX_ITEMS)} tolerations.`);
  return nonEmpty(
    given<Scheduling>({
      node_selector: nodeLabelsOf(pod.mapping('nodeSelector')?.textEntries() ?? []),
      tolerations: tolerations.length === 0 ? undefined : tolerations.slice(0, MAX_ITEMS),
      spread: spreadOf(pod),
      priority_class: priorityOf(pod),
    }),
  );
}

function tolerationOf(toleration: Mapping): Toleration {
  const effect = toleration.text('effect');
  const made = given<Toleration>({
    key: toleration.text('key') || undefined,
    operator: toleration.text('operator') === 'Exists' ? 'Exists' : undefined,
    value: toleration.text('value') || undefined,
    effect: EFFECTS.find((one) => one === effect),
    toleration_seconds: toleration.integer('tolerationSeconds', 0, MAX_SECONDS),
  });
  toleration.rest();
  return made;
}

function priorityOf(pod: Mapping): string | undefined {
  const name = pod.text('priorityClassName') || undefined;
  if (name === undefined) return name;
  const at = pod.at.in('priorityClassName');
  if (!matches(ObjectName(''), name)) at.lost('It is not the name of a PriorityClass.');
  else if (isSystemPriority(name)) at.lost('It is one of the cluster itself, which applications do not get.');
  else return name;
  return undefined;
}

/** What keeps instances apart is a wish here: as far as there is room. */
function spreadOf(pod: Mapping): Spread | undefined {
  const found: Spread[] = [];
  for (const constraint of pod.mappings('topologySpreadConstraints')) {
    const spread = byTopology(constraint.text('topologyKey'));
    if (spread === undefined) constraint.at.lost('Instances are spread over nodes or over zones.');
    else {
      constraint.at.changed(`Instances are spread over ${spread}, as far as there is room.`);
      found.push(spread);
    }
  }
  const affinity = pod.mapping('affinity');
  affinity?.tell({
    nodeAffinity: ['lost', 'Nodes are chosen by node_selector alone.'],
    podAffinity: ['lost', 'Nothing draws instances to others.'],
  });
  const apart = affinity?.mapping('podAntiAffinity');
  const terms = [
    ...(apart?.mappings('requiredDuringSchedulingIgnoredDuringExecution') ?? []),
    ...(apart?.mappings('preferredDuringSchedulingIgnoredDuringExecution') ?? []).flatMap(
      (preference) => preference.mapping('podAffinityTerm') ?? [],
    ),
  ];
  for (const term of terms) {
    const spread = byTopology(term.text('topologyKey'));
    if (spread === undefined) term.at.lost('Instances are spread over nodes or over zones.');
    else {
      term.at.changed(
        `Instances of the application are spread over ${spread}, as far as there is room; others are not kept away.`,
      );
      found.push(spread);
    }
  }
  apart?.rest();
  affinity?.rest();
  return found.includes('zones') && !found.includes('nodes') ? 'zones' : found[0];
}

function byTopology(key: string | undefined): Spread | undefined {
  if (key === 'kubernetes.io/hostname') return 'nodes';
  return key?.endsWith('/zone') === true ? 'zones' : undefined;
}
