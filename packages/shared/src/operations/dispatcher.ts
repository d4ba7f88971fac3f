import type { Bus } from '../bus/bus.ts';
import type { Relay } from '../notifications/relay.ts';
import type { StoredObject } from '../schemas/object.ts';
import type { Kind } from '../store/index.ts';

type AnyKind = Pick<Kind<never>, 'name' | 'collection' | 'service'>;

export interface DispatcherOptions {
  bus: Bus;
  relay: Relay;
  /** Told when a command could not be published; the sweep of the service that reconciles the kind finds the object all the same. */
  onError: (error: unknown, object: string) => void;
}

/** What follows the write that accepts something: the command, and the notifications. Nothing is lost when it fails. */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly relaying = new Set<Promise<void>>();

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  /** Publishes the command of the object's operation, and starts its notifications on their way. Resolves when the broker has the command. */
  async dispatch(kind: AnyKind, object: StoredObject): Promise<void> {
    const relaying = this.options.relay.relay(kind, object).finally(() => this.relaying.delete(relaying));
    this.relaying.add(relaying);
    if (kind.service !== null && object.operation?.state === 'IN_PROGRESS') {
      await this.command(kind, object, object.operation.action);
    }
  }

  /** Asks the service that reconciles the kind to look at the object now. */
  async wakeUp(kind: AnyKind, object: StoredObject, reason: 'resync'): Promise<void> {
    await this.command(kind, object, reason);
  }

  /** Waits for the notifications that are on their way. */
  async close(): Promise<void> {
    await Promise.all(this.relaying);
  }

  private async command(kind: AnyKind, object: StoredObject, reason: string): Promise<void> {
    const { _id: id, project_id, generation } = object;
    try {
      await this.options.bus.publishCommand({ kind: kind.name, id, project_id, generation, reason });
    } catch (error) {
      this.options.onError(error, id);
    }
  }
}
