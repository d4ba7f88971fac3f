import type { StoredObject } from '@cetus/shared/schemas';
import type { ReconcileLoopOptions } from '@cetus/shared/reconcile';
import type { Metrics } from '@cetus/shared/service';
import { APPLICATION, CLUSTER } from '@cetus/shared/store';

/** What a loop tells of its rounds, by the name of its kind. */
export type RoundMetric = (kind: string) => NonNullable<ReconcileLoopOptions<StoredObject>['onRound']>;

/** How long the rounds of all loops of a conductor take, in one metric. */
export function roundMetric(metrics: Metrics): RoundMetric {
  const rounds = metrics.histogram({
    name: 'reconcile_round_seconds',
    help: 'How long rounds of reconciling took, by kind and by how they ended.',
    labels: {
      kind: [CLUSTER.name, APPLICATION.name],
      result: ['progress', 'ended', 'retry', 'failed', 'lost'],
    },
  });
  return (kind) => (result, seconds) => rounds.observe({ kind, result }, seconds);
}
