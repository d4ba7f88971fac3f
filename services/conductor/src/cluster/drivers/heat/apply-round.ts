import { masterCountOf } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';
import type { ClusterFacts, DriverResult } from '../../cluster-driver.ts';
import { operationTag } from '../openstack/stack-name.ts';
import { ChangeRound } from './change-round.ts';
import { clusterFacts } from './cluster-facts.ts';
import { CreateRound } from './create-round.ts';
import { announceCreate, createAnswered } from './creation.ts';
import { groupFailures } from './group-failures.ts';
import { presentNodes } from './removal/members.ts';
import { withNote } from './removal/removal-note.ts';
import { Round, TOO_LATE } from './round.ts';
import { failureOf } from './stack-reader.ts';
import { upgradeEnded } from './upgrade/stack-versions.ts';
import { differenceOf } from './worker-groups.ts';

/** Brings a cluster to what its spec says. */
export class ApplyRound extends Round {
  async run(): Promise<DriverResult> {
    const { cluster, operation } = this;
    const { secrets, deadlineExceeded } = this.context;
    // Written before anything is created with them: a crash must not leave servers whose keys nobody has.
    if (cluster.status.secrets === null) {
      const driver_state = announceCreate(cluster.status.driver_state);
      return this.atOnce(
        { secrets: await secrets.create(cluster), driver_state },
        'Keys and certificates are made',
      );
    }
    const stack = await this.reader.find(cluster);
    if (stack === null) return deadlineExceeded ? TOO_LATE : new CreateRound(this.context).run();
    const facts = { stack_id: stack.id, driver_state: createAnswered(cluster.status.driver_state) };
    const told = stack.tags?.includes(operationTag(operation)) === true;
    if (stack.stack_status.startsWith('DELETE_')) return this.wait(facts, stack);
    const differs = differenceOf(cluster.spec, stack.parameters) !== null;
    // What was told while a group was still being deleted lacks that group: it is told again when Heat has ended.
    if (!told || (differs && stack.stack_status.endsWith('_COMPLETE')))
      return deadlineExceeded ? TOO_LATE : new ChangeRound(this.context).run(stack);
    if (stack.stack_status.endsWith('_IN_PROGRESS')) return this.wait(facts, stack);
    if (stack.stack_status.endsWith('_FAILED')) return this.failed(stack, facts);
    return this.complete(stack, facts);
  }

  /** Heat has done what it was told. */
  private async complete(
    stack: Stack,
    before: ClusterFacts & Pick<Required<ClusterFacts>, 'driver_state'>,
  ): Promise<DriverResult> {
    const { cluster, context } = this;
    const { note, waiting } = await context.cleanups.run(
      cluster,
      () => presentNodes(this.reader, cluster._id, stack),
      context,
    );
    const noted = withNote(before.driver_state, note);
    if (waiting !== undefined)
      return { phase: 'working', facts: { ...before, driver_state: noted }, ...waiting };
    const driver_state = upgradeEnded(noted);
    const settled = { ...cluster, status: { ...cluster.status, driver_state } };
    const found = clusterFacts(settled, await this.reader.withOutputs(stack), context.secrets);
    return this.ended({ ...found, driver_state });
  }

  /** What Heat cannot be told is refused before, unless somebody did not ask. */
  private ended(facts: ClusterFacts): DriverResult {
    const asked = masterCountOf(this.cluster.spec);
    if (facts.actual_master_count === asked) return { phase: 'done', facts };
    const message = `The heat driver cannot change the number of masters from ${String(facts.actual_master_count)} to ${String(asked)}`;
    return { phase: 'failed', facts, failure: { code: 'unsupported', message } };
  }

  private async failed(stack: Stack, facts: ClusterFacts): Promise<DriverResult> {
    const { cluster, operation, reader } = this;
    const report = await reader.report(cluster, stack);
    const failure = failureOf(report);
    // What a create that failed has made is of no use to anybody.
    const found =
      operation.action === 'create'
        ? {}
        : clusterFacts(cluster, await reader.withOutputs(stack), this.context.secrets, report.resources);
    return {
      phase: 'failed',
      facts: { ...found, ...facts },
      failure,
      failedGroups: groupFailures(cluster, report, failure),
    };
  }
}
