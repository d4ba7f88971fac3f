import { openPodExec } from '@cetus/kubernetes/pod-exec';
import { openPodLog } from '@cetus/kubernetes/pod-log';
import type { Pod } from '@cetus/kubernetes/objects';
import { CetusError } from '@cetus/shared/errors';
import type { ExecRequest, LogRequest, StoredApplication } from '@cetus/shared/schemas';
import type { StreamTicket } from '@cetus/shared/streams';
import type { StreamServer } from '../../streams/stream-server.ts';
import { findPod } from './find-pod.ts';
import type { RequestContext } from './request-context.ts';

export interface StreamContext extends RequestContext {
  streams: Pick<StreamServer, 'issueLog' | 'issueSocket'>;
}

/**
 * A ticket for the log of a container.
 * @throws CetusError `not_found`, `invalid_field` for a container that is not there, `too_many_requests`, `back_end_unavailable`
 */
export async function issueLog(
  context: StreamContext,
  application: StoredApplication,
  request: LogRequest,
  signal: AbortSignal,
): Promise<StreamTicket> {
  const { cluster, pod } = await findPod(context, application, request, signal);
  const container = containerOf(pod, request.container);
  const { name, namespace = '' } = pod.metadata;
  return context.streams.issueLog(application.project_id, async (reading) => {
    const held = await context.connections.hold(cluster, reading);
    try {
      const log = await openPodLog(
        held.connection,
        {
          namespace,
          name,
          container,
          tailLines: request.tail_lines,
          sinceSeconds: request.since_seconds,
          previous: request.previous,
          timestamps: request.timestamps,
          follow: request.follow,
        },
        reading,
      );
      return log.once('close', () => held.release());
    } catch (error) {
      held.release(error);
      throw error;
    }
  });
}

/**
 * A ticket for a command in a container, or for what runs there already.
 * @throws CetusError as {@link issueLog}; `instance_not_running`
 */
export async function issueExec(
  context: StreamContext,
  application: StoredApplication,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<StreamTicket> {
  const { cluster, pod } = await findPod(context, application, request, signal);
  const container = containerOf(pod, request.container);
  const { name, namespace = '' } = pod.metadata;
  const status = pod.status?.containerStatuses?.find((one) => one.name === container);
  if (status?.state?.running === undefined)
    throw new CetusError('instance_not_running', `The container ${container} of ${name} does not run`);
  const { command, stdin, tty } = request;
  return context.streams.issueSocket(application.project_id, async (offer) => {
    const held = await context.connections.hold(cluster, offer.signal);
    try {
      const socket = await openPodExec(
        held.connection,
        {
          namespace,
          name,
          container,
          subresource: command === undefined ? 'attach' : 'exec',
          ...(command === undefined ? {} : { command }),
          stdin,
          stdout: true,
          // A terminal has one stream for both.
          stderr: !tty,
          tty,
          protocols: offer.protocols,
        },
        offer.signal,
      );
      return socket.once('close', () => held.release());
    } catch (error) {
      held.release(error);
      throw error;
    }
  });
}

/** @throws CetusError `invalid_field` */
function containerOf({ metadata, spec }: Pod, asked: string | undefined): string {
  const names = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(({ name }) => name);
  const [first = ''] = names;
  if (asked === undefined) return first;
  if (names.includes(asked)) return asked;
  throw new CetusError('invalid_field', `${metadata.name} has no container ${asked}`, { field: 'container' });
}
