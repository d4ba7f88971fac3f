import { at, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';

/** What a node of Cetus is told, and says, of its upgrade. */
const VERSION = 'cetus.io/kubernetes-version';
const OPERATION = 'cetus.io/upgrade-operation';
const STATE = 'cetus.io/upgrade-state';
const MESSAGE = 'cetus.io/upgrade-message';
const REPORTED = 'cetus.io/upgrade-reported';

/** Plays what upgrades a machine when its Node asks for it: begins. */
export function reconcileUpgrade(context: ControllerContext, node: KubeObject): void {
  const asked = askedVersion(context, node);
  if (asked === undefined) return;
  if (stateOf(node) === undefined) report(context, node, 'running', `to ${asked}`);
  context.wishLater('nodes-upgraded', node.metadata.name, context.cluster.seconds.nodeUpgrade);
}

/** The same: ends. */
export function finishUpgrade(context: ControllerContext, node: KubeObject): void {
  const { name } = node.metadata;
  const asked = askedVersion(context, node);
  const fault = context.hooks.upgradeFault(name);
  if (asked === undefined || fault === 'hang') return;
  if (fault !== undefined) {
    report(context, node, 'failed', fault.fail);
    return;
  }
  context.hooks.upgraded(name, asked);
  const upgraded = context.store.get('nodes', undefined, name);
  if (upgraded !== undefined) report(context, upgraded, 'done', `Kubernetes is ${asked}`);
}

/** The version that a node is to bring itself to now. */
function askedVersion({ cluster, hooks }: ControllerContext, node: KubeObject): string | undefined {
  const { name, annotations } = node.metadata;
  const asked = annotations?.[VERSION];
  const machine = cluster.spec.nodes.find((one) => one.name === name);
  const canDo = machine?.upgradesItself === true && hooks.isAlive(name) && stateOf(node) !== 'failed';
  const isThere = at(node.status, 'nodeInfo', 'kubeletVersion') === asked;
  return canDo && !isThere ? asked : undefined;
}

/** What the node has said of the operation that asks now. */
function stateOf({ metadata: { annotations } }: KubeObject): string | undefined {
  return annotations?.[REPORTED] === annotations?.[OPERATION] ? annotations?.[STATE] : undefined;
}

function report(
  { store }: ControllerContext,
  { metadata, ...node }: KubeObject,
  state: string,
  message: string,
): void {
  const operation = metadata.annotations?.[OPERATION];
  const annotations = {
    ...metadata.annotations,
    [STATE]: state,
    [MESSAGE]: message,
    ...(operation === undefined ? {} : { [REPORTED]: operation }),
  };
  store.put('nodes', { ...node, metadata: { ...metadata, annotations } });
}
