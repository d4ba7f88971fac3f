import { ApiError } from '../api/status-error.ts';
import { keyOfObject, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';

/** Whose pods a controller makes. */
export interface PodOwner {
  storage: string;
  object: KubeObject;
  kind: { kind: string; apiVersion: string };
  /** The controller, as its events name it. */
  component: string;
}

/**
 * Makes a pod and tells of it in an event of its owner. One that is refused, by a quota say, is told of too, and the owner is looked at again in a second.
 * @returns whether it was made
 */
export function createPod(context: ControllerContext, owner: PodOwner, pod: KubeObject): boolean {
  return podRefusal(context, owner, pod) === undefined;
}

/** As {@link createPod}. @returns why it was refused; undefined when it was made */
export function podRefusal(context: ControllerContext, owner: PodOwner, pod: KubeObject): string | undefined {
  const { storage, object, kind, component } = owner;
  try {
    const { metadata } = context.create('pods', pod);
    const message = `Created pod: ${metadata.name}`;
    context.events.record(object, kind, 'Normal', 'SuccessfulCreate', message, component);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const message = `Error creating: ${error.message}`;
    context.events.record(object, kind, 'Warning', 'FailedCreate', message, component);
    context.wishLater(storage, keyOfObject(object), 1);
    return error.message;
  }
}
