import type { ManifestInput } from '../../../src/application/manifests/index.ts';
import type { ApplicationKind, ApplicationSpec } from '@cetus/shared/schemas';

export const APPLICATION_ID = '3f1d6d9e-6a0e-4c1b-9a39-0d6a4c9d5b11';

/** What the newest Kubernetes serves. */
export const NEWEST: ManifestInput['apis'] = {
  versions: {
    CronJob: 'batch/v1',
    HorizontalPodAutoscaler: 'autoscaling/v2',
    Ingress: 'networking.k8s.io/v1',
    PodDisruptionBudget: 'policy/v1',
  },
  minor: 33,
};

/** What Kubernetes 1.20 serves. */
export const OLDEST: ManifestInput['apis'] = {
  versions: {
    CronJob: 'batch/v1beta1',
    HorizontalPodAutoscaler: 'autoscaling/v2beta2',
    Ingress: 'networking.k8s.io/v1',
    PodDisruptionBudget: 'policy/v1beta1',
  },
  minor: 20,
};

/** The least that can be asked. */
export function plainSpec(kind: ApplicationKind, more: Partial<ApplicationSpec> = {}): ApplicationSpec {
  return {
    kind,
    placements: [],
    containers: [{ name: 'web', image: 'registry.local/web:1' }],
    secrets: [],
    image_pull_secret: null,
    sealed: null,
    stopped: false,
    paused: false,
    restarted_at: null,
    runs: 0,
    ...(kind === 'cronjob' ? { cron: { schedule: '*/5 * * * *' } } : {}),
    ...more,
  };
}

/** Everything that can be asked of a kind without reaching the node. */
export function fullSpec(kind: ApplicationKind, more: Partial<ApplicationSpec> = {}): ApplicationSpec {
  const isScaled = kind === 'stateless' || kind === 'stateful';
  const isJob = kind === 'job' || kind === 'cronjob';
  return plainSpec(kind, {
    labels: { team: 'shop', 'example.org/tier': '' },
    init_containers: [
      {
        name: 'prepare',
        image: 'registry.local/web@sha256:0000000000000000000000000000000000000000000000000000000000000000',
        command: ['true'],
        mounts: [{ volume: 'scratch', path: '/scratch' }],
      },
    ],
    containers: [
      {
        name: 'web',
        image: 'registry.local/web:1',
        command: ['serve'],
        args: ['--port', '8080'],
        working_dir: '/srv',
        env: [
          { name: 'MODE', value: 'fast' },
          { name: 'EMPTY', value: '' },
          { name: 'PASSWORD', secret: { name: 'database', key: 'password' } },
          { name: 'TOKEN', secret: { name: 'others.secret', key: 'token' } },
        ],
        resources: {
          requests: { cpu: '0.25', memory: '128Mi', ephemeral_storage: '1000M' },
          limits: { cpu: '1000m', memory: '1024Mi' },
        },
        ports: [
          { name: 'http', port: 8080 },
          { port: 9000, protocol: 'UDP' },
        ],
        mounts: [
          { config: 'settings', path: '/etc/web' },
          { config: 'settings', path: '/etc/web.conf', sub_path: 'web.conf', read_only: true },
          { secret: 'database', path: '/run/database' },
          { secret: 'others.secret', path: '/run/others' },
          { volume: 'scratch', path: '/scratch', read_only: false },
          { volume: 'data', path: '/data' },
        ],
        security: {
          run_as_user: 1000,
          run_as_group: 1000,
          run_as_non_root: true,
          read_only_root_filesystem: true,
          drop_capabilities: ['ALL'],
        },
        liveness_probe: { http: { port: 8080 }, initial_delay_seconds: 0 },
        readiness_probe: { tcp: { port: 8080 }, period_seconds: 5, success_threshold: 2 },
        startup_probe: { exec: { command: ['true'] }, failure_threshold: 30, timeout_seconds: 2 },
        pre_stop_command: ['true'],
        tty: true,
        stdin: true,
      },
      {
        name: 'side',
        image: 'registry.local/web',
        resources: { requests: { cpu: '1' }, limits: { cpu: '1.5', memory: '1500M' } },
      },
    ],
    config_files: [{ name: 'settings', files: { 'web.conf': 'a = 1\n', empty: '' } }],
    secrets: [{ name: 'database', keys: ['empty', 'password'] }],
    image_pull_secret: { registry: 'registry.local', username: 'puller' },
    volumes: [
      { name: 'scratch', empty_dir: { size_limit: '2048Mi', memory: true } },
      { name: 'data', claim_template: { size: '1024Mi' } },
    ],
    scheduling: {
      node_selector: { 'kubernetes.io/os': 'linux' },
      tolerations: [
        { key: 'dedicated', operator: 'Equal', value: '', effect: 'NoExecute', toleration_seconds: 0 },
        { operator: 'Exists' },
      ],
      spread: 'zones',
    },
    termination_grace_seconds: 5,
    exposure: {
      type: 'load_balancer',
      ports: [
        { name: 'http', port: 80, target_port: 'http' },
        { name: 'dns', port: 9000 },
      ],
      ingress: { host: 'shop.example.org', port: 80, class_name: 'nginx', tls_secret: 'database' },
    },
    restarted_at: '2026-03-01T12:00:00Z',
    ...(isScaled
      ? { autoscaling: { min_replicas: 2, max_replicas: 4, cpu_percent: 70, memory_percent: 80 } }
      : {}),
    ...(isJob
      ? {
          job: {
            completions: 2,
            parallelism: 2,
            backoff_limit: 0,
            active_deadline_seconds: 600,
            restart: 'on_failure',
          },
        }
      : {}),
    ...(kind === 'cronjob'
      ? {
          cron: {
            schedule: '@daily',
            concurrency: 'Forbid',
            starting_deadline_seconds: 60,
            successful_history: 0,
            failed_history: 2,
          },
        }
      : {}),
    ...(kind === 'stateless'
      ? {
          update_strategy: { type: 'rolling', max_surge: 1, max_unavailable: 0, min_ready_seconds: 3 },
          progress_deadline_seconds: 120,
        }
      : {}),
    ...(kind === 'stateful' ? { update_strategy: { type: 'rolling', partition: 1 } } : {}),
    ...(kind === 'daemon'
      ? { update_strategy: { type: 'rolling', max_unavailable: '50%', min_ready_seconds: 3 } }
      : {}),
    ...more,
  });
}

export const VALUES: ManifestInput['values'] = {
  secrets: { database: { password: 'correct horse', empty: '' } },
  pull_password: 'battery staple',
  salt: 'salt',
};

export function inputOf(spec: ApplicationSpec, more: Partial<ManifestInput> = {}): ManifestInput {
  return {
    application: {
      _id: APPLICATION_ID,
      name: 'shop',
      project_id: 'p1',
      user_id: 'u1',
      generation: 3,
    },
    spec,
    namespace: 'cetus-test',
    values: VALUES,
    apis: NEWEST,
    ...more,
  };
}
