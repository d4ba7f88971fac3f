import type { Manifest } from '@cetus/kubernetes/apply';
import { CetusError } from '@cetus/shared/errors';
import { GENERATION_ANNOTATION, type ApplicationSpec } from '@cetus/shared/schemas';
import { claimTemplates } from './claims.ts';
import { given, isSince, nonEmpty, type Fields, type ManifestInput } from './input.ts';
import { cronJob, job } from './jobs.ts';
import { instanceLabels, metadataOf } from './metadata.ts';
import { headlessName } from './names.ts';
import { podTemplate } from './pod-template.ts';

/** How many instances the application has in a cluster when nothing is said. */
const DEFAULT_REPLICAS = 1;
/** What Kubernetes takes when nothing is said. */
const DEFAULT_SHARE = '25%';

/**
 * What makes the instances.
 * @throws CetusError `api_not_served` when the cluster is too old for what is asked; `internal_error` when values of secrets are missing
 */
export function workload(input: ManifestInput): Manifest {
  switch (input.spec.kind) {
    case 'stateless':
      return deployment(input);
    case 'stateful':
      return statefulSet(input);
    case 'daemon':
      return daemonSet(input);
    case 'job':
      return job(input);
    case 'cronjob':
      return cronJob(input);
  }
}

/** The kind of object and its version that a kind of application is made of. */
export const WORKLOAD_KINDS = {
  stateless: 'Deployment',
  stateful: 'StatefulSet',
  daemon: 'DaemonSet',
  job: 'Job',
  cronjob: 'CronJob',
} as const satisfies Record<ApplicationSpec['kind'], string>;

function deployment(input: ManifestInput): Manifest {
  const { spec } = input;
  return apps(input, {
    replicas: replicas(spec),
    strategy: deploymentStrategy(spec),
    minReadySeconds: nonEmpty(spec.update_strategy?.min_ready_seconds),
    progressDeadlineSeconds: spec.progress_deadline_seconds,
    paused: nonEmpty(spec.paused),
  });
}

function statefulSet(input: ManifestInput): Manifest {
  const { application, apis, spec } = input;
  const minReadySeconds = nonEmpty(spec.update_strategy?.min_ready_seconds);
  if (minReadySeconds !== undefined) require(input, isSince(apis, 23), 'min_ready_seconds', '1.23');
  return apps(input, {
    replicas: replicas(spec),
    serviceName: headlessName(application.name),
    updateStrategy: statefulStrategy(spec),
    minReadySeconds,
    volumeClaimTemplates: claimTemplates(input),
  });
}

function daemonSet(input: ManifestInput): Manifest {
  const { apis, spec } = input;
  const strategy = spec.update_strategy;
  if (nonEmpty(strategy?.max_surge) !== undefined) require(input, isSince(apis, 22), 'max_surge', '1.22');
  return apps(input, {
    updateStrategy: daemonStrategy(spec),
    minReadySeconds: nonEmpty(strategy?.min_ready_seconds),
  });
}

function apps(input: ManifestInput, fields: Fields): Manifest {
  const { application, spec } = input;
  return {
    apiVersion: 'apps/v1',
    kind: WORKLOAD_KINDS[spec.kind],
    metadata: metadataOf(input, application.name, {
      [GENERATION_ANNOTATION]: String(application.generation),
    }),
    spec: given({
      selector: { matchLabels: instanceLabels(input) },
      ...fields,
      template: podTemplate(input),
    }),
  };
}

/** Undefined: an autoscaler says. Else it is said even when nothing was asked, so that no other number stays. */
function replicas(spec: ApplicationSpec): number | undefined {
  if (spec.stopped) return 0;
  return spec.autoscaling === undefined ? (spec.replicas ?? DEFAULT_REPLICAS) : undefined;
}

// Whoever sets a type has to set what belongs to it: what the API server adds would stay when the type changes, and be refused then.

function deploymentStrategy({ update_strategy: strategy }: ApplicationSpec): Fields {
  if (strategy?.type === 'recreate') return { type: 'Recreate' };
  const { max_surge = DEFAULT_SHARE, max_unavailable = DEFAULT_SHARE } = strategy ?? {};
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge: max_surge, maxUnavailable: max_unavailable } };
}

/** A pause lets no instance change: those below the partition stay as they are. */
function statefulStrategy({
  update_strategy: strategy,
  paused,
  autoscaling,
  replicas,
}: ApplicationSpec): Fields {
  if (strategy?.type === 'on_delete') return { type: 'OnDelete' };
  const all = autoscaling?.max_replicas ?? replicas ?? DEFAULT_REPLICAS;
  return {
    type: 'RollingUpdate',
    rollingUpdate: {
      partition: paused ? Math.max(all, strategy?.partition ?? 0) : (strategy?.partition ?? 0),
    },
  };
}

function daemonStrategy({ update_strategy: strategy, paused }: ApplicationSpec): Fields {
  if (paused || strategy?.type === 'on_delete') return { type: 'OnDelete' };
  const { max_surge: surge, max_unavailable } = strategy ?? {};
  const surges = surge !== undefined && surge !== 0 && surge !== '0%';
  // Only one of the two may be more than nothing, and nothing said is one.
  const rollingUpdate = given({
    maxSurge: surges ? surge : undefined,
    maxUnavailable: surges ? 0 : max_unavailable,
  });
  return given({ type: 'RollingUpdate', rollingUpdate: nonEmpty(rollingUpdate) });
}

function require(input: ManifestInput, served: boolean, field: string, since: string): void {
  if (served) return;
  throw new CetusError(
    'api_not_served',
    `update_strategy/${field} of a ${input.spec.kind} application needs Kubernetes ${since}; the cluster is of 1.${String(input.apis.minor)}`,
    { field: `update_strategy/${field}` },
  );
}
