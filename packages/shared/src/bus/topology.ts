/** Every exchange and queue of Cetus, as data. `prefix` keeps several installations (or tests) on one broker apart. */
export interface Topology {
  commands: string;
  commandQueue(service: string): string;
  /** How often a quorum queue delivers a message before it goes to `dead`: a message that kills its consumer. */
  deliveryLimit: number;
  delay(stepMs: number): string;
  delayStepsMs: readonly number[];
  requests: string;
  requestQueue(service: string): string;
  notifications: string;
  dead: string;
}

/** Waiting is done in these steps (milliseconds): a longer wait is several steps, a shorter one is rounded up to the first. */
export const DELAY_STEPS_MS = [250, 1_000, 5_000, 30_000, 300_000] as const;

/** @param prefix `cetus` outside tests */
export function createTopology(prefix = 'cetus'): Topology {
  return {
    commands: `${prefix}.commands`,
    commandQueue: (service) => `${prefix}.commands.${service}`,
    deliveryLimit: 10,
    delay: (stepMs) => `${prefix}.delay.${String(stepMs)}`,
    delayStepsMs: DELAY_STEPS_MS,
    requests: `${prefix}.requests`,
    requestQueue: (service) => `${prefix}.requests.${service}`,
    notifications: `${prefix}.notifications`,
    dead: `${prefix}.dead`,
  };
}

/** What a wait of one step may be longer than was asked: less would be made of several steps for the time that publishing took. */
const DELAY_SLACK_MS = 50;

/** The step to wait next for a wait of `delayMs`: the longest that fits, or the shortest there is. */
export function delayStep(delayMs: number): number {
  return DELAY_STEPS_MS.findLast((step) => step - DELAY_SLACK_MS <= delayMs) ?? DELAY_STEPS_MS[0];
}

/** Whether an AMQP topic pattern matches a routing key. */
export function topicMatches(pattern: string, key: string): boolean {
  const match = (p: readonly string[], k: readonly string[]): boolean => {
    const [head, ...rest] = p;
    if (head === undefined) return k.length === 0;
    if (head === '#') return match(rest, k) || (k.length > 0 && match(p, k.slice(1)));
    return k.length > 0 && (head === '*' || head === k[0]) && match(rest, k.slice(1));
  };
  return match(pattern.split('.'), key.split('.'));
}
