import type { Metrics } from '@cetus/shared/service';

/** What followers count. */
export interface FollowerMeasure {
  watchEnded(resource: 'nodes' | 'pods'): void;
  /** Looked at whenever a cluster is asked because it was silent. */
  silence(seconds: number): void;
}

export function followerMetrics(metrics: Metrics, followed: () => number): FollowerMeasure {
  metrics.observed(
    { name: 'clusters_followed', help: 'Clusters whose health this process follows.' },
    followed,
  );
  const reconnects = metrics.counter({
    name: 'cluster_watch_reconnects_total',
    help: 'How often a watch of a cluster ended and was begun anew.',
    labels: { resource: ['nodes', 'pods'] },
  });
  const silence = metrics.histogram({
    name: 'cluster_silence_seconds',
    help: 'How long ago clusters had last answered when they were asked anew.',
    buckets: [1, 5, 10, 15, 20, 30, 60, 120, 300, 900, 3_600],
  });
  return {
    watchEnded: (resource) => reconnects.inc({ resource }),
    silence: (seconds) => silence.observe({}, seconds),
  };
}
