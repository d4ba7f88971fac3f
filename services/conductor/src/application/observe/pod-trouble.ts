import type { Pod } from '@cetus/kubernetes/objects';
import { word } from '../../health/brief.ts';
import { sentence } from './text.ts';

type Spec = NonNullable<Pod['spec']>;
type Container = Spec['containers'][number];
type Probe = NonNullable<Container['readinessProbe']>;
type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** What may be wrong with a pod, in the order in which it explains an application: what is first explains what comes after it. */
export const TROUBLES = [
  'image',
  'crash',
  'config',
  'unscheduled',
  'unready',
  'starting',
  'evicted',
  'lost',
] as const;
export type TroubleKind = (typeof TROUBLES)[number];

/** What is wrong with a pod, as it says itself. */
export interface PodTrouble {
  kind: TroubleKind;
  /** As a cause has it. */
  reason: string;
  message: string;
  container?: string;
  image?: string;
  exitCode?: number;
  restarts?: number;
  /** It says less than could be said. */
  vague?: boolean;
  /** The log to be read is that of the run before the one that goes on. */
  previous?: boolean;
  /** From when and until when it counts, in milliseconds; absent: from its beginning, for ever. */
  from?: number;
  until?: number;
}

/** Images that cannot be had. Source: pkg/kubelet/images/types.go of Kubernetes */
const IMAGE_REASONS = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
/** What a container waits for that has not failed. */
const STARTING_REASONS = new Set(['ContainerCreating', 'PodInitializing']);
/** Containers that cannot be made of what they refer to, and those that cannot be started. Source: pkg/kubelet/kuberuntime of Kubernetes */
const CONFIG_REASONS = new Set(['CreateContainerConfigError', 'CreateContainerError']);
/** How long a container that has crashed must run until it is believed, in milliseconds: it is ready as soon as it is started. */
const STEADY_MS = 10_000;
/** How long a pod on its node may take until it is looked at why nothing of it runs, in milliseconds. */
const STARTING_MS = 10_000;
/** How many seconds a probe may take beyond what its numbers say, for the kubelet to tell. */
const PROBE_GRACE_SECONDS = 2;

/** What is wrong with a pod, if anything: of several troubles the one that explains the others. */
export function podTrouble(pod: Pod): PodTrouble | null {
  const { spec, status } = pod;
  if (status === undefined || status.phase === 'Succeeded') return null;
  const init = containersWith(spec?.initContainers, status.initContainerStatuses);
  const main = containersWith(spec?.containers, status.containerStatuses);
  const never = spec?.restartPolicy === 'Never';
  const found = [
    ...[...init, ...main].map((one) => waitingTrouble(one) ?? endTrouble(one, never) ?? restartTrouble(one)),
    evicted(pod),
    unscheduled(pod),
    ...main.map(unready),
    lost(pod),
    starting(pod),
  ].filter((trouble) => trouble !== null);
  return found.sort(byKind)[0] ?? null;
}

/** Whether a trouble is one by now. */
export function isAcute({ from = 0, until = Infinity }: PodTrouble, now: number): boolean {
  return now >= from && now < until;
}

/** Keeps what a registry has said when the kubelet, which waits before it tries again, says less than before. */
export function moreTelling(before: PodTrouble | null, now: PodTrouble | null): PodTrouble | null {
  if (now?.kind !== 'image' || now.vague !== true || before?.kind !== 'image' || before.vague === true)
    return now;
  if (before.container !== now.container || before.image !== now.image) return now;
  const { vague: _, ...rest } = now;
  return { ...rest, message: before.message };
}

interface One {
  name: string;
  image: string;
  container: Container | undefined;
  status: Status;
}

function byKind(a: PodTrouble, b: PodTrouble): number {
  return TROUBLES.indexOf(a.kind) - TROUBLES.indexOf(b.kind);
}

function containersWith(
  containers: readonly Container[] | undefined,
  statuses: readonly Status[] | undefined,
): One[] {
  return (statuses ?? []).map((status) => {
    const container = containers?.find(({ name }) => name === status.name);
    // As it was asked for: a runtime may have another name for it.
    return { name: word(status.name), image: word(container?.image ?? status.image), container, status };
  });
}

function waitingTrouble({ name, image, status }: One): PodTrouble | null {
  const waiting = status.state?.waiting;
  const reason = waiting?.reason;
  if (reason === undefined || STARTING_REASONS.has(reason)) return null;
  const said = sentence(waiting?.message ?? reason);
  const about = { container: name, image, restarts: status.restartCount };
  if (IMAGE_REASONS.has(reason)) {
    return {
      kind: 'image',
      // The kubelet tries, then waits, then tries: that is one trouble.
      reason: reason === 'ErrImagePull' ? 'ImagePullBackOff' : reason,
      message: sentence(`The image ${image} of container ${name} cannot be had: ${said}`),
      container: name,
      image,
      ...(reason === 'ImagePullBackOff' ? { vague: true } : {}),
    };
  }
  if (CONFIG_REASONS.has(reason)) {
    return {
      kind: 'config',
      reason,
      message: sentence(`Container ${name} cannot be made: ${said}`),
      ...about,
    };
  }
  const last = status.lastState?.terminated;
  if (last !== undefined) return crash({ name, image, status }, last, true);
  return {
    kind: 'crash',
    reason,
    message: sentence(`Container ${name} cannot be started: ${said}`),
    ...about,
  };
}

