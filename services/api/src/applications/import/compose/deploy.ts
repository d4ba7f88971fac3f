import {
  MAX_REPLICAS,
  type ApplicationCreate,
  type ApplicationKind,
  type Scheduling,
  type UpdateStrategy,
} from '@cetus/shared/schemas';
import { nodeLabelsOf, type LabelFound } from '../labels.ts';
import { isFields, textOf, type Mapping, type Told } from '../mapping.ts';
import { given, nonEmpty } from '../values.ts';

/** What decides about the kind of an application besides its deployment. */
export interface KindFacts {
  /** It keeps something in volumes. */
  keeps: boolean;
  /** Others reach it, or look whether it is well. */
  serves: boolean;
}

type Deployed = Pick<
  ApplicationCreate,
  'kind' | 'replicas' | 'update_strategy' | 'rollback_on_failure' | 'scheduling' | 'job'
>;

/** How a service is deployed. Source: https://github.com/compose-spec/compose-spec/blob/main/deploy.md */
export function deployedAs(service: Mapping, deploy: Mapping | undefined, facts: KindFacts): Deployed {
  const kind = kindOf(service, deploy, facts);
  const count = instancesOf(service, deploy, kind.kind);
  const update = deploy?.mapping('update_config');
  const updated = update === undefined ? {} : updatedBy(update, kind.kind);
  const scheduling = schedulingOf(service, deploy);
  const policy = deploy?.mapping('restart_policy');
  policy?.silent('condition', 'max_attempts');
  policy?.tell({
    delay: ['lost', 'How long it takes until a container is started again is for Kubernetes to say.'],
    window: ['lost', 'It is not carried over.'],
  });
  policy?.rest();
  deploy?.tell(DEPLOY);
  deploy?.rest();
  const { job } = kind;
  return given<Deployed>({
    kind: kind.kind,
    replicas: kind.kind === 'stateless' || kind.kind === 'stateful' ? count : undefined,
    ...updated,
    scheduling,
    job: job === undefined ? undefined : given({ ...job, completions: count, parallelism: count }),
  });
}

const DEPLOY: Told = {
  endpoint_mode: ['lost', 'It is not carried over.'],
  rollback_config: ['lost', 'A rollback goes as any other change.'],
};

function kindOf(
  service: Mapping,
  deploy: Mapping | undefined,
  { keeps, serves }: KindFacts,
): { kind: ApplicationKind; job?: ApplicationCreate['job'] } {
  const mode = deploy?.text('mode') ?? 'replicated';
  const restart = service.text('restart');
  const stated = deploy?.any('restart_policy');
  const policy = isFields(stated) ? stated : {};
  const condition = textOf(policy['condition']);
  const at = condition === undefined ? service.at.in('restart') : service.at.in('deploy', 'restart_policy');
  const [word = '', attempts] = (condition ?? restart ?? '').split(':');
  const retries = Number(textOf(policy['max_attempts']) ?? attempts ?? Number.NaN);
  const limit = Number.isInteger(retries) && retries >= 0 ? Math.min(retries, 1_000) : undefined;
  const ending = word === 'none' || word === 'no' || word === 'false';
  const isJob = mode === 'replicated-job' || mode === 'global-job';
  if (isJob || (ending && !serves && mode === 'replicated')) {
    if (mode === 'global-job')
      service.at.in('deploy', 'mode').changed('It runs once, not once on each node.');
    if (!isJob) at.changed('What is not started again is a job: it runs to its end.');
    return {
      kind: 'job',
      job: ending
        ? { restart: 'never', backoff_limit: 0 }
        : given({ restart: 'on_failure' as const, backoff_limit: limit }),
    };
  }
  if (ending || word === 'on-failure') at.changed('Its containers are started again whenever they end.');
  if (limit !== undefined) at.lost('How often a container is started again has no bound.');
  if (mode === 'global') return { kind: 'daemon' };
  if (mode !== 'replicated') service.at.in('deploy', 'mode').lost('This mode is not known.');
  return { kind: keeps ? 'stateful' : 'stateless' };
}

