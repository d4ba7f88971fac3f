import { CetusError } from '../errors/index.ts';
import type { CloudEvent } from '../schemas/event.ts';
import type { Bus, Command, CommandConsumerOptions, DeliveredCommand, RequestHandler, Subscription } from './bus.ts';
import { withDeadline } from './deadline.ts';
import { Semaphore } from './semaphore.ts';
import { currentTraceparent, runInTrace } from './trace.ts';
import { topicMatches } from './topology.ts';

/** How often a command whose handler fails is delivered before it is given up; the sweep finds its object all the same. */
const DELIVERIES = 10;
const REDELIVERY_MS = 1_000;

interface Queue {
  waiting: DeliveredCommand[];
  consumers: { options: CommandConsumerOptions; running: Set<Promise<void>>; open: boolean }[];
}

export interface InProcessBusOptions {
  /** Told of a command that was given up. */
  onDeadLetter?: (command: Command, error: unknown) => void;
}

/**
 * The bus of the embedded default: the same contract within one process. What waits in it is lost with the process; the sweep heals
 * that, as it heals a broker that loses messages.
 */
export function createInProcessBus(options: InProcessBusOptions = {}): Bus {
  const queues = new Map<string, Queue>();
  const kindOwners = new Map<string, string>();
  const subscribers = new Set<{ pattern: string; handler: (event: CloudEvent, routingKey: string) => void }>();
  const servers = new Map<string, { handler: RequestHandler; gate: Semaphore }[]>();
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
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delayMs);
    timers.add(timer);
  };

  const deliver = (queue: Queue): void => {
    for (const consumer of queue.consumers) {
      while (consumer.open && queue.waiting.length > 0 && consumer.running.size < consumer.options.prefetch) {
        const command = queue.waiting.shift() as DeliveredCommand;
        const run = runInTrace(command.traceparent, `${command.kind}.${command.reason} process`, () =>
          consumer.options.handler(command),
        )
          .catch((error: unknown) => {
            if (command.attempt >= DELIVERIES) options.onDeadLetter?.(command, error);
            else later(REDELIVERY_MS, () => enqueue({ ...command, attempt: command.attempt + 1 }));
          })
          .finally(() => {
            consumer.running.delete(run);
            deliver(queue);
          });
        consumer.running.add(run);
      }
    }
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
      for (const { pattern, handler } of subscribers) {
        if (topicMatches(pattern, routingKey)) setImmediate(handler, event, routingKey);
      }
    },
    async subscribeNotifications(pattern, handler): Promise<Subscription> {
      assertOpen();
      const subscriber = { pattern, handler };
      subscribers.add(subscriber);
      return {
        async close() {
          subscribers.delete(subscriber);
        },
      };
    },
    async request(service, method, params, { timeoutMs }) {
      assertOpen();
      const server = servers.get(service)?.[0];
      if (server === undefined) throw new CetusError('bus_unavailable', `No ${service} is running`);
      return withDeadline(service, timeoutMs, (signal) => server.gate.run(() => server.handler(method, params, signal)));
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
      const running = [...queues.values()].flatMap(({ consumers }) => consumers.flatMap((consumer) => [...consumer.running]));
      await Promise.allSettled(running);
    },
  };
}
