import {
  defaultMasterOf,
  defaultWorkerOf,
  nodeGroupsOf,
  type ClusterSpec,
  type ClusterTemplateSpec,
} from '@cetus/shared/schemas';
import type { ReferenceProblem } from '../../cluster-driver.ts';
import type { ImageProblem } from '../openstack/references.ts';
import { versionOf } from './templates.ts';

const NETWORK_DRIVERS = ['flannel', 'calico'];

const unsupported = (field: string, detail: string): ReferenceProblem => ({
  field,
  code: 'unsupported',
  detail,
});
const missing = (field: string): ReferenceProblem => ({
  field,
  code: 'missing_field',
  detail: `Neither the cluster nor its template names a ${field}`,
});

/** What of a cluster's spec Magnum cannot do. */
export function specProblems(spec: ClusterSpec): ReferenceProblem[] {
  const problems = networkProblems(spec.network_driver);
  if (spec.external_network_id === null) problems.push(missing('external_network_id'));
  if ((defaultWorkerOf(spec)?.flavor_id ?? null) === null) problems.push(missing('flavor_id'));
  const version = versionOf(spec);
  const masterVersion = defaultMasterOf(spec)?.labels['kube_tag'] ?? null;
  if (version !== null && masterVersion !== null && masterVersion !== version) {
    const detail = `Magnum upgrades masters and default workers together: one has ${masterVersion}, the other ${version}`;
    problems.push(unsupported('labels/kube_tag', detail));
  }
  for (const group of nodeGroupsOf(spec)) {
    const own = group.labels['kube_tag'];
    if (!group.is_default && own !== undefined && version !== null && own !== version) {
      const detail = `Magnum upgrades the node group ${group.name} only to the version of its cluster, ${version}`;
      problems.push(unsupported('labels/kube_tag', detail));
    }
    if (Object.keys(group.node_labels).length > 0 || group.node_taints.length > 0) {
      problems.push(unsupported('node_labels', 'The magnum driver gives nodes no labels and no taints'));
    }
  }
  return problems;
}

/** What of a template's spec no cluster of the magnum driver could have. */
export function templateProblems(template: ClusterTemplateSpec): ReferenceProblem[] {
  const problems = networkProblems(template.network_driver);
  if (template.server_type !== 'vm')
    problems.push(unsupported('server_type', 'The magnum driver makes virtual machines only'));
  if (template.tls_disabled)
    problems.push(unsupported('tls_disabled', 'The magnum driver makes clusters with TLS only'));
  return problems;
}

/** Magnum chooses its own driver by what the image says; which there are, only it knows. */
export const imageProblem: ImageProblem = ({ id, name, os_distro: osDistro }) =>
  osDistro !== undefined && osDistro.trim() !== ''
    ? null
    : { code: 'image_os_distro_missing', detail: `Image ${name ?? id} has no property os_distro` };

function networkProblems(driver: string | null): ReferenceProblem[] {
  if (driver === null || NETWORK_DRIVERS.includes(driver)) return [];
  const detail = `Magnum has the network drivers ${NETWORK_DRIVERS.join(' and ')}, not ${driver}`;
  return [unsupported('network_driver', detail)];
}
