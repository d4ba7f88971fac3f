import { createHash } from 'node:crypto';
import { buildEvent, transitionTime } from '@cetus/shared/notifications';
import { mergeConditions } from '@cetus/shared/reconcile';
import { stateOf, type Observation } from '@cetus/shared/schemas';
import { APPLICATION, type ObservationWrite, type ObservedApplication } from '@cetus/shared/store';
import type { Observed } from '../observe/observe.ts';
import { healthCondition } from './health-condition.ts';
import { SCALING_ACTIVE, scalingCondition } from './scaling-condition.ts';

/**
 * The write of what was seen of an application in a cluster as a pure function: a condition that changed is a notification in its sequence.
 * @param current the newest document
 * @returns null when the document says it already
 */
export function observationWrite(
  current: ObservedApplication,
  clusterId: string,
  observed: Observed,
  token: number,
  clock = new Date(),
): ObservationWrite | null {
  const before = current.observed[clusterId];
  const now = transitionTime(current, clock);
  const difference = differenceOf(before === undefined ? null : printOf(before), printOf(observed));
  const since = before !== undefined && before.phase === observed.phase ? before.since : now;
  const observation: Observation = { ...observed, since, token };
  const next = { ...current, observed: { ...current.observed, [clusterId]: observation } };
  const scaling = scalingCondition(next);
  const told = [healthCondition(next), scaling].filter((one) => one !== null);
  // Of an autoscaler that is no more nothing is said.
  const known = (current.health_conditions ?? []).filter(
    ({ type }) => scaling !== null || type !== SCALING_ACTIVE,
  );
  const { conditions, changed } = mergeConditions(known, told, now);
  if (difference === null && changed.length === 0) return null;
  const state = stateOf(current);
  const events = changed.map((condition, index) =>
    buildEvent(
      APPLICATION,
      current,
      current.sequence + index + 1,
      { what: 'condition.changed', state, previousState: state, operation: null, condition },
      now,
    ),
  );
  const isTold = difference === 'transition' || events.length > 0;
  return { observation, conditions, events, ...(isTold ? { updated_at: now } : {}) };
}

/** What was written, or is to be, in as little memory as tells one from another. */
export interface Print {
  /** What whoever waits for the application acts on. */
  transition: string;
  detail: string;
  /** What is another figure each time that it is measured. */
  measure: string;
}

export function printOf({
  phase,
  generation,
  settled,
  replicas,
  cause,
  service,
  autoscaler,
}: Observed): Print {
  const { cpu_percent, memory_percent, ...scaling } = autoscaler ?? {};
  const active = String(autoscaler?.active);
  return {
    transition: [phase, cause?.reason ?? '', String(settled), String(generation), active].join('/'),
    detail: createHash('sha1').update(sorted({ replicas, cause, service, scaling })).digest('base64'),
    measure: [cpu_percent, memory_percent].join('/'),
  };
}

/** What must be done about what is seen: write it at once, write it soon, write it now and then, or nothing. */
export function differenceOf(written: Print | null, seen: Print): 'transition' | 'detail' | 'measure' | null {
  if (written?.transition !== seen.transition) return 'transition';
  if (written.detail !== seen.detail) return 'detail';
  return written.measure === seen.measure ? null : 'measure';
}

/** The same text for the same values, in whatever order their fields are. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
