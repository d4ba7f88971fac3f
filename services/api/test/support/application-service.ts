import { randomUUID } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import {
  APPLICATION_METHODS,
  applicationSpecOf,
  type DryRunAnswer,
  type DryRunRequest,
  type Instance,
  type SealAnswer,
  type SealRequest,
  type StoredApplication,
} from '@cetus/shared/schemas';
import type { Store } from '@cetus/shared/store';

type Params = Record<string, unknown>;

/** Stands for the service that holds the keys and reaches the clusters: remembers what it is asked, and answers as it does, or as it is told to. */
export class ApplicationService {
  /** What was asked, oldest first. */
  readonly asked: { method: string; params: Params }[] = [];
  /** What is answered, by method, instead of what follows from the parameters. */
  readonly answers: Record<string, (params: Params) => unknown> = {};
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  /** What was asked of one method. */
  of(method: keyof typeof APPLICATION_METHODS): Params[] {
    const name = APPLICATION_METHODS[method];
    return this.asked.filter((one) => one.method === name).map(({ params }) => params);
  }

  /** Has a method answer something else; answers how to take it back. */
  says(method: keyof typeof APPLICATION_METHODS, answer: (params: Params) => unknown): () => void {
    const name = APPLICATION_METHODS[method];
    this.answers[name] = answer;
    return () => void delete this.answers[name];
  }

  async answer(method: string, params: unknown): Promise<unknown> {
    this.asked.push({ method, params: params as Params });
    const told = this.answers[method];
    if (told !== undefined) return told(params as Params);
    switch (method) {
      case APPLICATION_METHODS.seal:
        return this.seal(params as SealRequest);
      case APPLICATION_METHODS.dryRun:
        return dryRun(params as DryRunRequest);
      case APPLICATION_METHODS.instances:
        return { instances: [], problems: [] };
      case APPLICATION_METHODS.events:
        return { events: [], problems: [] };
      default:
        throw new CetusError('not_found', 'There is no such instance');
    }
  }

  private async seal({ id, secrets }: SealRequest): Promise<SealAnswer> {
    const found = await this.store.db.collection<StoredApplication>('applications').findOne({ _id: id });
    const before = found === null ? [] : applicationSpecOf(found).secrets;
    const keys = Object.entries(secrets).map(([name, values]) => {
      const had = before.find((one) => one.name === name);
      if (values === null && had === undefined) throw new Error(`${name} has no values`);
      return [name, values === null ? (had?.keys ?? []) : Object.keys(values).sort()] as const;
    });
    return {
      sealed: { v: 1, key_id: 'k', nonce: randomUUID(), ciphertext: 'SEALED', tag: 't' },
      keys: Object.fromEntries(keys),
    };
  }
}

function dryRun({ name, spec }: DryRunRequest): DryRunAnswer {
  const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } };
  return {
    placements: spec.placements.map(({ cluster_id }) => ({
      cluster_id: cluster_id ?? '',
      cluster_name: 'c',
      namespace: 'n',
      admitted: true,
      problem: null,
      objects: [{ api_version: 'apps/v1', kind: 'Deployment', name, manifest, refusal: null, warnings: [] }],
    })),
  };
}

/** A pod. */
export function instance(name: string, cluster_id: string, more: Partial<Instance> = {}): Instance {
  return {
    name,
    uid: randomUUID(),
    cluster_id,
    namespace: 'n',
    phase: 'Running',
    ready: true,
    node: 'node-1',
    pod_ip: '10.1.0.1',
    host_ip: '10.0.0.1',
    revision: 'r1',
    restarts: 0,
    qos_class: 'BestEffort',
    created_at: '2026-01-01T00:00:00Z',
    started_at: '2026-01-01T00:00:01Z',
    cause: null,
    containers: [],
    ...more,
  };
}
