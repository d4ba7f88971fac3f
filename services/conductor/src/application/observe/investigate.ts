import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { isNotFound, KubernetesError } from '@cetus/kubernetes/errors';
import { collectionPath, objectPath } from '@cetus/kubernetes/object-path';
import type { Event, ListPage, Pod } from '@cetus/kubernetes/objects';
import { readPodLog } from '@cetus/kubernetes/pod-log';
import { word } from '../../health/brief.ts';
import { timesOf } from './instances.ts';
import { missingReference, missingVolume } from './references.ts';
import type { Finding, Suspect } from './suspects.ts';
import { lastLines, LOG_BYTES, LOG_LINES, sentence } from './text.ts';

/** How long one question may take, in milliseconds. */
const ANSWER_MS = 5_000;
/** Events of one object that are looked at. */
const MAX_EVENTS = 200;
/** Reasons of events. Source: pkg/kubelet/events/event.go of Kubernetes */
const MOUNT_REASONS = ['FailedMount', 'FailedAttachVolume', 'FailedMapVolume'];
const SANDBOX_REASONS = ['FailedCreatePodSandBox', 'NetworkNotReady'];
/** What a process ends with that was told to end, or made to: by its liveness probe, it may be. */
const KILLED = new Set([137, 143]);

/**
 * Asks the cluster about what an object of an application does not say itself: the end of a log, the events, whether what is referred to is
 * there. Whatever the cluster refuses to tell is not found.
 * @throws KubernetesUnreachableError, the signal's reason
 */
export async function investigate(
  connection: KubernetesConnection,
  suspect: Suspect,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    return await ASK[suspect.about](connection, suspect, signal);
  } catch (error) {
    if (error instanceof KubernetesError) return {};
    throw error;
  }
}

type Ask = (connection: KubernetesConnection, suspect: Suspect, signal: AbortSignal) => Promise<Finding>;

const ASK: Readonly<Record<Suspect['about'], Ask>> = {
  image: aboutImage,
  crash: aboutCrash,
  config: async (connection, suspect, signal) => {
    const pod = await podOf(connection, suspect, signal);
    return (pod && (await missingReference(connection, pod, signal))) ?? {};
  },
  unscheduled: async (connection, suspect, signal) => {
    const pod = await podOf(connection, suspect, signal);
    return (pod && (await missingVolume(connection, pod, signal))) ?? {};
  },
  unready: async (connection, suspect, signal) => {
    const { container = '' } = suspect;
    const said = (await eventsAbout(connection, suspect, signal)).find(of(container, 'Unhealthy'));
    const message = said?.message;
    return message === undefined ? {} : { message: sentence(`Container ${container} runs: ${message}`) };
  },
  starting: aboutStart,
  creation: async (connection, suspect, signal) => {
    const events = await eventsAbout(connection, suspect, signal);
    const message = events.find(({ reason }) => reason === 'FailedCreate')?.message;
    return message === undefined ? {} : { message: sentence(message) };
  },
  evicted: () => Promise.resolve({}),
  lost: () => Promise.resolve({}),
};

/** What the registry has said, when the kubelet only says that it waits. */
async function aboutImage(
  connection: KubernetesConnection,
  suspect: Suspect,
  signal: AbortSignal,
): Promise<Finding> {
  const { container = '', said = '' } = suspect;
  const [longest] = (await eventsAbout(connection, suspect, signal))
    .filter(of(container, 'Failed'))
    .map(({ message = '' }) => sentence(message))
    .sort((a, b) => b.length - a.length);
  return longest === undefined || longest.length <= said.length
    ? {}
    : { message: sentence(`Container ${container}: ${longest}`) };
}

/** What a container has written before it ended, and what its liveness probe has said. */
async function aboutCrash(
  connection: KubernetesConnection,
  suspect: Suspect,
  signal: AbortSignal,
): Promise<Finding> {
  const { container = '', exitCode = 0, said = '' } = suspect;
  const log = await logOf(connection, suspect, signal);
  const probe = KILLED.has(exitCode)
    ? (await eventsAbout(connection, suspect, signal)).find(of(container, 'Unhealthy'))?.message
    : undefined;
  return {
    ...(log === undefined ? {} : { log }),
    ...(probe === undefined ? {} : { message: sentence(`${said}; ${probe}`) }),
  };
}

async function logOf(
  connection: KubernetesConnection,
  { namespace, object, container, previous = false }: Suspect,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { text } = await readPodLog(
      connection,
      {
        namespace,
        name: object.name,
        container,
        previous,
        tailLines: LOG_LINES,
        // Some of what is read is taken out, and a line may be cut.
        maxBytes: 2 * LOG_BYTES,
        timeoutMs: ANSWER_MS,
      },
      signal,
    );
    return lastLines(text);
  } catch (error) {
    // Its node does not answer, or it has run again since: it has no such log.
    if (error instanceof KubernetesError) return undefined;
    throw error;
  }
}

/** Why nothing of a pod is started: what it mounts is not there, or the node says why. */
async function aboutStart(
  connection: KubernetesConnection,
  suspect: Suspect,
  signal: AbortSignal,
): Promise<Finding> {
  const pod = await podOf(connection, suspect, signal);
  if (pod === undefined) return {};
  const missing =
    (await missingReference(connection, pod, signal)) ?? (await missingVolume(connection, pod, signal));
  if (missing !== undefined) return missing;
  const events = await eventsAbout(connection, suspect, signal);
  const mount = events.find(({ reason = '' }) => MOUNT_REASONS.includes(reason));
  if (mount !== undefined)
    return { reason: 'VolumeNotReady', message: sentence(mount.message ?? 'A volume cannot be mounted') };
  const sandbox = events.find(({ reason = '' }) => SANDBOX_REASONS.includes(reason));
  if (sandbox === undefined) return {};
  return { reason: word(sandbox.reason), message: sentence(sandbox.message ?? String(sandbox.reason)) };
}

/** The pod, when it still is the same. */
async function podOf(
  connection: KubernetesConnection,
  { namespace, object }: Suspect,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const path = objectPath({ apiVersion: 'v1', kind: 'Pod', namespace, name: object.name });
  try {
    const pod = await connection.get<Pod>(path, { signal, timeoutMs: ANSWER_MS });
    return pod.metadata.uid === object.uid ? pod : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The warnings about an object, the latest first. */
async function eventsAbout(
  connection: KubernetesConnection,
  { namespace, object }: Suspect,
  signal: AbortSignal,
): Promise<Event[]> {
  const { items } = await connection.get<ListPage<Event>>(
    collectionPath({ apiVersion: 'v1', kind: 'Event', namespace }),
    {
      query: { fieldSelector: `involvedObject.uid=${object.uid},type=Warning`, limit: MAX_EVENTS },
      signal,
      timeoutMs: ANSWER_MS,
    },
  );
  const at = (event: Event): string => timesOf(event).last ?? '';
  return items.sort((a, b) => at(b).localeCompare(at(a)));
}

/** Whether an event is of a container, as far as it says which it is of, with a reason. */
function of(container: string, reason: string): (event: Event) => boolean {
  const paths = [undefined, `spec.containers{${container}}`, `spec.initContainers{${container}}`];
  return (event) => event.reason === reason && paths.includes(event.involvedObject.fieldPath);
}
