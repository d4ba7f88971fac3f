import { strict as assert } from 'node:assert';
import { MERGE_PATCH } from '@cetus/kubernetes/connection';
import { waitFor } from '@cetus/test-kit';
import { httpJson } from '../../integration/support/json-http.ts';
import { inCluster, kubeconfigOf } from '../../integration/support/cluster-access.ts';
import { made, READY_MS, stored, untilCondition, type Driver, type Stage, type Step } from './step.ts';

const SERVICE = '/api/v1/namespaces/default/services/front';
/** Nobody but the step removes it: so the Service stays until then. */
const HOLD = 'faults.test/hold';

/** While a delete waits for a Service of the type LoadBalancer. */
export function draining(driver: Driver): Step {
  let kubeconfig = '';
  return {
    name: `${driver} delete: while it waits for a load balancer`,
    end: 'gone',
    before: async (stage) => {
      const uuid = await made(stage, driver);
      await untilCondition(stage, uuid, 'Healthy', 'True');
      kubeconfig = await kubeconfigOf(stage.client, uuid);
      const spec = { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'web' } };
      const metadata = { name: 'front', finalizers: [HOLD] };
      const body = { apiVersion: 'v1', kind: 'Service', metadata, spec };
      await inCluster(kubeconfig, (cluster) =>
        cluster.request('POST', '/api/v1/namespaces/default/services', { body }),
      );
      return uuid;
    },
    act: async ({ client }, uuid) => {
      await client.delete(uuid);
      return uuid;
    },
    reached: async (stage, acting) => untilBlocked(stage, await acting),
    then: async (stage, uuid) => {
      const before = await stored(stage, uuid);
      // The next conductor has looked, and waits too.
      await waitFor(async () => (await stored(stage, uuid)).lease_token > before.lease_token, {
        timeoutMs: READY_MS,
        what: 'the next conductor waits',
      });
      const { operation, status } = await stored(stage, uuid);
      assert.deepEqual([operation?.state, status.drain?.ended], ['IN_PROGRESS', false]);
      // The cluster is still there, and so is the Service.
      await inCluster(kubeconfig, (cluster) =>
        cluster.request('PATCH', SERVICE, {
          body: { metadata: { finalizers: null } },
          contentType: MERGE_PATCH,
        }),
      );
    },
    proof: async (stage, uuid) => {
      const { operation } = await stored(stage, uuid);
      assert.deepEqual(operation?.blocked_by ?? [], [], 'something was left behind');
    },
  };
}

async function untilBlocked(stage: Stage, uuid: string): Promise<void> {
  const isBlocked = async (): Promise<boolean> =>
    (await stored(stage, uuid)).operation?.blocked_by?.some(({ name }) => name === 'front') === true;
  await waitFor(isBlocked, { timeoutMs: READY_MS, what: `the delete of ${uuid} waits` });
}

/** While its health is followed; meanwhile a node stops being ready. */
export function followedHealth(driver: Driver): Step {
  let token = 0;
  return {
    name: `${driver} health: while it is followed`,
    end: 'CREATE_COMPLETE',
    before: (stage) => made(stage, driver),
    act: async (stage, uuid) => {
      await untilCondition(stage, uuid, 'Healthy', 'True');
      return uuid;
    },
    reached: async (stage, acting) => {
      token = (await stored(stage, await acting)).follow?.token ?? 0;
    },
    meanwhile: (stage, uuid) => setNode(stage, uuid, 'False'),
    proof: async (stage, uuid) => {
      await untilCondition(stage, uuid, 'Healthy', 'False');
      assert.ok(((await stored(stage, uuid)).follow?.token ?? 0) > token, 'nobody else follows it');
      await setNode(stage, uuid, 'True');
      await untilCondition(stage, uuid, 'Healthy', 'True');
    },
  };
}

/** Whether the first worker of a cluster is ready. */
async function setNode({ cloud, client }: Stage, uuid: string, ready: 'True' | 'False'): Promise<void> {
  interface Simulated {
    id: string;
    url: string;
    nodes: string[];
  }
  const { api_address } = await client.cluster(uuid);
  const { body: all } = await httpJson<Simulated[]>(`${cloud.url}/_control/kubernetes`);
  const found = all.find(({ url }) => new URL(url).host === new URL(String(api_address)).host);
  const node = found?.nodes.at(-1);
  assert.ok(found && node, `no simulated cluster is at ${String(api_address)}`);
  const request = { method: 'PUT', body: { nodes: { [node]: ready } } };
  const answer = await httpJson(`${cloud.url}/_control/kubernetes/${found.id}`, request);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}
