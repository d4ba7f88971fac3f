import { CetusError } from '../errors/index.ts';
import type { CloudEvent } from '../schemas/event.ts';
import type {
  Bus,
  Command,
  CommandConsumerOptions,
  DeliveredCommand,
  RequestHandler,
  Subscription,
} from './bus.ts';
import { withDeadline } from './deadline.ts';
import { answerOf, describeError, type Reply } from './reply.ts';
import { Semaphore } from './semaphore.ts';
import { currentTraceparent, runInTrace } from '../telemetry/index.ts';
import { topicMatches } from './topology.ts';

/** How often a command whose handler fails is delivered before it is given up; the sweep finds its object all the same. */
const DELIVERIES = 10;
const REDELIVERY_MS = 1_000;

interface Consumer {
  options: CommandConsumerOptions;
  running: Set<Promise<void>>;
  open: boolean;
}

interface Queue {
  waiting: DeliveredCommand[];
  consumers: Consumer[];
}

interface Server {
  handler: RequestHandler;
  gate: Semaphore;
}

export interface InProcessBusOptions {
  /** Told of a command that was given up. */
  onDeadLetter?: (command: Command, error: unknown) => void;
  /** Told of everything that a handler threw. */
  onProblem?: (problem: string, error: unknown) => void;
  /** How long a command whose handler failed waits before it is delivered again, in milliseconds; default 1,000. */
  redeliveryMs?: number;
}

/**
 * The bus of the embedded default: the same contract within one process. What waits in it is lost with the process; the sweep heals
 * that, as it heals a broker that loses messages.
 */
