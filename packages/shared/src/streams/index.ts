export { keepAlive, type HeartbeatOptions } from './heartbeat.ts';
export { opened, type OpeningSocket, type RawAnswer } from './opening.ts';
export { MOST_WAITING_BYTES, pipeSockets, type PipeOptions } from './pipe-sockets.ts';
export { StreamPlaces, type StreamPlacesOptions } from './stream-places.ts';
export {
  CLOSE,
  closed,
  MAX_MESSAGE_BYTES,
  offeredProtocols,
  OPEN,
  type SocketData,
  type StreamSocket,
} from './stream-socket.ts';
export { ticketHeaders, type StreamTicket } from './ticket.ts';
export { whenGone } from './when-gone.ts';
