import { signIn, type Account, type CloudClient } from '../integration/support/cloud-client.ts';
import { httpJson } from '../integration/support/json-http.ts';

/** What a project has in the cloud, by the name of the cluster that Cetus has: how many and in which state. */
export interface BackEnds {
  /** Stacks of the heat driver, by name. */
  stacks: Map<string, string>;
  /** Clusters of Magnum: state by uuid, for each name. */
  clusters: Map<string, string[]>;
  /** Stacks that are of no cluster, neither ours nor Magnum's, and templates that no cluster uses. */
  orphans: string[];
}

interface MagnumCluster {
  name: string;
  status: string;
  stack_id: string;
  cluster_template_id: string;
  uuid: string;
}

/** Everything that the accounts' projects have, as their users see it. */
export async function backEndsOf(cloud: CloudClient, accounts: readonly Account[]): Promise<BackEnds> {
  const found: BackEnds = { stacks: new Map(), clusters: new Map(), orphans: [] };
  for (const account of accounts) await addProject(found, cloud, account);
  return found;
}

async function addProject(found: BackEnds, cloud: CloudClient, account: Account): Promise<void> {
  const { token } = await signIn(cloud.keystoneUrl, account);
  const get = async <T>(path: string): Promise<T> => {
    const headers = { 'x-auth-token': token, 'openstack-api-version': 'container-infra 1.10' };
    const { status, body } = await httpJson<T>(`${cloud.url}/container-infra/v1/${path}`, { headers });
    if (status !== 200) throw new Error(`Magnum answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  // All at once: Magnum's list is as long as its limit, and the project's quota is below that.
  const { clusters } = await get<{ clusters: MagnumCluster[] }>('clusters/detail');
  const { clustertemplates } = await get<{ clustertemplates: { uuid: string; name: string }[] }>(
    'clustertemplates',
  );
  const owned = new Set<string>();
  const used = new Set<string>();
  for (const { name, status, uuid, stack_id, cluster_template_id } of clusters) {
    found.clusters.set(name, [...(found.clusters.get(name) ?? []), status]);
    used.add(cluster_template_id);
    owned.add(stack_id);
    const { nodegroups } = await get<{ nodegroups: { stack_id: string }[] }>(`clusters/${uuid}/nodegroups`);
    for (const group of nodegroups) owned.add(group.stack_id);
  }
  for (const { uuid, name } of clustertemplates)
    if (!used.has(uuid)) found.orphans.push(`the template ${name} in Magnum is of no cluster`);
  for (const { id, stack_name, stack_status } of await cloud.stacks(account)) {
    if (/^cetus-[0-9a-f-]{36}$/.test(stack_name)) found.stacks.set(stack_name, stack_status);
    else if (!owned.has(id)) found.orphans.push(`the stack ${stack_name} is of no cluster in Magnum`);
  }
}
