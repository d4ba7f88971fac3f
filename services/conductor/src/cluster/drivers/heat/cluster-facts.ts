import type { StoredCluster } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';
import type { ClusterFacts } from '../../cluster-driver.ts';
import type { ClusterSecretStore } from './cluster-secret-store.ts';
import { createKubeconfig } from './kubeconfig.ts';
import { apiUrl, readStackOutputs } from './read-outputs.ts';
import type { HeatSite } from './stack-input-from-spec.ts';

/** What a complete stack says about its cluster. */
export function clusterFacts(
  cluster: StoredCluster,
  stack: Stack,
  secrets: ClusterSecretStore,
  site: HeatSite,
): ClusterFacts {
  const outputs = readStackOutputs(stack.outputs ?? []);
  const port = cluster.spec.apiserver_port ?? 6443;
  const api_address = outputs.apiAddress === null ? null : apiUrl(outputs.apiAddress, port);
  return {
    stack_id: stack.id,
    api_address,
    master_addresses: outputs.masterAddresses,
    node_addresses: outputs.nodeAddresses,
    actual_node_count: outputs.nodeServerIds.length,
    actual_master_count: outputs.masterServerIds.length,
    coe_version: cluster.spec.labels['kube_tag'] ?? site.kubeTag,
    ...(api_address === null ? {} : kubeconfigFor(cluster, api_address, secrets)),
  };
}

/** The administrator's kubeconfig, made once and again when the address changes. */
function kubeconfigFor(
  cluster: StoredCluster,
  server: string,
  secrets: ClusterSecretStore,
): Pick<ClusterFacts, 'kubeconfig'> {
  if (cluster.status.kubeconfig !== null && cluster.status.api_address === server) return {};
  const { ca, admin } = secrets.open(cluster);
  const kubeconfig = createKubeconfig({
    clusterName: cluster.name,
    server,
    caCertificate: ca.certificate,
    client: admin,
  });
  return { kubeconfig: secrets.sealKubeconfig(cluster, kubeconfig) };
}
