import { strict as assert } from 'node:assert';
import type { ApplicationCreate } from '@cetus/shared/schemas';
import { converted, goodForms, lines } from './support.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: shop-config, namespace: shop }
data:
  LOG_LEVEL: info
  PRICE: "$(COST)"
  app.yaml: |
    a: 1
---
apiVersion: v1
kind: Secret
metadata: { name: shop-db, namespace: shop }
type: Opaque
data: { password: ${base64('pass-word-of-db')} }
stringData: { user: shop-user-name }
---
apiVersion: v1
kind: Secret
metadata: { name: registry, namespace: shop }
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: ${base64(JSON.stringify({ auths: { 'https://registry.example': { auth: base64('robot:registry-pass') } } }))}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: shop
  labels: { app.kubernetes.io/name: shop, tier: front }
  annotations: { deployment.kubernetes.io/revision: "3", team: a }
spec:
  replicas: 3
  revisionHistoryLimit: 3
  selector: { matchLabels: { app: shop } }
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 25% } }
  minReadySeconds: 5
  template:
    metadata: { labels: { app: shop } }
    spec:
      serviceAccountName: shop
      imagePullSecrets: [{ name: registry }]
      securityContext: { runAsNonRoot: true, fsGroup: 1000 }
      initContainers:
        - { name: migrate, image: 'shop:2', args: [migrate] }
      containers:
        - name: web
          image: registry.example/shop:2
          ports: [{ name: http, containerPort: 8080 }]
          envFrom:
            - configMapRef: { name: shop-config }
            - secretRef: { name: shop-db }
              prefix: DB_
          env:
            - { name: LOG_LEVEL, value: debug }
            - name: LEVEL
              valueFrom: { configMapKeyRef: { name: shop-config, key: LOG_LEVEL } }
            - name: PASSWORD
              valueFrom: { secretKeyRef: { name: shop-db, key: password } }
            - name: POD
              valueFrom: { fieldRef: { fieldPath: metadata.name } }
          resources:
            requests: { cpu: 250m, memory: 256Mi }
            limits: { memory: 1024Mi, nvidia.com/gpu: 1 }
          livenessProbe: { httpGet: { path: healthz, port: http }, periodSeconds: 10 }
          readinessProbe: { tcpSocket: { port: 8080 }, initialDelaySeconds: 3 }
          lifecycle: { preStop: { exec: { command: [sleep, "5"] } } }
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: [ALL], add: [NET_BIND_SERVICE] } }
          volumeMounts:
            - { name: config, mountPath: /etc/shop/app.yaml, subPath: app.yaml }
            - { name: cache, mountPath: /cache }
            - { name: creds, mountPath: /creds, readOnly: true }
      volumes:
        - { name: config, configMap: { name: shop-config } }
        - { name: cache, emptyDir: { sizeLimit: 1Gi } }
        - name: creds
          secret: { secretName: shop-db, items: [{ key: password, path: pw }] }
---
apiVersion: v1
kind: Service
metadata: { name: shop-svc, namespace: shop }
spec:
  selector: { app: shop }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: shop
  annotations: { nginx.ingress.kubernetes.io/rewrite-target: / }
spec:
  ingressClassName: nginx
  tls: [{ hosts: [shop.example], secretName: shop-tls }]
  rules:
    - host: shop.example
      http:
        paths:
          - { path: /, pathType: Prefix, backend: { service: { name: shop-svc, port: { name: http } } } }
          - { path: /api, pathType: Exact, backend: { service: { name: shop-svc, port: { number: 80 } } } }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: shop, namespace: shop }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: shop }
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } } }
    - { type: Pods, pods: { metric: { name: x } } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: shop, namespace: shop }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: shop, namespace: shop }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: shop, namespace: shop }
---
apiVersion: example.com/v1
kind: Widget
metadata: { name: w }
`;

const CRON = `
apiVersion: batch/v1beta1
kind: CronJob
metadata: { name: nightly-report-of-all-the-things-that-happened }
spec:
  schedule: " 0   3 * * 1-5 "
  timeZone: Europe/Berlin
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 5
  successfulJobsHistoryLimit: 2
  suspend: true
  jobTemplate:
    spec:
      backoffLimit: 2
      ttlSecondsAfterFinished: 100
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{ name: report, image: 'report:1', command: [sh, -c, 'echo $(DATE)'] }]
`;

const STATEFUL = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: pg }
spec:
  serviceName: pg-headless
  replicas: 3
  podManagementPolicy: Parallel
  updateStrategy: { type: RollingUpdate, rollingUpdate: { partition: 1 } }
  selector: { matchLabels: { app: pg } }
  template:
    metadata: { labels: { app: pg } }
    spec:
      terminationGracePeriodSeconds: 60
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - { topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: pg } } }
      containers:
        - name: pg
          image: postgres:16
          ports: [{ containerPort: 5432 }]
          volumeMounts: [{ name: data, mountPath: /var/lib/postgresql/data, subPath: pgdata }]
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: fast
        resources: { requests: { storage: 20Gi } }
---
apiVersion: v1
kind: Service
metadata: { name: pg-headless }
spec: { clusterIP: None, selector: { app: pg }, ports: [{ port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: pg }
spec: { type: LoadBalancer, selector: { app: pg }, loadBalancerSourceRanges: [10.0.0.0/8], ports: [{ port: 5432, nodePort: 30432 }] }
`;