export function createInProcessBus(options: InProcessBusOptions = {}): Bus {
  const { onDeadLetter, onProblem, redeliveryMs = REDELIVERY_MS } = options;
  const queues = new Map<string, Queue>();
  const kindOwners = new Map<string, string>();
  const subscribers = new Set<{
    pattern: string;
    handler: (event: CloudEvent, routingKey: string) => void;
  }>();
  const servers = new Map<string, Server[]>();
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;

  const queueOf = (service: string): Queue => {
    const queue = queues.get(service) ?? { waiting: [], consumers: [] };
    queues.set(service, queue);
    return queue;
  };

  const assertOpen = (): void => {
    if (closed) throw new CetusError('bus_unavailable', 'The bus is closed');
  };

  const later = (delayMs: number, run: () => void): void => {
    const at = Date.now() + delayMs;
    const timer = setTimeout(() => {
      timers.delete(timer);
      // A timer may fire a millisecond early by the clock that the caller counts with.
      if (Date.now() < at) later(at - Date.now(), run);
      else run();
    }, delayMs);
    timers.add(timer);
  };

  const deliver = (queue: Queue): void => {
    while (queue.waiting.length > 0) {
      // The one with the least to do, so that all processes' parts have their share; of equal ones, that which had one longest ago.
      const [consumer] = queue.consumers
        .filter(({ open, running, options: { prefetch } }) => open && running.size < prefetch)
        .sort((a, b) => a.running.size - b.running.size);
      if (consumer === undefined) return;
      queue.consumers = [...queue.consumers.filter((other) => other !== consumer), consumer];
      handle(queue, consumer, queue.waiting.shift() as DeliveredCommand);
    }
  };

  const handle = (queue: Queue, consumer: Consumer, command: DeliveredCommand): void => {
    const name = `${command.kind}.${command.reason} process`;
    const run = runInTrace(command.traceparent, name, () => consumer.options.handler(command))
      .catch((error: unknown) => {
        onProblem?.(
          `command ${command.kind}.${command.reason} of ${command.id} failed (attempt ${String(command.attempt)})`,
          error,
        );
        if (command.attempt >= DELIVERIES) onDeadLetter?.(command, error);
        else if (!closed) later(redeliveryMs, () => enqueue({ ...command, attempt: command.attempt + 1 }));
      })
      .finally(() => {
        consumer.running.delete(run);
        deliver(queue);
      });
    consumer.running.add(run);
  };

  const enqueue = (command: DeliveredCommand): void => {
    const service = kindOwners.get(command.kind);
    // As with a broker, a command that no queue is bound for goes nowhere; the sweep of the service that starts later finds its object.
    if (service === undefined || closed) return;
    const queue = queueOf(service);
    queue.waiting.push(command);
    deliver(queue);
  };

  return {
    async publishCommand(command, { delayMs = 0 } = {}) {
      assertOpen();
      const traceparent = currentTraceparent();
      const delivered = { ...command, attempt: 1, ...(traceparent === undefined ? {} : { traceparent }) };
      if (delayMs > 0) later(delayMs, () => enqueue(delivered));
      else setImmediate(enqueue, delivered);
    },
    async consumeCommands(consumerOptions): Promise<Subscription> {
      assertOpen();
      for (const kind of consumerOptions.kinds) kindOwners.set(kind, consumerOptions.service);
      const queue = queueOf(consumerOptions.service);
      const consumer = { options: consumerOptions, running: new Set<Promise<void>>(), open: true };
      queue.consumers.push(consumer);
      deliver(queue);
      return {
        async close() {
          consumer.open = false;
          queue.consumers = queue.consumers.filter((other) => other !== consumer);
          await Promise.allSettled(consumer.running);
        },
      };
    },
    async publishNotification(routingKey, event) {
      assertOpen();
      const notify = (subscriber: { handler: (event: CloudEvent, routingKey: string) => void }): void => {
        try {
          subscriber.handler(event, routingKey);
        } catch (error) {
          onProblem?.(`notification ${routingKey} not handled`, error);
        }
      };
      for (const subscriber of subscribers) {
        if (topicMatches(subscriber.pattern, routingKey)) setImmediate(notify, subscriber);
      }
    },
    async subscribeNotifications(pattern, handler): Promise<Subscription> {
      assertOpen();
      const subscriber = {
        pattern,
        handler: (event: CloudEvent, routingKey: string): void => {
          if (subscribers.has(subscriber)) handler(event, routingKey);
        },
      };
      subscribers.add(subscriber);
      return {
        async close() {
          subscribers.delete(subscriber);
        },
      };
    },
    async request(service, method, params, { timeoutMs }) {
      assertOpen();
      const [server, ...others] = servers.get(service) ?? [];
      if (server === undefined) throw new CetusError('bus_unavailable', `No ${service} is running`);
      servers.set(service, [...others, server]);
      // As over a broker, nothing but JSON passes.
      const sent = asJson(params);
      const reply = await withDeadline(service, timeoutMs, (signal) =>
        server.gate.run(() => answer(server, method, sent, signal)),
      );
      return answerOf(reply);
    },
    async serveRequests(service, handler, { concurrency = 16 } = {}): Promise<Subscription> {
      assertOpen();
      const server = { handler, gate: new Semaphore(concurrency) };
      servers.set(service, [...(servers.get(service) ?? []), server]);
      return {
        async close() {
          servers.set(service, servers.get(service)?.filter((other) => other !== server) ?? []);
          await server.gate.idle();
        },
      };
    },
    async health() {
      assertOpen();
    },
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      subscribers.clear();
      const consumers = [...queues.values()].flatMap((queue) => queue.consumers);
      for (const consumer of consumers) consumer.open = false;
      await Promise.allSettled([
        ...consumers.flatMap(({ running }) => [...running]),
        ...[...servers.values()].flat().map(({ gate }) => gate.idle()),
      ]);
    },
  };

  async function answer(
    server: Server,
    method: string,
    params: unknown,
    signal: AbortSignal,
  ): Promise<Reply> {
    try {
      // Nobody waits any more for one whose time ran out before its turn.
      signal.throwIfAborted();
      return { ok: true, result: asJson(await server.handler(method, params, signal)) };
    } catch (error) {
      if (!(error instanceof CetusError)) onProblem?.(`request ${method} failed`, error);
      return { ok: false, error: describeError(error) };
    }
  }
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
