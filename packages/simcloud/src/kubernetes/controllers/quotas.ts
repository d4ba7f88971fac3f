import { quotaStatus } from '../admission/resource-quota.ts';
import { isSame, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';

export const QUOTAS = 'resourcequotas';

/** Keeps what a quota's status says of what is used. */
export function reconcileQuota(context: ControllerContext, quota: KubeObject): void {
  const status = quotaStatus(context.cluster, quota);
  if (!isSame({ ...quota.status, ...status }, quota.status)) context.setStatus(QUOTAS, quota, status);
}
