export type {
  Bus,
  Command,
  CommandConsumerOptions,
  CommandHandler,
  DeliveredCommand,
  RequestHandler,
  Subscription,
} from './bus.ts';
export { createInProcessBus, type InProcessBusOptions } from './in-process-bus.ts';
export { connectRabbitBus, type RabbitBusOptions } from './rabbitmq/rabbitmq-bus.ts';
export { createTopology, DELAY_STEPS_MS, delayStep, topicMatches, type Topology } from './topology.ts';
export { answerOf, describeError, type Reply } from './reply.ts';
export { Semaphore } from './semaphore.ts';
