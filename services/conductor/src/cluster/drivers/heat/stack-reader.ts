import { hasStatus } from '@cetus/openstack/errors';
import type { HeatClient, Stack, StackResource } from '@cetus/openstack/heat';
import type { Failure, StoredCluster } from '@cetus/shared/schemas';
import { describeStackFailure } from '../openstack/stack-failure.ts';
import type { FailedStackReport } from './group-failures.ts';
import { stackName } from '../openstack/stack-name.ts';

/** Looks at the stacks of clusters. */
export class StackReader {
  private readonly heat: HeatClient;
  private readonly signal: AbortSignal;

  /** @param heat in the clusters' project */
  constructor(heat: HeatClient, signal: AbortSignal) {
    this.heat = heat;
    this.signal = signal;
  }

  /** The stack, without outputs, by its id; by its name when the id is not known yet or leads to a deleted one. Null when there is none. */
  async find(cluster: StoredCluster): Promise<Stack | null> {
    const { stack_id: id } = cluster.status;
    const { signal } = this;
    const name = stackName(cluster._id);
    // Heat says DELETE_COMPLETE before it has removed its records, over which it may still fail.
    const there = (stack: Stack | null): Stack | null =>
      stack?.stack_status === 'DELETE_COMPLETE' && stack.deletion_time !== null ? null : stack;
    const byId =
      id === null ? null : there(await this.heat.getStack({ name, id }, { resolveOutputs: false, signal }));
    // A stack that is just being deleted is still found by its name for a moment.
    return byId ?? there(await this.heat.findByName(name, signal));
  }

  /** The stack with its outputs, which cost Heat more. */
  async withOutputs(stack: Stack): Promise<Stack> {
    return (await this.heat.getStack(refOf(stack), { signal: this.signal })) ?? stack;
  }

  /** Its resources, and those of so many levels of nested stacks. */
  resources(stack: Stack, nestedDepth: number): Promise<StackResource[]> {
    return this.heat.listResources(refOf(stack), { nestedDepth, signal: this.signal });
  }

  /** What there is to know of a stack that failed. */
  async report({ spec }: StoredCluster, stack: Stack): Promise<FailedStackReport> {
    const { heat, signal } = this;
    const ref = refOf(stack);
    const asked = {
      flavors: spec.node_groups.map(({ flavor_id }) => flavor_id ?? undefined),
      images: spec.node_groups.map(({ image_id }) => image_id),
      networks: [spec.external_network_id ?? undefined, spec.fixed_network ?? undefined],
    };
    try {
      const resources = await this.resources(stack, 3);
      const events = await heat.listEvents(ref, { nestedDepth: 3, sortDir: 'desc', limit: 100, signal });
      return { stack, resources, events, asked };
    } catch (error) {
      // The stack went away while we looked; what it said of itself is still true.
      if (!hasStatus(error, 404)) throw error;
      return { stack, resources: [], events: [], asked };
    }
  }

  async failure(cluster: StoredCluster, stack: Stack): Promise<Failure> {
    return failureOf(await this.report(cluster, stack));
  }
}

/** Why a stack failed: its deepest failed resource. */
export function failureOf({ stack, resources, events, asked }: FailedStackReport): Failure {
  return describeStackFailure(stack, resources, events, asked);
}

/** Both names of a stack, which saves Heat a redirect. */
export function refOf(stack: Pick<Stack, 'id' | 'stack_name'>): { name: string; id: string } {
  return { name: stack.stack_name, id: stack.id };
}