function instancesOf(
  service: Mapping,
  deploy: Mapping | undefined,
  kind: ApplicationKind,
): number | undefined {
  const counts = [deploy?.integer('replicas', 0, MAX_REPLICAS), service.integer('scale', 0, MAX_REPLICAS)];
  const count = counts.find((one) => one !== undefined);
  if (kind === 'job') return count === undefined || count < 2 ? undefined : Math.min(count, 1_000);
  if (kind === 'daemon' && count !== undefined)
    service.at.in('deploy', 'replicas').lost('There is one instance on each node.');
  if (kind === 'stateful' && (count ?? 1) > 1)
    service.at.in('volumes').changed('Each instance has volumes of its own.');
  return count;
}

function updatedBy(
  update: Mapping,
  kind: ApplicationKind,
): Pick<ApplicationCreate, 'update_strategy' | 'rollback_on_failure'> {
  const parallelism = update.integer('parallelism', 0, MAX_REPLICAS) ?? 1;
  const order = update.text('order') ?? 'stop-first';
  const action = update.text('failure_action') ?? 'pause';
  const { at } = update;
  if (action === 'continue') at.in('failure_action').lost('A change that fails is not gone on with.');
  update.tell({
    delay: ['lost', 'The next instance is replaced as soon as the one before is ready.'],
    monitor: ['lost', 'It is not carried over.'],
    max_failure_ratio: ['lost', 'It is not carried over.'],
  });
  update.rest();
  const batch = parallelism === 0 ? '100%' : parallelism;
  const numbers: UpdateStrategy =
    order === 'start-first'
      ? { type: 'rolling', max_surge: batch, max_unavailable: 0 }
      : { type: 'rolling', max_surge: 0, max_unavailable: batch };
  if (kind === 'stateful') at.changed('Instances that keep something are replaced one after the other.');
  const hasStrategy = kind === 'stateless' || kind === 'daemon';
  return given({
    update_strategy: hasStrategy ? numbers : undefined,
    rollback_on_failure: action === 'rollback' ? true : undefined,
  });
}

const NODE_LABELS: Readonly<Record<string, string>> = {
  'node.hostname': 'kubernetes.io/hostname',
  'node.platform.os': 'kubernetes.io/os',
  'node.platform.arch': 'kubernetes.io/arch',
};
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

function schedulingOf(service: Mapping, deploy: Mapping | undefined): Scheduling | undefined {
  const placement = deploy?.mapping('placement');
  const wanted: LabelFound[] = [];
  for (const { value, at } of placement?.list('constraints') ?? []) {
    const match = /^\s*([\w./-]+)\s*==\s*(\S+)\s*$/.exec(typeof value === 'string' ? value : '');
    const [, left = '', right = ''] = match ?? [];
    const key = left.startsWith('node.labels.') ? left.slice(12) : NODE_LABELS[left];
    if (match === null || key === undefined) at.lost('Nodes are chosen by labels that they must have alone.');
    else wanted.push({ key, text: ARCHITECTURES[right] ?? right, at });
  }
  const platform = service.text('platform');
  if (platform !== undefined) {
    const [os = '', architecture] = platform.split('/');
    const at = service.at.in('platform');
    at.changed('It chooses nodes that are of it.');
    wanted.push({ key: 'kubernetes.io/os', text: os, at });
    if (architecture !== undefined)
      wanted.push({ key: 'kubernetes.io/arch', text: ARCHITECTURES[architecture] ?? architecture, at });
  }
  const spreads = placement?.mappings('preferences').map((one) => one.text('spread') ?? '') ?? [];
  const most = placement?.integer('max_replicas_per_node', 0, MAX_REPLICAS) ?? 0;
  placement?.rest();
  const spread = spreads.some((one) => /zone/i.test(one))
    ? 'zones'
    : spreads.length > 0 || most > 0
      ? 'nodes'
      : undefined;
  if (spread !== undefined)
    service.at
      .in('deploy', 'placement')
      .changed(`Instances are spread over ${spread}, as far as there is room.`);
  return nonEmpty(given<Scheduling>({ node_selector: nodeLabelsOf(wanted), spread }));
}
