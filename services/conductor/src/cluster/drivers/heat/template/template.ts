import type { PublicSecrets } from '../bootstrap/node-files.ts';
import type { HotTemplate } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { apiFloatingIpResources, loadBalancerResources } from './load-balancer.ts';
import { mastersResources } from './masters.ts';
import { networkResources } from './network.ts';
import { clusterOutputs } from './outputs.ts';
import { secretParameters } from './secret-parameters.ts';
import { securityGroupResources } from './security-groups.ts';
import { withWorkerGroup } from './worker-group.ts';

/** The template of a cluster's stack. */
export function clusterTemplate(input: ResolvedStackInput, secrets: PublicSecrets): HotTemplate {
  const withoutWorkers: HotTemplate = {
    heat_template_version: '2018-08-31',
    description: `Kubernetes cluster ${input.uuid}`,
    parameters: secretParameters(),
    resources: {
      ...networkResources(input),
      ...securityGroupResources(input),
      ...loadBalancerResources(input),
      ...apiFloatingIpResources(input),
      ...mastersResources(input, secrets),
    },
    outputs: clusterOutputs(input),
  };
  return input.workerGroups.reduce(
    (template, group) => withWorkerGroup(template, input, group, secrets),
    withoutWorkers,
  );
}