type Terminated = NonNullable<NonNullable<Status['state']>['terminated']>;

/** One that has ended, and should not have. */
function endTrouble(one: One, never: boolean): PodTrouble | null {
  const ended = one.status.state?.terminated;
  if (ended === undefined || ended.exitCode === 0) return null;
  return never ? { ...crash(one, ended, false), reason: failedReason(ended) } : crash(one, ended, false);
}

/** One that runs again, though not for long yet: whether it stays, is to be seen. */
function restartTrouble(one: One): PodTrouble | null {
  const startedAt = one.status.state?.running?.startedAt;
  const last = one.status.lastState?.terminated;
  if (startedAt === undefined || last === undefined || last.exitCode === 0) return null;
  return { ...crash(one, last, true), until: Date.parse(startedAt) + STEADY_MS };
}

function crash(
  { name, image, status }: Pick<One, 'name' | 'image' | 'status'>,
  ended: Terminated,
  previous: boolean,
): PodTrouble {
  const { exitCode, reason, message } = ended;
  const restarts = status.restartCount;
  const isMemory = reason === 'OOMKilled';
  const times =
    restarts === 0 ? '' : `, after ${String(restarts)} ${restarts === 1 ? 'restart' : 'restarts'}`;
  const why = isMemory
    ? `Container ${name} was ended for using more memory than its limit${times}`
    : `Container ${name} ended with exit code ${String(exitCode)}${times}`;
  return {
    kind: 'crash',
    reason: isMemory ? 'OutOfMemory' : 'CrashLoopBackOff',
    message: sentence(message === undefined || message === '' ? why : `${why}: ${message}`),
    container: name,
    image,
    exitCode,
    restarts,
    previous,
  };
}

/** Of what is not started again. */
function failedReason({ reason }: Terminated): string {
  return reason === 'OOMKilled' ? 'OutOfMemory' : 'ContainerFailed';
}

function evicted({ status }: Pod): PodTrouble | null {
  if (status?.phase !== 'Failed' || status.reason === undefined) return null;
  const reason = word(status.reason);
  return {
    kind: 'evicted',
    reason,
    message: sentence(status.message ?? `The instance has ended: ${reason}`),
  };
}

function unscheduled({ status }: Pod): PodTrouble | null {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return null;
  const said = scheduled.message ?? 'the scheduler does not say why';
  return { kind: 'unscheduled', reason: 'Unschedulable', message: sentence(`No node takes it: ${said}`) };
}

/** One that runs and is not ready, once its probes have had the time that they were given. */
function unready({ name, image, container, status }: One): PodTrouble | null {
  const startedAt = status.state?.running?.startedAt;
  if (startedAt === undefined || status.ready) return null;
  const { startupProbe, readinessProbe } = container ?? {};
  const seconds = patience(startupProbe) + (status.started === false ? 0 : patience(readinessProbe));
  const which = status.started === false && startupProbe !== undefined ? 'startup' : 'readiness';
  return {
    kind: 'unready',
    reason: 'ProbeFailing',
    message: `Container ${name} runs, but its ${which} probe does not succeed`,
    container: name,
    image,
    restarts: status.restartCount,
    from: Date.parse(startedAt) + (seconds + PROBE_GRACE_SECONDS) * 1_000,
  };
}

/** Seconds until a probe has failed as often as it may. Source: the defaults of Kubernetes' Probe */
function patience(probe: Probe | undefined): number {
  if (probe === undefined) return 0;
  const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = probe;
  return initialDelaySeconds + periodSeconds * failureThreshold + timeoutSeconds;
}

/**
 * One whose node is not heard of: the kubelet, which would say that its containers are not ready, does not; somebody else says that the
 * pod is not. Source: MarkPodsNotReady of Kubernetes' node life cycle controller
 */
function lost({ spec, status }: Pod): PodTrouble | null {
  const is = (type: string): string | undefined =>
    status?.conditions?.find((condition) => condition.type === type)?.status;
  const gates = (spec?.readinessGates ?? []).length > 0;
  const silent = is('Ready') === 'False' && is('ContainersReady') === 'True' && !gates;
  if (!silent && status?.reason !== 'NodeLost') return null;
  const node = word(spec?.nodeName ?? 'of the instance');
  return { kind: 'lost', reason: 'NodeUnreachable', message: `The node ${node} is not heard of` };
}

/** One that is on its node, where nothing of it runs and nothing is said to be wrong. */
function starting({ metadata, spec, status }: Pod): PodTrouble | null {
  if (status?.phase !== 'Pending' || spec?.nodeName === undefined) return null;
  const waiting = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].filter(
    ({ state }) => state?.waiting !== undefined,
  );
  const isRunning = (status.initContainerStatuses ?? []).some(({ state }) => state?.running !== undefined);
  if (isRunning || (waiting.length === 0 && status.containerStatuses !== undefined)) return null;
  return {
    kind: 'starting',
    reason: 'NotStarted',
    message: 'Nothing of it has been started yet',
    from: Date.parse(status.startTime ?? metadata.creationTimestamp) + STARTING_MS,
  };
}
