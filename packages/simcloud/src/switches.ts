/** Names of the services in switches and statistics. */
export type ServiceName = 'keystone' | 'heat' | 'nova' | 'glance' | 'neutron' | 'magnum';

/** What happens to requests before they are handled. */
export interface TrafficRule {
  /** Added to every answer, milliseconds. */
  latencyMs?: number;
  /** Added at random on top, 0 to this, milliseconds. */
  jitterMs?: number;
  /** Share of requests (0 to 1) answered with `errorStatus` instead. */
  errorRate?: number;
  /** Default 503. */
  errorStatus?: number;
  /** Seconds sent as `Retry-After` with the error. */
  retryAfter?: number;
  /** True: never answers. */
  hang?: boolean;
}

/** A rule for requests whose `METHOD /path` matches a regular expression, e.g. `^POST .*\/stacks$`. */
export interface PathRule extends TrafficRule {
  match: string;
}

/** What happens to one action of a resource. */
export interface ActionFault {
  /** Seconds the action takes, instead of the resource's own. */
  wait_secs?: number;
  /** The action fails with this reason, after its time. */
  fail?: string;
  /** Only the first so many times; for ever when not given. */
  times?: number;
}

/** Faults of one resource, type or stack; `attributes` overrides what `get_attr` answers. */
export interface ResourceFault {
  create?: ActionFault;
  update?: ActionFault;
  delete?: ActionFault;
  attributes?: Record<string, unknown>;
}

/** What Magnum's conductor does; Magnum's API goes on by itself. Resources of clusters fail as those of other stacks. */
export interface MagnumSwitches {
  /** True: nothing that is accepted is done, no state changes, and what waits for the conductor hangs. */
  conductorDown?: boolean;
  /** Seconds from an accepted request to what is done about it, instead of the cloud's own. */
  castSeconds?: number;
  /** Health found at the next look, by name of the cluster or `*`, instead of what its Kubernetes API says. */
  health?: Record<string, { status: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN'; reason: Record<string, string> }>;
}

/** Everything that can be switched while the cloud runs. */
export interface Switches {
  /** By service, or `*` for all. */
  services: Partial<Record<ServiceName | '*', TrafficRule>>;
  /** Before `services`; the first match wins. */
  paths: PathRule[];
  /**
   * Keys: `name:<resource>`, `stack:<name of the root stack>` (or its beginning and `*`), a resource type, `*`; the
   * first of these with a word on the action wins.
   */
  resources: Record<string, ResourceFault>;
  magnum: MagnumSwitches;
}

/** Holds the switches; a partial change replaces the parts it names. */
export class SwitchBoard {
  #switches: Switches;
  readonly #initial: Partial<Switches>;
  #compiled: { pattern: RegExp; rule: PathRule }[] = [];
  readonly #used = new Map<ActionFault, number>();
  readonly #listeners: (() => void)[] = [];

  constructor(initial: Partial<Switches> = {}) {
    this.#initial = structuredClone(initial);
    this.#switches = { services: {}, paths: [], resources: {}, magnum: {} };
    this.reset();
  }

  get(): Switches {
    return this.#switches;
  }

  /** @throws SyntaxError for a `match` that is not a regular expression; nothing is changed then. */
  set(change: Partial<Switches>): void {
    const next = { ...this.#switches, ...structuredClone(change) };
    this.#compiled = next.paths.map((rule) => ({ pattern: new RegExp(rule.match), rule }));
    this.#switches = next;
    this.#used.clear();
    for (const listener of this.#listeners) listener();
  }

  /** Calls a function after every change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Back to what was set at the start. */
  reset(): void {
    this.set({ services: {}, paths: [], resources: {}, magnum: {}, ...this.#initial });
  }

  /** The rule for a request, if there is one. */
  traffic(service: ServiceName, method: string, path: string): TrafficRule | undefined {
    for (const { pattern, rule } of this.#compiled) if (pattern.test(`${method} ${path}`)) return rule;
    return this.#switches.services[service] ?? this.#switches.services['*'];
  }

  /** What is to happen to an action; counts the use of a fault that is limited in number. */
  fault(
    action: 'create' | 'update' | 'delete',
    resource: string,
    type: string,
    stack: string,
  ): ActionFault | undefined {
    for (const key of this.#keysOf(resource, type, stack)) {
      const fault = this.#switches.resources[key]?.[action];
      if (fault === undefined) continue;
      const used = this.#used.get(fault) ?? 0;
      if (fault.times !== undefined && used >= fault.times) continue;
      this.#used.set(fault, used + 1);
      return fault;
    }
    return undefined;
  }

  /** An overriding attribute value; undefined when there is none. */
  attribute(name: string, resource: string, type: string, stack: string): unknown {
    for (const key of this.#keysOf(resource, type, stack)) {
      const attributes = this.#switches.resources[key]?.attributes;
      if (attributes !== undefined && name in attributes) return attributes[name];
    }
    return undefined;
  }

  #keysOf(resource: string, type: string, stack: string): string[] {
    const begins = Object.keys(this.#switches.resources).filter(
      (key) => key.startsWith('stack:') && key.endsWith('*') && `stack:${stack}`.startsWith(key.slice(0, -1)),
    );
    return [`name:${resource}`, `stack:${stack}`, ...begins, type, '*'];
  }
}
