import type { CloudEvent } from '../schemas/event.ts';

/** Asks the service that owns `kind` to look at one object. It carries identity, not state: the handler re-reads. */
export interface Command {
  kind: string;
  id: string;
  /** The project of the object, so that work can be shared fairly between projects before the object is read. */
  project_id: string;
  generation: number;
  /** Why: `create`, `update`, `delete`, `resync`, `wake-up`. The second word of the routing key. */
  reason: string;
}

export interface DeliveredCommand extends Command {
  /** 1 for the first delivery. */
  attempt: number;
  /** W3C trace context of whoever published it. */
  traceparent?: string;
}

/** Handles one command. It is acknowledged when the promise resolves; a rejection delivers it again, later. */
export type CommandHandler = (command: DeliveredCommand) => Promise<void>;

export interface CommandConsumerOptions {
  /** The service whose queue is consumed; all its processes compete. */
  service: string;
  /** The kinds that the service owns. */
  kinds: readonly string[];
  /** How many commands may be unacknowledged in this process. */
  prefetch: number;
  handler: CommandHandler;
}

/** Something that was started and can be stopped. Stopping waits for the handlers that are running. */
export interface Subscription {
  close(): Promise<void>;
}

export type RequestHandler = (method: string, params: unknown, signal: AbortSignal) => Promise<unknown>;

export interface Bus {
  /**
   * Publishes a command; resolves when the broker has it. Held back about `delayMs` when given (in steps, never longer than asked by
   * more than a step).
   * @throws CetusError `bus_unavailable`
   */
  publishCommand(command: Command, options?: { delayMs?: number }): Promise<void>;
  consumeCommands(options: CommandConsumerOptions): Promise<Subscription>;
  /**
   * Publishes a notification under `<kind>.<action>.<phase>`; resolves when the broker has it.
   * @throws CetusError `bus_unavailable`
   */
  publishNotification(routingKey: string, event: CloudEvent): Promise<void>;
  /**
   * Follows notifications from now on, for as long as this process lives. `pattern` is AMQP's (`*` a word, `#` any number).
   * `onInterrupted` is called when notifications may have been missed (the connection was lost and is back).
   */
  subscribeNotifications(
    pattern: string,
    handler: (event: CloudEvent, routingKey: string) => void,
    options?: { onInterrupted?: () => void },
  ): Promise<Subscription>;
  /**
   * Asks a service and waits for the answer.
   * @throws CetusError `request_deadline_exceeded` when nobody answered within `timeoutMs`, `bus_unavailable`, or the error of the handler
   */
  request(service: string, method: string, params: unknown, options: { timeoutMs: number }): Promise<unknown>;
  /** Answers requests to a service; its processes compete. */
  serveRequests(
    service: string,
    handler: RequestHandler,
    options?: { concurrency?: number },
  ): Promise<Subscription>;
  /** @throws CetusError `bus_unavailable` when the broker cannot be used now */
  health(): Promise<void>;
  close(): Promise<void>;
}
