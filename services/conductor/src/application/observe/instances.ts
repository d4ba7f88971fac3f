import type { Event, Pod } from '@cetus/kubernetes/objects';
import type { Instance, InstanceContainer, KubernetesEvent } from '@cetus/shared/schemas';
import { word } from '../../health/brief.ts';
import { explainPod } from './causes.ts';
import { podFacts } from './pod-facts.ts';
import { isAcute } from './pod-trouble.ts';
import { sentence } from './text.ts';

type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** Labels that tell instances of one rollout from those of another, of the controllers of Kubernetes. */
const REVISION_LABELS = ['pod-template-hash', 'controller-revision-hash'];

/** The pods of an application as its instances, in the order of their names. */
export function instancesOf(pods: readonly Pod[], clusterId: string, now = Date.now()): Instance[] {
  return [...pods]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((pod) => instanceOf(pod, clusterId, now));
}

function instanceOf(pod: Pod, clusterId: string, now: number): Instance {
  const { metadata, spec, status } = pod;
  const containers = containersOf(pod);
  const facts = podFacts(pod);
  const trouble = facts?.trouble ?? null;
  const isTrouble = facts !== undefined && trouble !== null && isAcute(trouble, now);
  return {
    name: metadata.name,
    uid: metadata.uid,
    cluster_id: clusterId,
    namespace: metadata.namespace ?? '',
    phase: metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Unknown') : 'Terminating',
    ready: facts?.ready ?? false,
    node: spec?.nodeName ?? null,
    pod_ip: status?.podIP ?? null,
    host_ip: status?.hostIP ?? null,
    revision:
      REVISION_LABELS.map((label) => metadata.labels?.[label]).find((one) => one !== undefined) ?? null,
    restarts: containers.reduce((sum, { restarts }) => sum + restarts, 0),
    qos_class: status?.qosClass ?? null,
    created_at: metadata.creationTimestamp,
    started_at: status?.startTime ?? null,
    cause: isTrouble ? explainPod({ ...facts, trouble }, () => undefined).cause : null,
    containers,
  };
}

function containersOf({ spec, status }: Pod): InstanceContainer[] {
  const of = (
    containers: NonNullable<Pod['spec']>['containers'] | undefined,
    statuses: readonly Status[] | undefined,
    init: boolean,
  ): InstanceContainer[] =>
    (containers ?? []).map(({ name, image = '' }) =>
      containerOf(
        name,
        image,
        init,
        statuses?.find((one) => one.name === name),
      ),
    );
  return [
    ...of(spec?.initContainers, status?.initContainerStatuses, true),
    ...of(spec?.containers, status?.containerStatuses, false),
  ];
}

function containerOf(
  name: string,
  image: string,
  init: boolean,
  status: Status | undefined,
): InstanceContainer {
  const { running, terminated, waiting } = status?.state ?? {};
  const ended = terminated ?? status?.lastState?.terminated;
  const message = terminated?.message ?? waiting?.message;
  return {
    name,
    image,
    init,
    ready: status?.ready ?? false,
    state: running !== undefined ? 'running' : terminated !== undefined ? 'terminated' : 'waiting',
    reason: terminated?.reason ?? waiting?.reason ?? null,
    message: message === undefined ? null : sentence(message),
    exit_code: running === undefined ? (ended?.exitCode ?? null) : null,
    restarts: status?.restartCount ?? 0,
    started_at: running?.startedAt ?? terminated?.startedAt ?? null,
  };
}

/** Events of Kubernetes, the latest first. */
export function eventsOf(events: readonly Event[], clusterId: string): KubernetesEvent[] {
  return events
    .map((event): KubernetesEvent => {
      const { first, last } = timesOf(event);
      return {
        cluster_id: clusterId,
        type: word(event.type ?? 'Normal'),
        reason: word(event.reason ?? ''),
        message: sentence(event.message ?? ''),
        object: {
          kind: word(event.involvedObject.kind ?? ''),
          name: word(event.involvedObject.name ?? ''),
        },
        count: event.series?.count ?? event.count ?? 1,
        first_seen: first,
        last_seen: last,
        source: event.source?.component || event.reportingComponent || null,
      };
    })
    .sort((a, b) => (b.last_seen ?? '').localeCompare(a.last_seen ?? ''));
}

/** When an event was first and last, RFC 3339: those of newer clients, as the scheduler's, have other fields than those of older ones. */
export function timesOf({ metadata, eventTime, series, firstTimestamp, lastTimestamp }: Event): {
  first: string | null;
  last: string | null;
} {
  const first = firstTimestamp ?? eventTime ?? metadata.creationTimestamp;
  const last = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? first;
  return { first: seconds(first), last: seconds(last) };
}

/** In whole seconds, so that they can be compared as they are. */
function seconds(time: string | null | undefined): string | null {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? null : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
