import type { Bus } from '@cetus/shared/bus';
import {
  APPLICATION_METHODS,
  type ApplicationTarget,
  type DryRunAnswer,
  type DryRunRequest,
  type EventAnswer,
  type ExecRequest,
  type InstanceAnswer,
  type InstanceTarget,
  type LogRequest,
  type SealAnswer,
  type SealRequest,
} from '@cetus/shared/schemas';
import { APPLICATION_SERVICE } from '@cetus/shared/store';
import type { StreamTicket } from '@cetus/shared/streams';

/** What each method is asked with, and what it answers. */
interface Methods {
  seal: [SealRequest, SealAnswer];
  dryRun: [DryRunRequest, DryRunAnswer];
  instances: [ApplicationTarget, InstanceAnswer];
  deleteInstance: [InstanceTarget, unknown];
  events: [ApplicationTarget, EventAnswer];
  log: [LogRequest, StreamTicket];
  exec: [ExecRequest, StreamTicket];
}

/** Milliseconds that a request waits: sealing is done at once, clusters may be slow. */
const TIMEOUT_MS: Readonly<Record<keyof Methods, number>> = {
  seal: 5_000,
  dryRun: 25_000,
  instances: 15_000,
  deleteInstance: 15_000,
  events: 15_000,
  log: 15_000,
  exec: 15_000,
};

/**
 * Asks the service that holds the keys and reaches the clusters.
 * @throws CetusError `request_deadline_exceeded`, `bus_unavailable`, or what the service says
 */
export async function ask<M extends keyof Methods>(
  { bus }: { bus: Bus },
  method: M,
  params: Methods[M][0],
): Promise<Methods[M][1]> {
  const timeoutMs = TIMEOUT_MS[method];
  return await bus.request(APPLICATION_SERVICE, APPLICATION_METHODS[method], params, {
    timeoutMs,
  });
}
