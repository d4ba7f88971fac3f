import type { Scheduler, Wakeup } from '../scheduler.ts';
import type { ResourceRecord, StackRecord } from './types.ts';

/** When the running actions of resources end; kept in the records too (`wakeAt`), to outlive the process. */
export class Wakeups {
  readonly #scheduler: Scheduler;
  readonly #onTime: (stack: StackRecord, record: ResourceRecord) => void;
  readonly #pending = new Map<ResourceRecord, Wakeup>();

  constructor(scheduler: Scheduler, onTime: (stack: StackRecord, record: ResourceRecord) => void) {
    this.#scheduler = scheduler;
    this.#onTime = onTime;
  }

  /** Sets the end of a record's action, milliseconds since 1970; replaces an earlier one. */
  set(stack: StackRecord, record: ResourceRecord, at: number): void {
    record.wakeAt = at;
    this.#pending.get(record)?.cancel();
    this.#pending.set(
      record,
      this.#scheduler.at(at, () => {
        this.#pending.delete(record);
        record.wakeAt = null;
        this.#onTime(stack, record);
      }),
    );
  }

  cancel(record: ResourceRecord): void {
    this.#pending.get(record)?.cancel();
    this.#pending.delete(record);
    record.wakeAt = null;
  }
}
