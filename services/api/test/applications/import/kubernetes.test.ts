import { strict as assert } from 'node:assert';
import type { ApplicationCreate } from '@cetus/shared/schemas';
import { CRON, SHOP, STATEFUL } from './manifests.ts';
import { converted, goodForms, lines } from './support.ts';

describe('import: manifests of Kubernetes', () => {
  it('make a Deployment with all that belongs to it one application', () => {
    const conversion = converted(SHOP);
    const { shop } = goodForms(conversion);
    assert.deepEqual(shop, {
      name: 'shop',
      kind: 'stateless',
      labels: { tier: 'front', app: 'shop' },
      placements: [{ cluster: 'prod' }],
      containers: [
        {
          name: 'web',
          image: 'registry.example/shop:2',
          env: [
            { name: 'LOG_LEVEL', value: 'debug' },
            { name: 'PRICE', value: '$$(COST)' },
            { name: 'app.yaml', value: 'a: 1\n' },
            { name: 'DB_password', secret: { name: 'shop-db-2', key: 'password' } },
            { name: 'DB_user', secret: { name: 'shop-db-2', key: 'user' } },
            { name: 'LEVEL', value: 'info' },
            { name: 'PASSWORD', secret: { name: 'shop-db-2', key: 'password' } },
          ],
          ports: [{ name: 'http', port: 8080 }],
          resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '1Gi' } },
          mounts: [
            { config: 'shop-config', path: '/etc/shop/app.yaml', sub_path: 'app.yaml' },
            { volume: 'cache', path: '/cache' },
            { secret: 'shop-db', path: '/creds', read_only: true },
          ],
          security: { run_as_non_root: true, read_only_root_filesystem: true, drop_capabilities: ['ALL'] },
          liveness_probe: { http: { path: '/healthz', port: 8080 }, period_seconds: 10 },
          readiness_probe: { tcp: { port: 8080 }, initial_delay_seconds: 3 },
          pre_stop_command: ['sleep', '5'],
        },
      ],
      init_containers: [
        { name: 'migrate', image: 'shop:2', args: ['migrate'], security: { run_as_non_root: true } },
      ],
      image_pull_secret: { registry: 'registry.example', username: 'robot', password: 'registry-pass' },
      replicas: 3,
      update_strategy: { type: 'rolling', max_surge: 1, max_unavailable: '25%', min_ready_seconds: 5 },
      autoscaling: { min_replicas: 2, max_replicas: 10, cpu_percent: 70 },
      exposure: {
        type: 'cluster_ip',
        ports: [{ name: 'http', port: 80, target_port: 'http' }],
        ingress: { host: 'shop.example', class_name: 'nginx', tls_secret: 'shop-tls' },
      },
      config_files: [
        { name: 'shop-config', files: { LOG_LEVEL: 'info', PRICE: '$(COST)', 'app.yaml': 'a: 1\n' } },
      ],
      secrets: [
        { name: 'shop-db', values: { pw: 'pass-word-of-db' } },
        { name: 'shop-db-2', values: { password: 'pass-word-of-db', user: 'shop-user-name' } },
      ],
      volumes: [{ name: 'cache', empty_dir: { size_limit: '1Gi' } }],
    } satisfies ApplicationCreate);
    assert.deepEqual(lines(conversion.report), [
      'note Namespace/shop',
      'note PodDisruptionBudget/shop',
      'lost NetworkPolicy/shop',
      'lost ServiceAccount/shop',
      'lost Widget/w',
      'note Deployment/shop metadata/namespace',
      'lost Deployment/shop metadata/annotations/team',
      'note Secret/shop-db',
      'lost Deployment/shop spec/template/spec/securityContext/fsGroup',
      'note Secret/shop-db',
      'lost Deployment/shop spec/template/spec/containers/0/env/3/valueFrom/fieldRef',
      'lost Deployment/shop spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu',
      'lost Deployment/shop spec/template/spec/containers/0/securityContext/capabilities/add',
      'lost Deployment/shop spec/template/spec/serviceAccountName',
      'note Deployment/shop metadata/labels/app.kubernetes.io~1name',
      'changed Service/shop-svc',
      'lost Ingress/shop metadata/annotations/nginx.ingress.kubernetes.io~1rewrite-target',
      'changed Ingress/shop spec/rules/0/http/paths/1/pathType',
      'changed Ingress/shop spec/rules/0/http/paths/0',
      'lost Ingress/shop spec/rules/0/http/paths/1',
      'lost HorizontalPodAutoscaler/shop spec/metrics/1',
      'note Deployment/shop spec/revisionHistoryLimit',
    ]);
    assert.ok(!/pass-word-of-db|shop-user-name|registry-pass/.test(JSON.stringify(conversion.report)));
  });

  it('make a CronJob one, also of the older version', () => {
    const conversion = converted(CRON);
    const [form] = Object.values(goodForms(conversion));
    assert.deepEqual(
      [form?.name.length, form?.cron, form?.job, form?.containers[0]?.command],
      [
        40,
        {
          schedule: '0 3 * * 1-5',
          concurrency: 'Forbid',
          starting_deadline_seconds: 10,
          successful_history: 2,
        },
        { backoff_limit: 2, restart: 'on_failure' },
        ['sh', '-c', 'echo $(DATE)'],
      ],
    );
    const [source] = conversion.applications.map((one) => one.source);
    assert.deepEqual(
      lines(conversion.report).map((line) => line.replace(String(source), 'it')),
      [
        'changed it',
        'changed it spec/startingDeadlineSeconds',
        'lost it spec/suspend',
        'lost it spec/timeZone',
        'lost it spec/jobTemplate/spec/ttlSecondsAfterFinished',
      ],
    );
  });

  it('make a StatefulSet one, with volumes of its own', () => {
    const conversion = converted(STATEFUL);
    const { pg } = goodForms(conversion);
    assert.deepEqual(
      [
        pg?.kind,
        pg?.replicas,
        pg?.volumes,
        pg?.scheduling,
        pg?.update_strategy,
        pg?.termination_grace_seconds,
      ],
      [
        'stateful',
        3,
        [{ name: 'data', claim_template: { size: '20Gi', storage_class: 'fast' } }],
        { spread: 'nodes' },
        { type: 'rolling', partition: 1 },
        60,
      ],
    );
    assert.deepEqual(pg?.exposure, { type: 'load_balancer', ports: [{ port: 5432, node_port: 30432 }] });
    assert.deepEqual(pg?.containers[0]?.mounts, [
      { volume: 'data', path: '/var/lib/postgresql/data', sub_path: 'pgdata' },
    ]);
    for (const line of [
      'lost Service/pg-headless',
      'lost Service/pg spec/loadBalancerSourceRanges',
      'lost StatefulSet/pg spec/podManagementPolicy',
      'note StatefulSet/pg spec/serviceName',
    ])
      assert.ok(lines(conversion.report).includes(line), line);
  });

  it('make jobs and daemons, in lists, and leave out what others made', () => {
    const template = { spec: { containers: [{ name: 'a', image: 'x' }] } };
    const conversion = converted(
      JSON.stringify({
        apiVersion: 'batch/v1',
        kind: 'JobList',
        items: [
          {
            metadata: { name: 'a' },
            spec: { template, parallelism: 2, completions: 4, activeDeadlineSeconds: 60 },
          },
          { metadata: { name: 'b', ownerReferences: [{ kind: 'CronJob' }] }, spec: { template } },
        ],
      }) +
        '\n---\n' +
        JSON.stringify({
          apiVersion: 'apps/v1',
          kind: 'DaemonSet',
          metadata: { name: 'a', creationTimestamp: null },
          spec: { template, updateStrategy: { type: 'OnDelete' } },
          status: {},
        }),
    );
    const forms = goodForms(conversion);
    assert.deepEqual(
      Object.values(forms).map(({ name, kind, job, update_strategy }) => [name, kind, job, update_strategy]),
      [
        ['a', 'daemon', undefined, { type: 'on_delete' }],
        ['a-2', 'job', { completions: 4, parallelism: 2, active_deadline_seconds: 60 }, undefined],
      ],
    );
    assert.deepEqual(lines(conversion.report), ['note Job/b', 'changed Job/a']);
  });
});
