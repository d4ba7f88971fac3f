import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterStack } from '../../../../src/cluster/drivers/heat/build-stack.ts';
import type {
  FailedStack,
  StackEventState,
  StackResourceState,
} from '../../../../src/cluster/drivers/openstack/stack-failure.ts';
import type { HotValue } from '../../../../src/cluster/drivers/heat/hot.ts';
import type { StackOutput } from '../../../../src/cluster/drivers/heat/read-outputs.ts';

const REQUEST_MS = 30_000;
const SETTLE_MS = 180_000;

export interface LabStack extends FailedStack {
  id: string;
  outputs?: StackOutput[];
}

/** A few calls of a real Heat, as the lab's tenant `demo`. */
export class LabHeat {
  private readonly token: string;
  private readonly url: string;

  private constructor(token: string, url: string) {
    this.token = token;
    this.url = url;
  }

  /** @param keystoneUrl `http://host:5000/v3` */
  static async connect(keystoneUrl: string): Promise<LabHeat> {
    const domain = { name: 'Default' };
    const password = process.env.CETUS_LAB_PASSWORD ?? 'devpw';
    const response = await fetch(`${keystoneUrl}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: { methods: ['password'], password: { user: { name: 'demo', domain, password } } },
          scope: { project: { name: 'demo', domain } },
        },
      }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const token = response.headers.get('x-subject-token');
    if (response.status !== 201 || token === null)
      throw new Error(`Keystone: ${response.status} ${await response.text()}`);
    const body = (await response.json()) as {
      token: { catalog: { type: string; endpoints: { interface: string; url: string }[] }[] };
    };
    const orchestration = body.token.catalog.find(({ type }) => type === 'orchestration');
    const url = orchestration?.endpoints.find((endpoint) => endpoint.interface === 'public')?.url;
    if (url === undefined) throw new Error('the catalog has no public orchestration endpoint');
    return new LabHeat(token, url);
  }

  async request<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      // Without Accept Heat answers a PATCH in HTML.
      headers: {
        'x-auth-token': this.token,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async validate(stack: ClusterStack): Promise<{ Parameters: Record<string, { NoEcho: string }> }> {
    return this.request('POST', '/validate', {
      template: stack.template,
      files: stack.files,
      environment: { parameters: stack.parameters },
    });
  }

  async create(name: string, stack: ClusterStack): Promise<string> {
    const answer = await this.request<{ stack: { id: string } }>('POST', '/stacks', {
      stack_name: name,
      ...stack,
      tags: 'cetus,cetus-test',
      timeout_mins: 5,
      disable_rollback: true,
    });
    return answer.stack.id;
  }

  /** Changes parameters and waits for the end of that update. */
  async patch(name: string, id: string, parameters: Record<string, HotValue>): Promise<LabStack> {
    const { updated_time: before } = await this.stack(name, id);
    await this.request('PATCH', `/stacks/${name}/${id}`, { parameters });
    return this.settled(name, id, 'UPDATE', before);
  }

  async stack(name: string, id: string): Promise<LabStack> {
    return (await this.request<{ stack: LabStack }>('GET', `/stacks/${name}/${id}`)).stack;
  }

  async resources(name: string, id: string): Promise<StackResourceState[]> {
    const path = `/stacks/${name}/${id}/resources?nested_depth=3`;
    return (await this.request<{ resources: StackResourceState[] }>('GET', path)).resources;
  }

  async events(name: string, id: string): Promise<StackEventState[]> {
    const path = `/stacks/${name}/${id}/events?nested_depth=3`;
    return (await this.request<{ events: StackEventState[] }>('GET', path)).events;
  }

  /** The stack once an action of the given kind is over, for updates the one after `before` (an updated_time). */
  async settled(
    name: string,
    id: string,
    action: 'CREATE' | 'UPDATE' | 'DELETE',
    before?: string | null,
  ): Promise<LabStack> {
    const deadline = Date.now() + SETTLE_MS;
    for (;;) {
      const stack = await this.stack(name, id);
      const [found, status] = [stack.stack_status.split('_')[0], stack.stack_status];
      const begun = before === undefined || stack.updated_time !== before;
      if (begun && found === action && !status.endsWith('_IN_PROGRESS')) return stack;
      if (Date.now() > deadline) throw new Error(`${name} is still ${status}`);
      await delay(500);
    }
  }

  async remove(name: string, id: string): Promise<void> {
    await this.request('DELETE', `/stacks/${name}/${id}`);
    const stack = await this.settled(name, id, 'DELETE');
    if (stack.stack_status !== 'DELETE_COMPLETE')
      throw new Error(`${name}: ${stack.stack_status_reason ?? ''}`);
  }
}
