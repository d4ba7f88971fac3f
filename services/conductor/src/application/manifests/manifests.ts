import type { Manifest } from '@cetus/kubernetes/apply';
import { autoscalers, disruptionBudgets } from './availability.ts';
import { claims } from './claims.ts';
import { configMaps, secrets } from './config-objects.ts';
import { ingresses, networkPolicies, services } from './exposure.ts';
import type { ManifestInput } from './input.ts';
import { workload } from './workloads.ts';

/**
 * The objects of an application in one cluster, in the order in which they are to be applied. The same input gives the same manifests;
 * the spec is one in which `problemsOf` finds nothing.
 * @throws CetusError `api_not_served` when the cluster does not serve what is asked; `internal_error` when values of secrets are missing
 */
export function manifestsOf(input: ManifestInput): Manifest[] {
  return [
    ...secrets(input),
    ...configMaps(input),
    ...claims(input),
    ...services(input),
    workload(input),
    ...autoscalers(input),
    ...disruptionBudgets(input),
    ...ingresses(input),
    ...networkPolicies(input),
  ];
}
