import { MAX_REPLICAS, type ApplicationCreate, type ApplicationKind } from '@cetus/shared/schemas';
import { labelsOf } from '../labels.ts';
import { Mapping, type Told } from '../mapping.ts';
import { given } from '../values.ts';
import { autoscalingOf } from './autoscaling.ts';
import type { ManifestContext } from './context.ts';
import { exposureOf } from './exposure.ts';
import { cronOf, jobOf } from './jobs.ts';
import { specOf, tellMetadata, type KubernetesObject } from './objects.ts';
import { podOf } from './pod.ts';
import { WorkloadStorage } from './storage.ts';
import { strategyOf } from './strategy.ts';

/** What each kind of workload becomes. */
export const KINDS: Readonly<Record<string, ApplicationKind>> = {
  Deployment: 'stateless',
  StatefulSet: 'stateful',
  DaemonSet: 'daemon',
  Job: 'job',
  CronJob: 'cronjob',
};

const WORKLOAD: Told = {
  ordinals: ['lost', 'Instances are numbered from 0.'],
  paused: ['lost', 'Changes reach the instances; pause the application.'],
  persistentVolumeClaimRetentionPolicy: ['lost', 'Volumes go with the application, not before.'],
  podManagementPolicy: ['lost', 'Instances begin one after the other.'],
  revisionHistoryLimit: ['note', 'Cetus keeps revisions of its own.'],
  serviceName: ['note', 'The names of the instances are in a Service that Cetus makes.'],
};

/** The form that a workload becomes. */
export function formOfWorkload(
  workload: KubernetesObject,
  name: string,
  context: ManifestContext,
): ApplicationCreate {
  const kind = KINDS[workload.kind] ?? 'stateless';
  const whole = new Mapping(workload.fields, workload.at);
  const metadata = whole.mapping('metadata');
  const ownLabels = metadata?.mapping('labels')?.textEntries() ?? [];
  if (metadata !== undefined) tellMetadata(metadata, ['labels']);
  const spec = specOf(new Mapping(workload.fields, workload.at), ['labels']);
  const storage = new WorkloadStorage(workload, context, kind === 'stateful');
  const { cron, job: jobSpec } = kind === 'cronjob' ? cronOf(spec) : { cron: undefined, job: spec };
  if (kind === 'stateful') storage.addClaimTemplates(spec);
  const pod = podOf(jobSpec, workload, context, storage);
  const isJob = kind === 'job' || kind === 'cronjob';
  const isScaled = kind === 'stateless' || kind === 'stateful';
  const job = isJob ? jobOf(jobSpec, pod.restartPolicy) : undefined;
  const strategy = isJob ? undefined : strategyOf(spec, kind);
  const labels = labelsOf([...ownLabels, ...pod.labels]);
  const podLabels = new Map(pod.labels.map(({ key, text }) => [key, text]));
  const exposure = exposureOf(workload, name, podLabels, context, storage);
  const form = given<ApplicationCreate>({
    name,
    kind,
    labels,
    placements: context.options.placements,
    ...pod.parts,
    replicas: isScaled ? spec.integer('replicas', 0, MAX_REPLICAS) : undefined,
    update_strategy: strategy,
    progress_deadline_seconds: isJob ? undefined : spec.integer('progressDeadlineSeconds', 10, 86_400),
    autoscaling: isScaled ? autoscalingOf(workload, context) : undefined,
    exposure,
    config_files: unlessEmpty(storage.configFiles),
    secrets: unlessEmpty(storage.secrets),
    volumes: unlessEmpty(storage.volumes),
    job,
    cron,
  });
  if (!isJob) {
    spec.silent('selector', 'template');
    spec.usual({ podManagementPolicy: 'OrderedReady', revisionHistoryLimit: 10 });
    spec.tell(WORKLOAD);
    spec.rest();
  }
  return form;
}

function unlessEmpty<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}
