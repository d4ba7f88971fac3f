import type { Bus, Semaphore } from '@cetus/shared/bus';
import type { Relay } from '@cetus/shared/notifications';
import type { Logger } from '@cetus/shared/service';
import {
  APPLICATION,
  LeaseLostError,
  type ObservationStore,
  type ObservationWrite,
  type ObservedApplication,
} from '@cetus/shared/store';
import type { Observed } from '../observe/observe.ts';
import type { Followed } from './directory.ts';
import { observationWrite, printOf } from './observation-write.ts';
import { wantsLook } from './wants-look.ts';

export interface ObservationWriterOptions {
  clusterId: string;
  store: Pick<ObservationStore, 'write'>;
  relay: Pick<Relay, 'relay'>;
  bus: Pick<Bus, 'publishCommand'>;
  logger: Pick<Logger, 'warn'>;
  /** The fencing token of the cluster's lease. */
  token: number;
  /** Writes of this process at once, over all clusters. */
  writes: Semaphore;
  /** Aborted: nothing is written any more. */
  signal: AbortSignal;
  /** How an application is now; undefined: that is not known. */
  observe: (one: Followed) => Observed | undefined;
  /** `metadata.generation` of its workload now. */
  resourceGeneration: (one: Followed) => number | null;
  /** It is to be looked at again soon: something could not be done. */
  onRetry: (id: string) => void;
  /** It is not in the cluster any more. */
  onLeft: (id: string) => void;
  /** A later follower of the cluster has written: nothing can be written here any more. */
  onLost: () => void;
}

/** Writes how applications are into their documents, and has the reconciler look where it waits for that. Nothing of it throws. */
export class ObservationWriter {
  private readonly options: ObservationWriterOptions;

  constructor(options: ObservationWriterOptions) {
    this.options = options;
  }

  /** Writes how an application is, as it is by then. */
  async write(one: Followed): Promise<void> {
    const { store, relay, clusterId, token, writes, signal, logger, resourceGeneration } = this.options;
    const { id, written: before } = one;
    try {
      const result = await writes.run(() =>
        store.write(id, clusterId, token, (current) => this.build(one, current)),
      );
      if (result === null) {
        this.options.onLeft(id);
        return;
      }
      const { application, written } = result;
      one.generation = application.generation;
      if (written) {
        one.writtenAt = Date.now();
        void relay.relay(APPLICATION, application);
      }
      const isTransition = before?.transition !== one.written?.transition;
      if (isTransition) one.owesCommand ??= wantsLook(application, clusterId, resourceGeneration(one));
      if (one.owesCommand !== null) await this.announce(one);
    } catch (err) {
      one.written = null;
      if (signal.aborted) return;
      if (err instanceof LeaseLostError) this.options.onLost();
      else {
        this.options.onRetry(id);
        logger.warn(
          { cluster: clusterId, application: id, err },
          'what was seen not written; it is tried again',
        );
      }
    }
  }

  /** Has the reconciler look at an application now. */
  async announce(one: Followed): Promise<void> {
    const { bus, clusterId, logger } = this.options;
    const { id, projectId: project_id, generation } = one;
    const announced = this.options.resourceGeneration(one);
    const reason = one.owesCommand ?? 'observed';
    one.owesCommand = null;
    try {
      await bus.publishCommand({ kind: APPLICATION.name, id, project_id, generation, reason });
      one.announced = announced;
    } catch (err) {
      one.owesCommand ??= reason;
      this.options.onRetry(id);
      logger.warn({ cluster: clusterId, application: id, err }, 'command not published; it is tried again');
    }
  }

  /** What is to be written of an application as its document is now. */
  private build(one: Followed, current: ObservedApplication): ObservationWrite | null {
    const { clusterId, token, signal, observe } = this.options;
    // Whoever follows it next begins with what is written by then.
    if (signal.aborted) throw new LeaseLostError(clusterId);
    const { kind, stopped, paused } = current.spec;
    one.asked = { kind, stopped, paused };
    const observed = observe(one);
    if (observed === undefined) return null;
    one.written = printOf(observed);
    return observationWrite(current, clusterId, observed, token);
  }
}
