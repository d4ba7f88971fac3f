import type { ApplicationCreate } from '@cetus/shared/schemas';
import type { LabelFound } from '../labels.ts';
import { Mapping, type Told } from '../mapping.ts';
import { Names } from '../names.ts';
import type { Place } from '../report.ts';
import { given } from '../values.ts';
import { containerOf, initContainerOf } from './container.ts';
import type { ManifestContext } from './context.ts';
import { accountOf } from './file-objects.ts';
import { tellMetadata, type KubernetesObject } from './objects.ts';
import { schedulingOf } from './scheduling.ts';
import { podSecurityOf } from './security.ts';
import type { WorkloadStorage } from './storage.ts';

const MAX_PART_NAME = 63;
const DEFAULT_GRACE_SECONDS = 30;

const DNS = 'Names are found as the cluster finds them.';
const OTHER = 'It is not carried over.';

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec */
const POD: Told = {
  activeDeadlineSeconds: ['lost', 'How long it may take is said of jobs alone.'],
  automountServiceAccountToken: ['lost', 'Instances have no token of the API of the cluster.'],
  dnsConfig: ['lost', DNS],
  dnsPolicy: ['lost', DNS],
  enableServiceLinks: ['lost', OTHER],
  ephemeralContainers: ['lost', OTHER],
  hostAliases: ['lost', DNS],
  hostIPC: ['lost', 'Of what a node has only the network can be reached.'],
  hostPID: ['lost', 'Of what a node has only the network can be reached.'],
  hostUsers: ['lost', OTHER],
  hostname: ['lost', 'Instances are called as Kubernetes calls them.'],
  nodeName: ['lost', 'Nodes are chosen by labels.'],
  os: ['lost', OTHER],
  overhead: ['lost', OTHER],
  preemptionPolicy: ['lost', OTHER],
  priority: ['lost', 'The PriorityClass says it.'],
  readinessGates: ['lost', OTHER],
  resourceClaims: ['lost', 'Devices are not carried over.'],
  resources: ['lost', 'Resources are said of each container.'],
  runtimeClassName: ['lost', OTHER],
  schedulerName: ['lost', OTHER],
  schedulingGates: ['lost', OTHER],
  serviceAccount: ['lost', 'Instances have no token of the API of the cluster.'],
  serviceAccountName: ['lost', 'Instances have no token of the API of the cluster.'],
  setHostnameAsFQDN: ['lost', 'Instances are called as Kubernetes calls them.'],
  shareProcessNamespace: ['lost', 'Each container has processes of its own.'],
  subdomain: ['lost', 'Instances are called as Kubernetes calls them.'],
};

type PodParts = Pick<
  ApplicationCreate,
  | 'containers'
  | 'init_containers'
  | 'scheduling'
  | 'image_pull_secret'
  | 'termination_grace_seconds'
  | 'host_network'
>;

/** What a template says of pods. */
export interface PodFound {
  parts: PodParts;
  labels: LabelFound[];
  restartPolicy: string;
}

/** @param spec what has a template */
export function podOf(
  spec: Mapping,
  workload: KubernetesObject,
  context: ManifestContext,
  storage: WorkloadStorage,
): PodFound {
  const template = spec.mapping('template') ?? new Mapping({}, spec.at.in('template'));
  const metadata = template.mapping('metadata');
  const labels = metadata?.mapping('labels')?.textEntries() ?? [];
  if (metadata !== undefined) tellMetadata(metadata, ['labels']);
  const pod = template.mapping('spec') ?? new Mapping({}, template.at.in('spec'));
  template.rest();
  storage.addVolumes(pod);
  const facts = { storage, names: new Names(MAX_PART_NAME), security: podSecurityOf(pod) };
  const containers = pod.mappings('containers').map((one) => containerOf(one, facts));
  const before = pod.mappings('initContainers').map((one) => initContainerOf(one, facts));
  const grace = pod.integer('terminationGracePeriodSeconds', 0, 86_400);
  const parts = given<PodParts>({
    containers,
    init_containers: before.length === 0 ? undefined : before,
    scheduling: schedulingOf(pod),
    image_pull_secret: pullSecretOf(pod, workload, context),
    termination_grace_seconds: grace === DEFAULT_GRACE_SECONDS ? undefined : grace,
    host_network: pod.flag('hostNetwork') === true ? true : undefined,
  });
  const restartPolicy = pod.text('restartPolicy') ?? 'Always';
  pod.usual({
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
    serviceAccountName: 'default',
    serviceAccount: 'default',
    preemptionPolicy: 'PreemptLowerPriority',
  });
  pod.tell(POD);
  pod.rest();
  return { parts, labels, restartPolicy };
}

function pullSecretOf(
  pod: Mapping,
  workload: KubernetesObject,
  context: ManifestContext,
): ApplicationCreate['image_pull_secret'] {
  const [first, ...more] = pod.mappings('imagePullSecrets').map((one) => ({
    name: one.text('name') ?? '',
    at: one.at,
  }));
  for (const { at } of more) at.lost('Images are had with one account.');
  if (first === undefined) return undefined;
  const secret = context.use(workload, 'Secret', first.name);
  if (secret === undefined) {
    first.at.changed('The Secret is not a part of what is imported; it must be in the namespace already.');
    return { name: first.name };
  }
  return accountIn(secret, first.at);
}

function accountIn(secret: KubernetesObject, at: Place): ApplicationCreate['image_pull_secret'] {
  const account = accountOf(secret);
  if (account === undefined) at.lost('The Secret holds no account of a registry that can be read.');
  return account;
}
