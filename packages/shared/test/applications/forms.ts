import type { ApplicationForm, ApplicationKind, ApplicationSpec } from '../../src/schemas/index.ts';

/** The least that can be asked. */
export function formOf(kind: ApplicationKind, more: Partial<ApplicationForm> = {}): ApplicationForm {
  return {
    kind,
    placements: [{ cluster: 'c1' }],
    containers: [{ name: 'web', image: 'web:1' }],
    ...(kind === 'cronjob' ? { cron: { schedule: '@daily' } } : {}),
    ...more,
  };
}

export function specOf(more: Partial<ApplicationSpec> = {}): ApplicationSpec {
  return {
    kind: 'stateless',
    placements: [{ cluster_id: 'c1', selector: null, overrides: {} }],
    containers: [{ name: 'web', image: 'web:1' }],
    secrets: [],
    image_pull_secret: null,
    sealed: null,
    stopped: false,
    paused: false,
    restarted_at: null,
    runs: 0,
    ...more,
  };
}
