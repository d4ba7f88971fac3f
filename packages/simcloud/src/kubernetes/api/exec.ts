import type { IncomingMessage } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { chosenContainer, isRunning } from '../controllers/pod-containers.ts';
import { at, listOf, type Fields, type KubeObject } from '../objects.ts';
import { upgradeOf } from '../listener.ts';
import { minorOf } from '../types/registry.ts';
import type { ApiRequest } from './api-request.ts';
import { ChannelSocket, type Channels } from './channel-socket.ts';
import { sendText } from './exchange.ts';
import { badRequest, methodNotAllowed } from './status-error.ts';
import { attachTo } from '../exec/attach.ts';
import { runProgram } from '../exec/programs.ts';

const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';
/** The first version whose API server speaks v5 itself, in the stead of the kubelet. */
const V5_SINCE = 30;

const chosen = new WeakMap<IncomingMessage, string>();
const webSockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (_offered, request) => chosen.get(request) ?? false,
});

/**
 * Runs a program in a container of a pod, or joins the one that runs, over a WebSocket.
 * @throws ApiError 400 when there is no such container, no node, or no WebSocket is asked for
 */
export async function serveExec(
  api: ApiRequest,
  pod: KubeObject,
  subresource: 'exec' | 'attach',
): Promise<void> {
  const { method, query, request, response, cluster } = api;
  if (method !== 'GET' && method !== 'POST') throw methodNotAllowed();
  const container = chosenContainer(pod, query.get('container'));
  if (!at(pod.spec, 'nodeName')) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const upgrade = upgradeOf(request);
  // SPDY, the other way, is not simulated: clients take it when a WebSocket is refused.
  if (upgrade === undefined || request.headers.upgrade?.toLowerCase() !== 'websocket')
    throw badRequest('Upgrade request required');
  const channels = channelsOf(query);
  const problem = problemOf(pod, container, channels);
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const isV5 = offered.includes(V5) && minorOf(cluster.spec.version) >= V5_SINCE;
  // The kubelet's own answers. With v5 the connection to it is the API server's, which tells of them when it has upgraded its own.
  if (!isV5) {
    if (problem !== undefined) return sendText(response, problem.code, problem.message);
    if (!accepts(request, 'text/plain')) return sendText(response, 406, '406: Not Acceptable');
    if (!offered.includes(V4)) return sendText(response, 403, '');
  }
  chosen.set(request, isV5 ? V5 : V4);
  response.detachSocket(upgrade.socket);
  const socket = await new Promise<WebSocket>((resolve) => {
    webSockets.handleUpgrade(request, upgrade.socket, upgrade.head, resolve);
  });
  const io = new ChannelSocket(socket, { ...channels, isV5 });
  if (problem !== undefined) {
    io.fail(`unable to upgrade connection: ${problem.message}`);
    return;
  }
  const place = { cluster, pod, container };
  if (subresource === 'attach') await attachTo(place, io);
  else await runProgram(place, query.getAll('command'), io);
}

function channelsOf(query: URLSearchParams): Channels {
  const flag = (name: string): boolean => !['', 'false', '0'].includes(query.get(name) ?? '');
  return { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') };
}

function problemOf(
  pod: KubeObject,
  container: string,
  { stdin, stdout, stderr }: Channels,
): { code: number; message: string } | undefined {
  if (!stdin && !stdout && !stderr)
    return { code: 400, message: 'you must specify at least 1 of stdin, stdout, stderr' };
  const isThere = listOf<Fields>(at(pod.spec, 'containers')).some((one) => one['name'] === container);
  if (!isThere || !isRunning(pod, container))
    return { code: 500, message: `container not found ("${container}")` };
  return undefined;
}

function accepts({ headers }: IncomingMessage, type: string): boolean {
  const { accept = '*/*' } = headers;
  return accept
    .split(',')
    .some((one) => ['*/*', 'text/*', type].includes(one.split(';', 1)[0]?.trim() ?? ''));
}
