import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { TcpProxy, waitFor } from '@cetus/test-kit';
import { httpJson } from '../../integration/support/json-http.ts';
import { kubeconfigOf } from '../../integration/support/cluster-access.ts';
import { made, READY_MS, untilCondition, type Stage, type Step } from './step.ts';

/** How long each answer of the cluster takes while it is taken in. */
const SLOW_MS = 700;

/** A cluster that answers slowly, and a way to it that tells who goes there. */
interface Theirs {
  uuid: string;
  proxy: TcpProxy;
  kubeconfig: string;
  accept: Promise<string>;
}

/** While the kubeconfig is checked: the request has not been accepted, and its client asks again. */
export function importChecked(): Step {
  return importKilled('while the kubeconfig is checked', async ({ proxy }) => {
    await waitFor(() => proxy.accepted > 0, { what: 'the kubeconfig is checked' });
  });
}

/** While the cluster is taken in that was accepted. */
export function importTakenIn(): Step {
  return importKilled('while it is taken in', async ({ proxy, accept }) => {
    await accept;
    const before = proxy.accepted;
    await waitFor(() => proxy.accepted > before, { what: 'the cluster is taken in' });
  });
}

function importKilled(when: string, reached: (theirs: Theirs) => Promise<void>): Step {
  let theirs: Theirs | undefined;
  const known = (): Theirs => {
    assert.ok(theirs);
    return theirs;
  };
  return {
    name: `import: ${when}`,
    end: 'CREATE_COMPLETE',
    before: async (stage) => {
      const uuid = await made(stage, 'heat');
      await untilCondition(stage, uuid, 'Healthy', 'True');
      const { api_address } = await stage.client.cluster(uuid);
      const proxy = new TcpProxy(String(api_address));
      const address = (await proxy.start()).replace(/\/$/, '');
      const kubeconfig = (await kubeconfigOf(stage.client, uuid)).replace(String(api_address), address);
      await slowDown(stage, String(api_address), SLOW_MS);
      theirs = { uuid, proxy, kubeconfig, accept: Promise.resolve('') };
      return uuid;
    },
    act: (stage) => (known().accept = insist(stage, known().kubeconfig)),
    reached: () => reached(known()),
    then: async (stage) => slowDown(stage, String((await stage.client.cluster(known().uuid)).api_address), 0),
    proof: async (stage, uuid) => {
      await untilCondition(stage, uuid, 'Reachable', 'True');
      const { actual_node_count, actual_master_count } = await stage.client.cluster(uuid);
      assert.deepEqual([actual_node_count, actual_master_count], [1, 1]);
      const all = await stage.client.clusters();
      assert.equal(all.filter(({ name }) => name === nameOf(known())).length, 1, 'taken in twice');
      await stage.client.delete(uuid);
      await stage.client.untilGone(uuid, READY_MS);
    },
    after: async () => theirs?.proxy.stop(),
  };

  /** Asks with one key until it is accepted, as clients do. */
  async function insist({ client }: Stage, kubeconfig: string): Promise<string> {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { name: nameOf(known()), kubeconfig };
    return waitFor(
      async () => {
        const request = { method: 'POST', body, headers, timeoutMs: 30_000 };
        const answer = await client.request<{ uuid: string }>('/v1/clusters/import', request);
        if (answer.status === 202) return answer.body.uuid;
        if (answer.status < 500) throw new TypeError(`import: ${JSON.stringify(answer.body)}`);
        return undefined;
      },
      { timeoutMs: READY_MS, what: 'the import is accepted' },
    );
  }
}

const nameOf = ({ uuid }: Theirs): string => `adopted-${uuid}`;

/** How long a cluster takes to answer. */
async function slowDown({ cloud }: Stage, address: string, latencyMs: number): Promise<void> {
  const { body: all } = await httpJson<{ id: string; url: string }[]>(`${cloud.url}/_control/kubernetes`);
  const cluster = all.find(({ url }) => new URL(url).host === new URL(address).host);
  assert.ok(cluster, `no simulated cluster is at ${address}`);
  const request = { method: 'PUT', body: { latencyMs } };
  const answer = await httpJson(`${cloud.url}/_control/kubernetes/${cluster.id}`, request);
  assert.equal(answer.status, 200);
}
