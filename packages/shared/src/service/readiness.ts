import { hideUserinfo } from './config-text.ts';
import { withDeadline } from './deadline.ts';
import type { Resource } from './resource.ts';

/** Whether one resource can do its work; `duration_ms` is how long the answer took. */
export interface ResourceReadiness {
  ok: boolean;
  duration_ms: number;
  /** Why not, for an operator. */
  error?: string;
}

/** What `/readyz` answers. */
export interface Readiness {
  ready: boolean;
  /** The life-cycle state, when a service answers. */
  state?: string;
  resources: Record<string, ResourceReadiness>;
}

/**
 * Asks every resource for its health, at once, each with a time-out in milliseconds (default 2,000). Never throws: a
 * resource that throws or does not answer is reported as not ok.
 */
export async function readiness(resources: readonly Resource[], timeoutMs = 2_000): Promise<Readiness> {
  const entries = await Promise.all(
    resources.map(async (resource): Promise<[string, ResourceReadiness]> => {
      const since = performance.now();
      const duration = (): number => Math.round(performance.now() - since);
      try {
        await withDeadline('the health check', timeoutMs, async (signal) => resource.health?.(signal));
        return [resource.name, { ok: true, duration_ms: duration() }];
      } catch (error) {
        const message = error instanceof Error ? error.message || error.name : String(error);
        return [resource.name, { ok: false, duration_ms: duration(), error: hideUserinfo(message) }];
      }
    }),
  );
  return { ready: entries.every(([, { ok }]) => ok), resources: Object.fromEntries(entries) };
}

/**
 * Shares one check between everyone who asks at the same time or within `cacheMs` milliseconds (default 1,000), so that a
 * flood of probes is not passed on to the servers behind the resources.
 */
export function shareReadiness(check: () => Promise<Readiness>, cacheMs = 1_000): () => Promise<Readiness> {
  let flight: Promise<Readiness> | undefined;
  let validUntil = 0;
  return () => {
    if (flight === undefined || performance.now() >= validUntil) {
      validUntil = Infinity;
      flight = check().finally(() => {
        validUntil = performance.now() + cacheMs;
      });
    }
    return flight;
  };
}
