export { buildEvent, routingKeyOf, TRANSITIONS, transitionTime, type Transition } from './events.ts';
export { Relay, type RelayOptions } from './relay.ts';
export { ensureEventIndexes, EventStore, type EventFilter } from './event-store.ts';
export { EventFeed } from './event-feed.ts';
