import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import {
  connectRabbitBus,
  createInProcessBus,
  createTopology,
  type Bus,
  type Command,
} from '@cetus/shared/bus';
import type { CloudEvent } from '@cetus/shared/schemas';

/** A bus under the contract, as several processes see it. */
export interface BusHarness {
  /** What went wrong and was told. */
  problems: string[];
  /** The bus as one more process has it. */
  join(options?: {
    url?: string;
    services?: Record<string, string[]>;
    confirmTimeoutMs?: number;
  }): Promise<Bus>;
  /** The next command that was given up, within five seconds. */
  nextDead(): Promise<unknown>;
  end(): Promise<void>;
}

const REDELIVERY_MS = 100;

/** All "processes" share the one bus there is. */
export function inProcessHarness(): BusHarness {
  const dead: Command[] = [];
  const problems: string[] = [];
  const bus = createInProcessBus({
    redeliveryMs: REDELIVERY_MS,
    onDeadLetter: (command) => dead.push(command),
    onProblem: (problem) => problems.push(problem),
  });
  return {
    problems,
    join: async () => bus,
    nextDead: () => poll(() => dead.shift()),
    end: () => bus.close(),
  };
}

/** Every "process" has a connection of its own; what is declared is deleted at the end. */
export function rabbitHarness(url: string, prefix: string): BusHarness & { prefix: string } {
  const buses: Bus[] = [];
  const problems: string[] = [];
  const topology = createTopology(prefix);
  return {
    problems,
    prefix,
    async join(options = {}) {
      const { services = {}, ...rest } = options;
      const onProblem = (problem: string, error: unknown): void =>
        void problems.push(`${problem}: ${String(error)}`);
      const bus = await connectRabbitBus({
        url,
        prefix,
        redeliveryMs: REDELIVERY_MS,
        onProblem,
        services,
        ...rest,
      });
      buses.push(bus);
      return bus;
    },
    nextDead: () =>
      withChannel(url, (channel) =>
        poll(async () => {
          const message = await channel.get(topology.dead, { noAck: true });
          return message === false ? undefined : (JSON.parse(message.content.toString()) as unknown);
        }),
      ),
    async end() {
      await Promise.all(buses.map((bus) => bus.close()));
      await deleteTopology(url, prefix);
    },
  };
}

type AmqpChannel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>;

/** Runs something on a connection apart from the bus. */
export async function withChannel<T>(url: string, run: (channel: AmqpChannel) => Promise<T>): Promise<T> {
  const connection = await connect(url, { timeout: 5_000 });
  try {
    return await run(await connection.createChannel());
  } finally {
    await connection.close();
  }
}

/** The services of which tests have made queues; their names are all there is to find the queues by. */
const services = new Set<string>(['conductor']);

/** A service and a kind that no other test uses. */
export function uniqueService(): { service: string; kind: string } {
  const word = randomUUID().slice(0, 8);
  services.add(`s${word}`);
  return { service: `s${word}`, kind: `k${word}` };
}

async function deleteTopology(url: string, prefix: string): Promise<void> {
  const topology = createTopology(prefix);
  await withChannel(url, async (channel) => {
    const delays = topology.delayStepsMs.map((step) => topology.delay(step));
    const queues = [...services].flatMap((service) => [
      topology.commandQueue(service),
      topology.requestQueue(service),
    ]);
    for (const queue of [...queues, ...delays, topology.dead]) await channel.deleteQueue(queue);
    const { commands, requests, notifications, dead } = topology;
    for (const exchange of [commands, requests, notifications, dead, ...delays])
      await channel.deleteExchange(exchange);
  });
}

async function poll<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const until = performance.now() + 5_000;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error('nothing came within five seconds');
    await delay(20);
  }
}

export function command(kind: string, fields: Partial<Command> = {}): Command {
  return { kind, id: randomUUID(), project_id: 'p1', generation: 1, reason: 'create', ...fields };
}

/** A notification of an object. */
export function notification(
  subject: string,
  sequence: number,
  fields: Partial<CloudEvent> = {},
): CloudEvent {
  return {
    specversion: '1.0',
    id: `${subject}/${String(sequence)}`,
    source: '/v1/clusters',
    type: 'cetus.cluster.create.start',
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    sequence: String(sequence),
    projectid: 'p1',
    data: {
      kind: 'cluster',
      uuid: subject,
      name: 'c1',
      project_id: 'p1',
      user_id: 'u1',
      generation: 1,
      state: 'CREATE_IN_PROGRESS',
      previous_state: null,
      operation: null,
      error: null,
    },
    ...fields,
  };
}
