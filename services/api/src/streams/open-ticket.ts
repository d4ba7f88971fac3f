import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { answerOf, type Reply } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import {
  MAX_MESSAGE_BYTES,
  opened,
  ticketHeaders,
  type RawAnswer,
  type StreamTicket,
} from '@cetus/shared/streams';
import { WebSocket } from 'ws';

/** Until a stream has begun, in milliseconds: more than the back end behind it has. */
const OPEN_MS = 35_000;
/** A connection that broke without a word is noticed after about as long, in milliseconds. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** Bytes of a refusal that are read. */
const MOST_REFUSAL_BYTES = 64 * 1024;

/**
 * Redeems a ticket for a stream of bytes.
 * @param signal ends the stream
 * @throws CetusError what the process that serves it refuses it with; `back_end_unavailable` when that cannot be reached
 */
export async function openLog(ticket: StreamTicket, signal: AbortSignal): Promise<IncomingMessage> {
  const request = requestFor(ticket, signal);
  return inTime(
    signal,
    () => request.destroy(),
    async () => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).once('error', reject).end();
      });
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) return response;
      throw await refusalIn({ statusCode, headers, body: response });
    },
  );
}

/**
 * Redeems a ticket for a WebSocket. It comes paused, with one of the subprotocols if any is given. Throws as {@link openLog} does.
 * @param signal ends the socket
 */
export async function openSocket(
  ticket: StreamTicket,
  protocols: readonly string[],
  signal: AbortSignal,
): Promise<WebSocket> {
  const socket = new WebSocket(ticket.url.replace(/^http/, 'ws'), [...protocols], {
    headers: ticketHeaders(ticket),
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const end = (): void => socket.terminate();
  signal.addEventListener('abort', end, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', end));
  return inTime(signal, end, async () => {
    const answer = await opened(socket, signal);
    if (answer === undefined) return socket;
    try {
      throw await refusalIn(answer);
    } finally {
      end();
    }
  });
}

function requestFor(ticket: StreamTicket, signal: AbortSignal): ClientRequest {
  const send = ticket.url.startsWith('https:') ? httpsRequest : httpRequest;
  const request = send(ticket.url, { headers: ticketHeaders(ticket), agent: false, signal });
  // What comes after the answer has begun is the answer's.
  request.on('error', () => undefined);
  request.once('socket', (socket) => socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS));
  return request;
}

/** Bounds the opening of a stream, and gives what goes wrong its name. */
async function inTime<T>(signal: AbortSignal, end: () => void, open: () => Promise<T>): Promise<T> {
  const timer = setTimeout(end, OPEN_MS);
  try {
    return await open();
  } catch (error) {
    if (error instanceof CetusError) throw error;
    if (signal.aborted && signal.reason instanceof CetusError) throw signal.reason;
    const detail = 'The process that serves the stream cannot be reached';
    throw new CetusError('back_end_unavailable', detail, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function refusalIn({ statusCode, body }: RawAnswer): Promise<CetusError> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST_REFUSAL_BYTES) break;
    chunks.push(chunk);
  }
  try {
    answerOf(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Reply);
  } catch (error) {
    // That a ticket is not good is no matter of the client's own token.
    if (error instanceof CetusError && error.code !== 'unauthenticated') return error;
  }
  return new CetusError(
    'back_end_unavailable',
    `The process that serves the stream refused it (${String(statusCode)}); ask once more`,
  );
}
