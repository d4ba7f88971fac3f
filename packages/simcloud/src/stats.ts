/** Counters of what was asked of the cloud. */
export interface StatsReport {
  /** By `<service> <METHOD> <route> <status>`. */
  requests: Record<string, number>;
  /** Requests that a switch answered with an error, or never. */
  injected: { errors: number; hangs: number };
  /** Requests that a path's rule was for, by its `match`; counted when they have arrived, before they wait. */
  paths: Record<string, number>;
  /** Root stacks ever created since the start or the last reset, by name. More than 1: it was created again. */
  stacksCreated: Record<string, number>;
  /** Resource actions begun, by `<type> <action>`. */
  resourceActions: Record<string, number>;
}

/** Names remembered; further ones are counted under `…`. */
const MOST_NAMES = 200_000;

/** Counts requests, created stacks and resource actions. */
export class Stats {
  readonly #requests = new Map<string, number>();
  readonly #stacks = new Map<string, number>();
  readonly #actions = new Map<string, number>();
  readonly #paths = new Map<string, number>();
  #errors = 0;
  #hangs = 0;

  request(service: string, method: string, route: string, status: number): void {
    count(this.#requests, `${service} ${method} ${route} ${String(status)}`);
  }

  stackCreated(name: string): void {
    count(this.#stacks, this.#stacks.size < MOST_NAMES || this.#stacks.has(name) ? name : '…');
  }

  resourceAction(type: string, action: string): void {
    count(this.#actions, `${type} ${action}`);
  }

  path(match: string): void {
    count(this.#paths, match);
  }

  injected(kind: 'error' | 'hang'): void {
    if (kind === 'error') this.#errors += 1;
    else this.#hangs += 1;
  }

  report(): StatsReport {
    return {
      requests: Object.fromEntries(this.#requests),
      injected: { errors: this.#errors, hangs: this.#hangs },
      paths: Object.fromEntries(this.#paths),
      stacksCreated: Object.fromEntries(this.#stacks),
      resourceActions: Object.fromEntries(this.#actions),
    };
  }

  reset(): void {
    this.#requests.clear();
    this.#stacks.clear();
    this.#actions.clear();
    this.#paths.clear();
    this.#errors = 0;
    this.#hangs = 0;
  }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
