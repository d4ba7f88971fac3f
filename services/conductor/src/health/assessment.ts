import type { ClusterHealth } from '@cetus/shared/schemas';
import { isBad, type Part } from './parts.ts';

/** What is known of a cluster that answers. */
export interface Findings {
  nodes: Iterable<Part>;
  /** The cluster's own pods; empty when they may not be seen. */
  pods: Iterable<Part>;
  /** The checks of the API server that failed; null when it does not say. */
  failedChecks: readonly string[] | null;
}

/** How a cluster that answers is. */
export interface Assessment {
  healthy: 'True' | 'False';
  reason: string;
  message: string;
  reasons: ClusterHealth['reasons'];
  nodes: ClusterHealth['nodes'];
}

/** Problems that a message names; the others it counts. */
const NAMED = 3;
/** Parts that `reasons` names, the bad ones first. */
const MAX_REASONS = 500;

/** Judges what was found, as it is at this moment. */
export function assess({ nodes, pods, failedChecks }: Findings, now: number): Assessment {
  const all = [...nodes].filter(({ leaving }) => !leaving);
  const badNodes = all.filter((node) => isBad(node, now));
  const badPods = [...pods].filter((pod) => isBad(pod, now));
  const failed = failedChecks ?? [];
  const problems = [
    ...failed.map((check) => `the API server's check ${check} fails`),
    ...badNodes.map((node) => `node ${node.name} ${stateOf(node)}`),
    ...badPods.map((pod) => `pod kube-system/${pod.name} ${stateOf(pod)}`),
  ];
  const ready = all.filter((node) => node.ready === 'True').length;
  const reasons = Object.fromEntries(
    [
      ['api', failed.length === 0 ? 'ok' : `failed: ${failed.join(', ')}`] as const,
      ...badPods.map((pod) => [`kube-system/${pod.name}.Ready`, pod.trouble ?? pod.ready] as const),
      ...badNodes.flatMap(reasonsOfNode),
      ...all.filter((node) => !badNodes.includes(node)).flatMap(reasonsOfNode),
    ].slice(0, MAX_REASONS),
  );
  const counts = { reasons, nodes: { ready, total: all.length } };
  if (problems.length === 0) {
    return {
      healthy: 'True',
      reason: 'AllReady',
      message: 'The API server, the nodes and the components are ready',
      ...counts,
    };
  }
  const reason =
    failed.length > 0 ? 'ApiServerNotReady' : badNodes.length > 0 ? 'NodesNotReady' : 'ComponentsNotReady';
  return { healthy: 'False', reason, message: sentence(problems), ...counts };
}

/** As Magnum has it: `node-1.Ready` → `True`; a pressure is there only when it is. */
function reasonsOfNode({ name, ready, trouble }: Part): (readonly [string, string])[] {
  const state = [`${name}.Ready`, ready] as const;
  return ready === 'True' && trouble !== null ? [state, [`${name}.${trouble}`, 'True']] : [state];
}

function stateOf({ ready, trouble }: Part): string {
  if (ready === 'True') return `has ${String(trouble)}`;
  return ready === 'Unknown' ? `is not heard of: ${String(trouble)}` : `is not ready: ${String(trouble)}`;
}

function sentence(problems: readonly string[]): string {
  const named = problems.slice(0, NAMED).join('; ');
  const text = problems.length > NAMED ? `${named}; and ${String(problems.length - NAMED)} more` : named;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
