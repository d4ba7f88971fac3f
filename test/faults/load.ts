import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CetusClient } from '../integration/support/cetus-client.ts';
import type { HttpRequest } from '../integration/support/json-http.ts';

const AGAIN_MS = 300;

/** What was asked for and answered. */
export interface Accepted {
  uuid: string;
  deleted: boolean;
  resized: boolean;
  /** It got a node group. */
  grouped: boolean;
}

/** Every third cluster is of Magnum, which takes no more than so many of a project. */
const MOST_MAGNUM = 18;

interface Plan {
  at: number;
  fate: number;
  template: string;
  name: string;
}

/** Clients that ask again, with the same key, until they are answered. */
export class Load {
  readonly accepted: Accepted[] = [];
  /** Requests that had to be repeated. */
  repeats = 0;
  /** Answers that no client should get, whatever happens behind the API. */
  readonly wrong: string[] = [];
  private readonly clients: readonly CetusClient[];
  private readonly random: () => number;
  private readonly templates: Readonly<Record<'heat' | 'magnum', string>>;

  constructor(
    clients: readonly CetusClient[],
    templates: Readonly<Record<'heat' | 'magnum', string>>,
    random: () => number,
  ) {
    this.clients = clients;
    this.templates = templates;
    this.random = random;
  }

  /** Creates clusters, spread over a time in milliseconds; some grow, some get a node group, and some are deleted, as soon as that is legal. */
  async run(count: number, overMs: number): Promise<void> {
    const plans = Array.from({ length: count }, (_, i) => ({
      at: this.random() * overMs,
      fate: i % 5,
      template: this.templates[i % 3 === 0 && i / 3 < MOST_MAGNUM ? 'magnum' : 'heat'],
      name: `fault-${i}`,
    }));
    await Promise.all(plans.map((plan) => this.one(plan)));
  }

  private async one({ at, fate, template, name }: Plan): Promise<void> {
    await delay(at);
    const create = {
      method: 'POST',
      body: { cluster_template_id: template, name },
      headers: { 'idempotency-key': randomUUID() },
    };
    const { uuid } = (await this.insist<{ uuid: string }>('/v1/clusters', create, [202])).body;
    const accepted: Accepted = { uuid, deleted: false, resized: false, grouped: false };
    this.accepted.push(accepted);
    if (fate === 0) {
      await delay(this.random() * 4_000);
      await this.insist(`/v1/clusters/${uuid}`, { method: 'DELETE' }, [204, 404]);
      accepted.deleted = true;
    } else if (fate === 1) {
      // 409 until it is made.
      await this.insist(
        `/v1/clusters/${uuid}/actions/resize`,
        { method: 'POST', body: { node_count: 3 } },
        [202],
        [409],
      );
      accepted.resized = true;
    } else if (fate === 2) {
      // 409 until it is made.
      const body = { name: 'pool', node_count: 1, flavor_id: 'm1.medium' };
      const path = `/v1/clusters/${uuid}/nodegroups`;
      await this.insist(
        path,
        { method: 'POST', body, headers: { 'idempotency-key': randomUUID() } },
        [202],
        [409],
      );
      accepted.grouped = true;
    }
  }

  private async insist<T>(
    path: string,
    request: HttpRequest,
    good: readonly number[],
    again: readonly number[] = [],
  ) {
    for (;;) {
      const client = this.clients[Math.floor(this.random() * this.clients.length)] as CetusClient;
      try {
        const answer = await client.request<T>(path, { ...request, timeoutMs: 10_000 });
        if (good.includes(answer.status)) return answer;
        if (answer.status === 500 || (answer.status < 500 && !again.includes(answer.status))) {
          this.wrong.push(
            `${request.method ?? 'GET'} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`,
          );
        }
      } catch {
        // Nobody answered: killed before or after it was written, which the key tells apart.
      }
      this.repeats += 1;
      await delay(AGAIN_MS);
    }
  }
}
