import type { ResourceFault, StatsReport, Switches } from '@cetus/simcloud/sim-cloud';
import { httpJson, type HttpAnswer } from './json-http.ts';

/** A person who signs in: of the simulated cloud, or of a Keystone with the same names. */
export interface Account {
  user: string;
  password: string;
  project: string;
}
export const DEMO: Account = { user: 'demo', password: 'devpw', project: 'demo' };

interface HeatStack {
  id: string;
  stack_name: string;
  stack_status: string;
}

/** A token of a project, by password. */
export async function signIn(
  keystoneUrl: string,
  account: Account = DEMO,
): Promise<{ token: string; projectId: string }> {
  const domain = { name: 'Default' };
  const answer = await httpJson<{ token: { project: { id: string } } }>(`${keystoneUrl}/auth/tokens`, {
    method: 'POST',
    body: {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: account.user, domain, password: account.password } },
        },
        scope: { project: { name: account.project, domain } },
      },
    },
  });
  const token = answer.headers.get('x-subject-token');
  if (answer.status !== 201 || token === null)
    throw new Error(`no token: ${answer.status} ${JSON.stringify(answer.body)}`);
  return { token, projectId: answer.body.token.project.id };
}

/** The simulated cloud as tests work it: its switches, its counters, and Heat as a user of the project sees it. */
export class CloudClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get keystoneUrl(): string {
    return `${this.url}/identity/v3`;
  }

  async set(change: Partial<Switches>): Promise<void> {
    expectOk(await httpJson(`${this.url}/_control`, { method: 'PUT', body: change }));
  }

  /** Every switch off; the counters stay. */
  calm(): Promise<void> {
    return this.set({ services: {}, paths: [], resources: {}, magnum: {} });
  }

  faults(resources: Record<string, ResourceFault>): Promise<void> {
    return this.set({ resources });
  }

  async stats(): Promise<StatsReport> {
    return expectOk(await httpJson<StatsReport>(`${this.url}/_control/stats`));
  }

  /** The root stacks of the account's project that are not deleted. */
  async stacks(account: Account = DEMO): Promise<HeatStack[]> {
    const { token, projectId } = await signIn(this.keystoneUrl, account);
    const url = `${this.url}/orchestration/v1/${projectId}/stacks`;
    return expectOk(await httpJson<{ stacks: HeatStack[] }>(url, { headers: { 'x-auth-token': token } }))
      .stacks;
  }

  /** Deletes a stack as an operator would, without Cetus. */
  async deleteStack({ stack_name: name, id }: HeatStack, account: Account = DEMO): Promise<void> {
    const { token, projectId } = await signIn(this.keystoneUrl, account);
    const url = `${this.url}/orchestration/v1/${projectId}/stacks/${name}/${id}`;
    expectOk(await httpJson(url, { method: 'DELETE', headers: { 'x-auth-token': token } }));
  }
}

function expectOk<T>(answer: HttpAnswer<T>): T {
  if (answer.status >= 300)
    throw new Error(`the cloud answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
