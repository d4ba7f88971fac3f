/**
 * Where a stream is to be had, and with what. Bulk and two-way streams do not pass through the broker: whoever asks over the bus is
 * answered with a ticket of the process that will serve the stream, and fetches it there.
 */
export interface StreamTicket {
  /** Address of the process: `http` or `https`. */
  url: string;
  /** A secret, good for one stream. Sent in the header `Authorization`, as {@link ticketHeaders} has it; never in an address. */
  token: string;
  /** Until when it is good, ISO 8601. */
  expires_at: string;
}

/** The header that a request for a stream carries. */
export function ticketHeaders({ token }: StreamTicket): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}
