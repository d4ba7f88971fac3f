import { strict as assert } from 'node:assert';
import { waitFor } from '@cetus/test-kit';
import type { Node } from '@cetus/kubernetes/objects';
import { inCluster, kubeconfigOf } from '../../integration/support/cluster-access.ts';
import { made, READY_MS, stored, untilCondition, type Stage, type Step } from './step.ts';

const POD = 'shy';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

/** While nodes are upgraded, and one of them cannot be emptied. */
export function upgradeWaiting(): Step {
  return waiting({
    name: 'heat upgrade: while a node cannot be emptied',
    node: 'master-0',
    begin: (stage) => made(stage, 'heat'),
    ask: ({ client, templates }, uuid) =>
      client.ok(`/v1/clusters/${uuid}/actions/upgrade`, {
        method: 'POST',
        body: { cluster_template: templates.newerHeat },
      }),
    proof: (nodes) => {
      const versions = nodes.map(({ status }) => status?.nodeInfo?.kubeletVersion);
      assert.deepEqual(versions, [NEWER_HEAT, NEWER_HEAT]);
    },
  });
}

/** While a node that is to be removed cannot be emptied. */
export function scaleDownWaiting(): Step {
  return waiting({
    name: 'heat scale-down: while a node cannot be emptied',
    node: 'worker-1',
    begin: async (stage) => {
      const uuid = await made(stage, 'heat');
      await stage.client.resize(uuid, 2);
      await stage.client.until(uuid, 'UPDATE_COMPLETE', READY_MS);
      return uuid;
    },
    ask: ({ client }, uuid) => client.resize(uuid, 1),
    proof: (nodes, uuid) =>
      assert.deepEqual(nodes.map(({ metadata }) => metadata.name).toSorted(), [
        `cetus-${uuid}-master-0`,
        `cetus-${uuid}-worker-0`,
      ]),
  });
}

/** The version of a template of the heat driver that is upgraded to. */
export const NEWER_HEAT = 'v1.34.1';

interface Waiting {
  name: string;
  /** The end of the name of the node on which there is a pod that may not go. */
  node: string;
  begin: (stage: Stage) => Promise<string>;
  ask: (stage: Stage, uuid: string) => Promise<unknown>;
  proof: (nodes: readonly Node[], uuid: string) => void;
}

function waiting({ name, node, begin, ask, proof }: Waiting): Step {
  let kubeconfig = '';
  return {
    name,
    end: 'UPDATE_COMPLETE',
    before: async (stage) => {
      const uuid = await begin(stage);
      await untilCondition(stage, uuid, 'Healthy', 'True');
      kubeconfig = await kubeconfigOf(stage.client, uuid);
      await runShyPod(kubeconfig, `cetus-${uuid}-${node}`);
      return uuid;
    },
    act: async (stage, uuid) => {
      await ask(stage, uuid);
      return uuid;
    },
    reached: async (stage, acting) => {
      const uuid = await acting;
      const waits = async (): Promise<boolean> =>
        (await stored(stage, uuid)).operation?.progress?.includes(`default/${POD} `) === true;
      await waitFor(waits, { timeoutMs: READY_MS, what: `${uuid} waits for a pod` });
    },
    then: async (stage, uuid) => {
      const before = await stored(stage, uuid);
      // The next conductor has looked, and waits too.
      await waitFor(async () => (await stored(stage, uuid)).lease_token > before.lease_token, {
        timeoutMs: READY_MS,
        what: 'the next conductor waits',
      });
      assert.equal((await stored(stage, uuid)).operation?.state, 'IN_PROGRESS');
      await inCluster(kubeconfig, (cluster) => cluster.request('DELETE', `${BUDGETS}/${POD}`));
    },
    proof: async (stage, uuid) => {
      const { operation } = await stored(stage, uuid);
      assert.deepEqual([...(operation?.blocked_by ?? []), ...(operation?.left_behind ?? [])], []);
      const { items } = await inCluster(kubeconfig, (cluster) =>
        cluster.get<{ items: Node[] }>('/api/v1/nodes'),
      );
      proof(items, uuid);
      assert.ok(!items.some(({ spec }) => spec?.unschedulable === true), 'a node is left cordoned');
      await untilCondition(stage, uuid, 'Healthy', 'True');
    },
  };
}

/** A pod that nothing may move away from a node. */
async function runShyPod(kubeconfig: string, nodeName: string): Promise<void> {
  const metadata = { name: POD, labels: { app: POD } };
  const pod = { metadata, spec: { nodeName, containers: [{ name: 'c', image: 'c' }] } };
  const budget = { metadata, spec: { minAvailable: 1, selector: { matchLabels: { app: POD } } } };
  await inCluster(kubeconfig, async (cluster) => {
    await cluster.request('POST', '/api/v1/namespaces/default/pods', { body: pod });
    await cluster.request('POST', BUDGETS, { body: budget });
    await waitFor(async () => {
      const { status } = await cluster.get<{ status?: { currentHealthy?: number } }>(`${BUDGETS}/${POD}`);
      return status?.currentHealthy === 1;
    });
  });
}
