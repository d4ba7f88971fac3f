import { checksums } from './checksums.ts';
import { imagePullSecrets } from './config-objects.ts';
import { container, initContainer } from './container.ts';
import { given, nonEmpty, type Fields, type ManifestInput } from './input.ts';
import { instanceLabels, labelsOf } from './metadata.ts';
import { podVolumes } from './volumes.ts';

/** When a restart was last asked for: another one makes the instances anew. */
const RESTARTED_AT_ANNOTATION = 'cetus.io/restarted-at';
/** No node has it: so a DaemonSet is stopped. */
const STOPPED_LABEL = 'cetus.io/stopped';

const TOPOLOGY_KEYS = { nodes: 'kubernetes.io/hostname', zones: 'topology.kubernetes.io/zone' } as const;

/**
 * What instances are made of. Nothing in it depends on the cluster or on the generation: what differs replaces all instances, and runs
 * a job again.
 * @throws CetusError `internal_error` when values of secrets are missing
 */
export function podTemplate(input: ManifestInput): Fields {
  const { spec } = input;
  const annotations = {
    ...checksums(input),
    ...(spec.restarted_at === null ? {} : { [RESTARTED_AT_ANNOTATION]: spec.restarted_at }),
  };
  return {
    metadata: given({ labels: labelsOf(input), annotations: nonEmpty(annotations) }),
    spec: podSpec(input),
  };
}

function podSpec(input: ManifestInput): Fields {
  const { spec } = input;
  const { kind, job, host_network = false, scheduling = {} } = spec;
  const stopped = kind === 'daemon' && spec.stopped ? { [STOPPED_LABEL]: 'true' } : {};
  return given({
    // A tenant's instances are no clients of the cluster's API, and are not told of others' services.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    initContainers: nonEmpty((spec.init_containers ?? []).map((form) => initContainer(input, form))),
    containers: spec.containers.map((form) => container(input, form)),
    volumes: podVolumes(input),
    imagePullSecrets: imagePullSecrets(input),
    restartPolicy:
      kind === 'job' || kind === 'cronjob'
        ? job?.restart === 'on_failure'
          ? 'OnFailure'
          : 'Never'
        : undefined,
    terminationGracePeriodSeconds: spec.termination_grace_seconds,
    hostNetwork: nonEmpty(host_network),
    // Else they would ask the node's resolver, which knows nothing of the cluster.
    dnsPolicy: host_network ? 'ClusterFirstWithHostNet' : undefined,
    nodeSelector: nonEmpty({ ...scheduling.node_selector, ...stopped }),
    tolerations: tolerations(scheduling.tolerations),
    topologySpreadConstraints: spread(input),
    priorityClassName: scheduling.priority_class,
  });
}

function tolerations(
  forms: NonNullable<ManifestInput['spec']['scheduling']>['tolerations'] = [],
): Fields[] | undefined {
  return nonEmpty(
    forms.map(({ key, operator, value, effect, toleration_seconds }) =>
      given({ key, operator, value: nonEmpty(value), effect, tolerationSeconds: toleration_seconds }),
    ),
  );
}

/** As far as there is room: an instance rather runs beside another one than not at all. */
function spread(input: ManifestInput): Fields[] | undefined {
  const { kind, scheduling } = input.spec;
  const over = scheduling?.spread ?? 'none';
  // A daemon is on every node as it is.
  if (over === 'none' || kind === 'daemon') return undefined;
  return [
    {
      maxSkew: 1,
      topologyKey: TOPOLOGY_KEYS[over],
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: instanceLabels(input) },
    },
  ];
}
