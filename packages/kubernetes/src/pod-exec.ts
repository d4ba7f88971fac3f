import { keepAlive } from '@cetus/shared/streams';
import type { WebSocket } from 'ws';
import type { KubernetesConnection } from './connection.ts';
import { podSubresource } from './pods.ts';

/** The first byte of every message: what the rest belongs to. Source: k8s.io/apimachinery/pkg/util/remotecommand */
export const CHANNELS = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** At the end, a `v1.Status` in JSON says how the program ended: see {@link exitOf}. */
  error: 3,
  /** `{"Width":80,"Height":24}` of the terminal. */
  resize: 4,
  /** With v5: the channel whose number follows has ended. */
  close: 255,
} as const;

const V4 = 'v4.channel.k8s.io';
/** The subprotocols that are spoken. v5, since Kubernetes 1.30, can end the standard input. */
export const EXEC_PROTOCOLS: readonly string[] = ['v5.channel.k8s.io', V4];

export interface PodExecOptions {
  namespace: string;
  /** Of the pod. */
  name: string;
  /** Needed where the pod has several. */
  container?: string | undefined;
  /** `exec` runs a program in the container, `attach` joins the one that the container is. Default `exec`. */
  subresource?: 'exec' | 'attach' | undefined;
  /** The program and its arguments; of `exec` only. */
  command?: readonly string[] | undefined;
  stdin?: boolean | undefined;
  /** Default true. */
  stdout?: boolean | undefined;
  /** Default true, without a terminal, which has no such channel. */
  stderr?: boolean | undefined;
  /** A terminal. */
  tty?: boolean | undefined;
  /**
   * What whoever reads the socket can speak; of that {@link EXEC_PROTOCOLS} are offered, and v4, which all servers speak, when there
   * are none of them. Default: all.
   */
  protocols?: readonly string[] | undefined;
  /** Until it is open, in milliseconds. Default: the connection's for a request. */
  timeoutMs?: number | undefined;
}

/**
 * Runs a program in a container, or joins the one that runs. The socket speaks one of {@link EXEC_PROTOCOLS}, comes paused, and is
 * pinged; the signal ends it.
 * @throws KubernetesError for what is refused before it begins, with the status and the body of the API server or of the kubelet;
 *   KubernetesUnreachableError; the signal's reason
 */
export async function openPodExec(
  connection: KubernetesConnection,
  options: PodExecOptions,
  signal: AbortSignal,
): Promise<WebSocket> {
  const { container, subresource = 'exec', command, timeoutMs, protocols = EXEC_PROTOCOLS } = options;
  const { stdin = false, stdout = true, tty = false, stderr = !tty } = options;
  const offered = EXEC_PROTOCOLS.filter((one) => protocols.includes(one));
  const socket = await connection.webSocket(podSubresource(options, subresource), {
    query: { container, stdin, stdout, stderr, tty, command: subresource === 'exec' ? command : undefined },
    protocols: offered.length === 0 ? [V4] : offered,
    signal,
    timeoutMs,
  });
  keepAlive(socket);
  return socket;
}

/** How a program ended. */
export interface Exit {
  /** Undefined when it could not be run, or what ran it failed. */
  code: number | undefined;
  message: string | undefined;
}

interface ExecStatus {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/**
 * What a message of the channel `error` says, without its first byte.
 * @throws SyntaxError when it is no JSON
 */
export function exitOf(text: string): Exit {
  const { status, message, details } = JSON.parse(text) as ExecStatus;
  if (status === 'Success') return { code: 0, message };
  const code = details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  return { code: code === undefined ? undefined : Number(code), message };
}