/** A Deployment of one pod, with what a test is about. */
function deployment(pod: object, spec: object = {}, others: object[] = []) {
  const containers = [{ name: 'web', image: 'nginx:1.27' }];
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      template: { metadata: { labels: { app: 'web' } }, spec: { containers, ...pod } },
      ...spec,
    },
  };
  const conversion = converted(
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [object, ...others] }),
  );
  const form = conversion.applications[0]?.form as ApplicationCreate;
  return { form, told: lines(conversion.report), conversion };
}

const container = (fields: object) => ({ containers: [{ name: 'web', image: 'nginx', ...fields }] });

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

  it('carry over what is mounted, when it is there', () => {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'files' },
      spec: {
        accessModes: ['ReadWriteMany'],
        resources: { requests: { storage: '1500M' } },
        volumeName: 'pv',
      },
    };
    const cases: [object, object | undefined, string | undefined][] = [
      [{ emptyDir: { medium: 'Memory' } }, { empty_dir: { memory: true } }, undefined],
      [{ hostPath: { path: '/srv' } }, { host_path: { path: '/srv' } }, undefined],
      [
        { persistentVolumeClaim: { claimName: 'files' } },
        { claim_template: { size: '1500M', access_mode: 'ReadWriteMany' } },
        'lost PersistentVolumeClaim/files spec/volumeName',
      ],
      [
        { persistentVolumeClaim: { claimName: 'theirs', readOnly: true } },
        { claim: { name: 'theirs', read_only: true } },
        'changed Deployment/web spec/template/spec/volumes/0/persistentVolumeClaim',
      ],
      [{ nfs: { server: 'x' } }, undefined, 'lost Deployment/web spec/template/spec/volumes/0/nfs'],
      [
        { projected: { sources: [] } },
        undefined,
        'lost Deployment/web spec/template/spec/volumes/0/projected',
      ],
      [
        { configMap: { name: 'gone' } },
        undefined,
        'lost Deployment/web spec/template/spec/volumes/0/configMap',
      ],
    ];
    for (const [source, expected, line] of cases) {
      const pod = {
        ...container({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
        volumes: [{ name: 'v', ...source }],
      };
      const { form, told } = deployment(pod, {}, [claim]);
      assert.deepEqual(form.volumes, expected === undefined ? undefined : [{ name: 'v', ...expected }]);
      assert.equal(form.containers[0]?.mounts?.length, expected === undefined ? undefined : 1);
      if (line !== undefined) assert.ok(told.includes(line), `${JSON.stringify(source)}: ${told.join()}`);
    }
    const foreign = deployment({
      ...container({
        volumeMounts: [{ name: 's', mountPath: '/s' }],
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'theirs', key: 'k' } } }],
      }),
      volumes: [{ name: 's', secret: { secretName: 'theirs', defaultMode: 420 } }],
      imagePullSecrets: [{ name: 'pull' }],
    });
    assert.deepEqual(foreign.form.containers[0]?.mounts, [{ secret: 'theirs', path: '/s' }]);
    assert.deepEqual(foreign.form.containers[0]?.env, [{ name: 'A', secret: { name: 'theirs', key: 'k' } }]);
    assert.deepEqual([foreign.form.image_pull_secret, foreign.form.secrets], [{ name: 'pull' }, undefined]);
    assert.deepEqual(goodForms(foreign.conversion)['web'], foreign.form);
  });

  it('are not wordy about what is as it would be anyway', () => {
    const { told, conversion } = deployment(
      {
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        securityContext: {},
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            name: 'web',
            image: 'nginx',
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
      },
      {
        progressDeadlineSeconds: 600,
        revisionHistoryLimit: 10,
        replicas: 1,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      },
    );
    assert.deepEqual(told, []);
    goodForms(conversion);
  });

  it('are told of, field by field, where they are not carried over', () => {
    const fields: Record<string, unknown> = {
      hostPID: true, hostAliases: [{ ip: '1.1.1.1' }], dnsPolicy: 'None', runtimeClassName: 'x', shareProcessNamespace: true,
      nodeName: 'n', subdomain: 's', priority: 5, no_such: 1, automountServiceAccountToken: true,
      priorityClassName: 'system-node-critical',
    }; // prettier-ignore
    for (const [key, value] of Object.entries(fields))
      assert.ok(
        deployment({ [key]: value }).told.includes(`lost Deployment/web spec/template/spec/${key}`),
        key,
      );
    const ofContainer: [object, string][] = [
      [{ livenessProbe: { grpc: { port: 5 } } }, 'livenessProbe'],
      [{ livenessProbe: { httpGet: { port: 'nowhere' } } }, 'livenessProbe/httpGet/port'],
      [
        { readinessProbe: { httpGet: { port: 80, httpHeaders: [{ name: 'a' }] } } },
        'readinessProbe/httpGet/httpHeaders',
      ],
      [{ lifecycle: { postStart: { exec: {} } } }, 'lifecycle/postStart'],
      [{ ports: [{ containerPort: 80, hostPort: 80 }] }, 'ports/0/hostPort'],
      [{ resources: { limits: { cpu: 'lots' } } }, 'resources/limits/cpu'],
      [{ volumeMounts: [{ name: 'x', mountPath: '/x' }] }, 'volumeMounts/0'],
      [{ securityContext: { allowPrivilegeEscalation: true } }, 'securityContext/allowPrivilegeEscalation'],
      [{ envFrom: [{ secretRef: { name: 'gone' } }] }, 'envFrom/0'],
      [{ env: 5 }, 'env'],
    ];
    for (const [more, path] of ofContainer) {
      const { told } = deployment(container(more));
      const line = `lost Deployment/web spec/template/spec/containers/0/${path}`;
      assert.ok(told.includes(line), `${line}: ${told.join()}`);
    }
  });

  it('read autoscalers of all versions', () => {
    const target = { kind: 'Deployment', name: 'web' };
    const cases: [string, object, object | undefined][] = [
      ['v1', { maxReplicas: 3 }, { min_replicas: 1, max_replicas: 3, cpu_percent: 80 }],
      [
        'v1',
        { maxReplicas: 3, minReplicas: 0, targetCPUUtilizationPercentage: 50 },
        { min_replicas: 1, max_replicas: 3, cpu_percent: 50 },
      ],
      [
        'v2beta1',
        {
          maxReplicas: 3,
          metrics: [{ type: 'Resource', resource: { name: 'memory', targetAverageUtilization: 60 } }],
        },
        { min_replicas: 1, max_replicas: 3, memory_percent: 60 },
      ],
      [
        'v2beta2',
        {
          maxReplicas: 3,
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 60 } } }],
        },
        { min_replicas: 1, max_replicas: 3, cpu_percent: 60 },
      ],
      [
        'v2',
        {
          maxReplicas: 3,
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageValue: '1' } } }],
        },
        undefined,
      ],
      ['v2', {}, undefined],
    ];
    for (const [version, spec, expected] of cases) {
      const scaler = {
        apiVersion: `autoscaling/${version}`,
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'web' },
        spec: { scaleTargetRef: target, ...spec },
      };
      const { form, told } = deployment({}, {}, [scaler]);
      assert.deepEqual(form.autoscaling, expected, JSON.stringify(spec));
      if (expected === undefined) assert.ok(told.includes('lost HorizontalPodAutoscaler/web'));
    }
  });

  it('read Ingresses of older versions, and tell of what leads nowhere', () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    };
    const ingress = (name: string, backend: object) => ({
      apiVersion: 'networking.k8s.io/v1beta1',
      kind: 'Ingress',
      metadata: { name, annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
      spec: { rules: [{ host: 'a.example', http: { paths: [{ path: '/x', backend }] } }] },
    });
    const { form, told } = deployment({}, {}, [
      service,
      ingress('good', { serviceName: 'web', servicePort: 80 }),
      ingress('lost', { serviceName: 'other', servicePort: 80 }),
    ]);
    assert.deepEqual(form.exposure, {
      type: 'cluster_ip',
      ports: [{ port: 80, target_port: 8080 }],
      ingress: { host: 'a.example', path: '/x', class_name: 'nginx' },
    });
    assert.deepEqual(told, ['lost Ingress/lost']);
  });

  it('do not mix up namespaces', () => {
    const make = (namespace: string) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: {
        template: {
          spec: container({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] }),
        },
      },
    });
    const config = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'two' },
      data: { k: 'v' },
    };
    const conversion = converted(
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [make('one'), make('two'), config] }),
    );
    const { web, 'web-2': second } = goodForms(conversion);
    assert.deepEqual(
      [web?.containers[0]?.env, second?.containers[0]?.env],
      [undefined, [{ name: 'A', value: 'v' }]],
    );
  });
});
