import { strict as assert } from 'node:assert';
import type { ApplicationCreate } from '@cetus/shared/schemas';
import { converted, goodForms, lines } from './support.ts';

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

describe('import: fields of Kubernetes’ manifests', () => {
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
