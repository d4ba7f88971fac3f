import { getAttr, type HotValue } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { masterPort, RESOURCE } from './names.ts';

/** Private address of a master: its port's, known before the server exists. */
export function masterAddress(index: number): HotValue {
  return getAttr(masterPort(index), 'fixed_ips', 0, 'ip_address');
}

/** Where nodes reach the API. */
export function privateApiAddress(input: ResolvedStackInput): HotValue {
  return input.loadBalanced ? getAttr(RESOURCE.loadBalancer, 'vip_address') : masterAddress(0);
}

/** Where users reach the API: the floating address where there is one. */
export function apiAddress(input: ResolvedStackInput): HotValue {
  return input.floatingIpEnabled
    ? getAttr(RESOURCE.apiFloatingIp, 'floating_ip_address')
    : privateApiAddress(input);
}
