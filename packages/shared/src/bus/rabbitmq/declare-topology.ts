import type { Channel } from 'amqplib';
import type { Topology } from '../topology.ts';

/**
 * Declares every exchange and queue. Declaring again what is there changes nothing; queue arguments cannot be changed in place, so a new
 * argument needs a new queue name.
 */
export async function declareTopology(
  channel: Channel,
  topology: Topology,
  services: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  await channel.assertExchange(topology.commands, 'topic', { durable: true });
  await channel.assertExchange(topology.notifications, 'topic', { durable: true });
  await channel.assertExchange(topology.requests, 'direct', { durable: true });
  await channel.assertExchange(topology.dead, 'fanout', { durable: true });
  await channel.assertQueue(topology.dead, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(topology.dead, topology.dead, '');
  for (const step of topology.delayStepsMs) {
    const name = topology.delay(step);
    // An exchange of its own keeps the routing key, with which the message goes back to the commands when its time is over.
    await channel.assertExchange(name, 'fanout', { durable: true });
    await channel.assertQueue(name, {
      durable: true,
      messageTtl: step,
      deadLetterExchange: topology.commands,
    });
    await channel.bindQueue(name, name, '');
  }
  for (const [service, kinds] of Object.entries(services)) {
    await declareCommandQueue(channel, topology, service, kinds);
  }
}

/** The queue of a service's commands: replicated, with a limit on how often a message that kills its consumer is delivered. */
export async function declareCommandQueue(
  channel: Channel,
  topology: Topology,
  service: string,
  kinds: readonly string[],
): Promise<void> {
  const queue = topology.commandQueue(service);
  await channel.assertQueue(queue, {
    durable: true,
    deadLetterExchange: topology.dead,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': topology.deliveryLimit },
  });
  for (const kind of kinds) await channel.bindQueue(queue, topology.commands, `${kind}.*`);
}
