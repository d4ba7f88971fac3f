import type { ApplicationForm, QosClass, Resources } from '../schemas/index.ts';
import { milliValue, parseQuantity, wholeValue } from './quantity.ts';

/** What a node makes of what a container asks for. Numbers are exact up to 2^53. */
export interface ContainerQos {
  name: string;
  /** It runs before the others, and ends. */
  init: boolean;
  /** Thousandths of a core; null: none asked for. What is not requested is what the limit is. */
  cpu_request: number | null;
  cpu_limit: number | null;
  /** Bytes. */
  memory_request: number | null;
  memory_limit: number | null;
  /** The share of processors when there are not enough, in a cgroup of version 1. */
  cpu_shares: number;
  /** The same in a cgroup of version 2, as the kubelet converts it; runtimes of 2025 and later may weigh otherwise. */
  cpu_weight: number;
  /** Microseconds of processor time in each period; null: no limit. */
  cpu_quota: number | null;
  /** Microseconds. */
  cpu_period: number;
  /** The higher, the sooner the kernel ends it when the node has no memory left; null: the node's memory has to be known. */
  oom_score_adj: number | null;
}

/** How instances fare when a node runs out of something. */
export interface Qos {
  class: QosClass;
  /** 1: the first to be evicted, 3: the last. */
  eviction_rank: 1 | 2 | 3;
  /** The same, for people. */
  eviction: string;
  containers: ContainerQos[];
}

const EVICTION: Record<QosClass, Pick<Qos, 'eviction_rank' | 'eviction'>> = {
  BestEffort: {
    eviction_rank: 1,
    eviction:
      'Evicted first when a node runs out of memory or disk: it requests nothing, so all that it uses is above its requests.',
  },
  Burstable: {
    eviction_rank: 2,
    eviction:
      'Evicted early while it uses more than it requests, and among the last while it does not; lower priority goes first.',
  },
  Guaranteed: {
    eviction_rank: 3,
    eviction:
      'Evicted last: it cannot use more than it requests, and goes only when the node itself needs room.',
  },
};

const CPU_PERIOD = 100_000;
const MIN_CPU_QUOTA = 1_000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const GUARANTEED_OOM_SCORE_ADJ = -997;
const BEST_EFFORT_OOM_SCORE_ADJ = 1000;

/**
 * The quality of service that Kubernetes gives to the instances, with what each container gets on a node.
 * Source: pkg/apis/core/v1/helper/qos, pkg/kubelet/qos/policy.go and pkg/kubelet/cm/helpers_linux.go of Kubernetes
 * @param memoryCapacity bytes of memory that the node has; undefined: not known
 * @throws RangeError when an amount is no quantity
 */
export function qosOf(
  spec: Pick<ApplicationForm, 'containers' | 'init_containers' | 'scheduling'>,
  { memoryCapacity }: { memoryCapacity?: number | undefined } = {},
): Qos {
  const all = [
    ...spec.containers.map((container) => ({ ...container, init: false })),
    ...(spec.init_containers ?? []).map((container) => ({ ...container, init: true })),
  ];
  const qosClass = classOf(all.map(({ resources }) => resources ?? {}));
  const isCritical = spec.scheduling?.priority_class === 'system-node-critical';
  return {
    class: qosClass,
    ...EVICTION[qosClass],
    containers: all.map(({ name, init, resources = {} }) => {
      const cpuLimit = positive(resources.limits?.cpu, milliValue);
      const cpuRequest = positive(requested(resources, 'cpu'), milliValue);
      const memoryRequest = positive(requested(resources, 'memory'), wholeValue);
      const shares = cpuShares(cpuRequest ?? 0);
      return {
        name,
        init,
        cpu_request: cpuRequest,
        cpu_limit: cpuLimit,
        memory_request: memoryRequest,
        memory_limit: positive(resources.limits?.memory, wholeValue),
        cpu_shares: shares,
        cpu_weight: Math.floor(((shares - MIN_SHARES) * 9999) / (MAX_SHARES - MIN_SHARES)) + 1,
        cpu_quota:
          cpuLimit === null ? null : Math.max(MIN_CPU_QUOTA, Math.floor((cpuLimit * CPU_PERIOD) / 1000)),
        cpu_period: CPU_PERIOD,
        oom_score_adj: isCritical
          ? GUARANTEED_OOM_SCORE_ADJ
          : oomScoreAdj(qosClass, memoryRequest ?? 0, memoryCapacity),
      };
    }),
  };
}

const KINDS = ['cpu', 'memory'] as const;

/** Only processors and memory count, and an amount of nothing is none. */
function classOf(containers: readonly Resources[]): QosClass {
  const requests = { cpu: 0n, memory: 0n };
  const limits = { cpu: 0n, memory: 0n };
  let limited = true;
  for (const resources of containers) {
    for (const kind of KINDS) {
      const limit = parseQuantity(resources.limits?.[kind] ?? '0');
      limits[kind] += limit;
      requests[kind] += parseQuantity(requested(resources, kind) ?? '0');
      if (limit === 0n) limited = false;
    }
  }
  if (KINDS.every((kind) => requests[kind] === 0n && limits[kind] === 0n)) return 'BestEffort';
  return limited && KINDS.every((kind) => requests[kind] === limits[kind]) ? 'Guaranteed' : 'Burstable';
}

function requested(resources: Resources, kind: (typeof KINDS)[number]): string | undefined {
  return resources.requests?.[kind] ?? resources.limits?.[kind];
}

function positive(quantity: string | undefined, read: (text: string) => bigint): number | null {
  if (quantity === undefined) return null;
  const value = Number(read(quantity));
  return value === 0 ? null : value;
}

function cpuShares(milli: number): number {
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((milli * 1024) / 1000)));
}

function oomScoreAdj(qosClass: QosClass, request: number, capacity: number | undefined): number | null {
  if (qosClass === 'Guaranteed') return GUARANTEED_OOM_SCORE_ADJ;
  if (qosClass === 'BestEffort') return BEST_EFFORT_OOM_SCORE_ADJ;
  // Without a request the capacity does not matter.
  if (request === 0) return BEST_EFFORT_OOM_SCORE_ADJ - 1;
  if (capacity === undefined) return null;
  const score = 1000 - Math.floor((1000 * request) / capacity);
  // What is burstable stays between what is guaranteed and what is not promised anything.
  return Math.min(BEST_EFFORT_OOM_SCORE_ADJ - 1, Math.max(1000 + GUARANTEED_OOM_SCORE_ADJ, score));
}
