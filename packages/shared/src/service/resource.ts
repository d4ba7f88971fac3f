/**
 * A part of a service that is opened, watched and closed with it: a connection, a server, a consumer, a loop.
 */
export interface Resource {
  /** Unique within the service; shown in logs and by `/readyz`. */
  readonly name: string;
  /**
   * Opens it. When it throws, it has cleaned up after itself, and `stop` is not called. `signal` is aborted when the service
   * is told to stop meanwhile: a start that waits for something gives up then.
   */
  start?(signal: AbortSignal): Promise<void>;
  /** Finishes what is going on and closes it; called once, and only after a `start` that ended well. */
  stop?(): Promise<void>;
  /** Throws when it cannot do its work now. `signal` is aborted when nobody waits any more. */
  health?(signal: AbortSignal): Promise<void>;
}
