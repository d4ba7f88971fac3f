import assert from 'node:assert/strict';
import { applyObject, readObject, referenceOf, type Manifest } from '../../src/apply.ts';
import { MERGE_PATCH } from '../../src/connection.ts';
import { differences } from '../../src/drift.ts';
import type { ManagedKindName } from '../../src/managed-kinds.ts';
import { objectPath } from '../../src/object-path.ts';
import { ServedApis } from '../../src/served-apis.ts';
import { kubernetesContract, type Thing } from './bench.ts';
import { uniqueName } from './targets.ts';

/** Manifests of every kind of an application, with what servers write in another way or leave out. */
function manifests(image: string): Partial<Record<ManagedKindName, Record<string, unknown>>> {
  const labels = { app: 'drift' };
  const selector = { matchLabels: labels };
  const pod = {
    hostNetwork: false,
    nodeSelector: { 'example.org/nowhere': 'true' },
    securityContext: {},
    terminationGracePeriodSeconds: 0,
    initContainers: [{ name: 'init', image, command: ['true'], args: [] }],
    containers: [
      {
        name: 'web',
        image,
        env: [
          { name: 'EMPTY', value: '' },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'CPU', valueFrom: { resourceFieldRef: { containerName: 'web', resource: 'limits.cpu' } } },
          { name: 'KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'one', optional: true } } },
        ],
        envFrom: [{ configMapRef: { name: 'settings', optional: true } }],
        ports: [
          { containerPort: 53, protocol: 'UDP', name: 'dns' },
          { containerPort: 8080, name: 'http' },
        ],
        resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: 0.5, memory: '0.5Gi' } },
        readinessProbe: { httpGet: { port: 'http' }, initialDelaySeconds: 0, timeoutSeconds: 0 },
        livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 30 },
        securityContext: {
          runAsUser: 0,
          readOnlyRootFilesystem: false,
          capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
        },
        volumeMounts: [
          { name: 'tmp', mountPath: '/tmp', readOnly: false },
          { name: 'settings', mountPath: '/etc/settings', readOnly: true, subPath: '' },
        ],
      },
    ],
    tolerations: [{ key: 'example.org/x', operator: 'Exists' }],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: selector } },
        ],
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: selector },
    ],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '1024Mi' } },
      { name: 'none', emptyDir: {} },
      { name: 'settings', configMap: { name: 'settings', optional: true } },
      { name: 'host', hostPath: { path: '/tmp', type: '' } },
    ],
  };
  const template = { metadata: { labels, annotations: { 'example.org/empty': '' } }, spec: pod };
  const job = { backoffLimit: 0, template: { ...template, spec: { ...pod, restartPolicy: 'Never' } } };
  return {
    ConfigMap: { data: { empty: '', sizeLimit: '1000m' }, binaryData: { b: 'AAECAw==' } },
    Secret: { stringData: { password: 'one' }, data: { user: 'bWU=' } },
    ServiceAccount: { automountServiceAccountToken: false, imagePullSecrets: [{ name: 'pull' }] },
    ResourceQuota: { spec: { hard: { 'requests.cpu': '1000m', pods: 100, 'limits.memory': '1024Gi' } } },
    LimitRange: { spec: { limits: [{ type: 'Container', default: { cpu: '4000m' }, max: { cpu: 4 } }] } },
    PersistentVolumeClaim: {
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1024Mi' } },
        storageClassName: '',
      },
    },
    Service: {
      spec: {
        type: 'NodePort',
        clusterIP: '',
        publishNotReadyAddresses: false,
        selector: labels,
        ports: [
          { name: 'http', port: 80, targetPort: 'http', nodePort: 0 },
          { name: 'dns', port: 53, protocol: 'UDP' },
        ],
      },
    },
    Deployment: {
      spec: {
        replicas: 0,
        paused: false,
        minReadySeconds: 0,
        strategy: { type: 'Recreate' },
        selector,
        template,
      },
    },
    StatefulSet: {
      spec: {
        replicas: 0,
        serviceName: 'drift',
        selector,
        template,
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } },
          },
        ],
      },
    },
    DaemonSet: { spec: { selector, template, updateStrategy: { rollingUpdate: { maxUnavailable: '50%' } } } },
    Job: { spec: { parallelism: 0, ...job } },
    CronJob: { spec: { schedule: '0 0 1 1 *', suspend: false, jobTemplate: { spec: job } } },
    HorizontalPodAutoscaler: {
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nobody' },
        maxReplicas: 3,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
          },
          {
            type: 'Resource',
            resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1024Mi' } },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      },
    },
    PodDisruptionBudget: { spec: { maxUnavailable: 0, selector } },
    Ingress: {
      spec: {
        rules: [
          {
            host: 'web.example.org',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'web', port: { number: 80 } } },
                },
              ],
            },
          },
        ],
        tls: [{ hosts: ['web.example.org'], secretName: 'tls' }],
      },
    },
    NetworkPolicy: {
      spec: {
        podSelector: {},
        ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 80 }] }],
        egress: [{}],
        policyTypes: ['Ingress', 'Egress'],
      },
    },
    Role: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    RoleBinding: {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'nobody' },
      subjects: [
        { kind: 'ServiceAccount', name: 'default', namespace: 'default' },
        { kind: 'User', name: 'nobody' },
      ],
    },
  };
}

kubernetesContract('drift', (bench) => {
  const name = uniqueName('drift');
  const made: Manifest[] = [];

  before(async () => {
    const apis = new ServedApis(bench.connection);
    for (const [kind, rest] of Object.entries(manifests(bench.cluster.image))) {
      const apiVersion = await apis.apiVersionOf(kind as ManagedKindName);
      assert.ok(apiVersion !== undefined, kind);
      const metadata = { name, namespace: bench.namespace, labels: { app: 'drift' } };
      made.push({ apiVersion, kind, metadata, ...rest });
    }
  });

  it('there is none in what the server has made of any manifest', async () => {
    for (const manifest of made) {
      const { object } = await applyObject(bench.connection, manifest);
      assert.deepEqual(differences(manifest, object), [], manifest.kind);
      const read = await readObject(bench.connection, referenceOf(manifest));
      assert.ok(read !== undefined);
      assert.deepEqual(differences(manifest, read), [], manifest.kind);
    }
  });

  it('what somebody changes is seen, until it is applied again', async () => {
    const manifest = made.find(({ kind }) => kind === 'Deployment');
    assert.ok(manifest !== undefined);
    const path = objectPath(referenceOf(manifest));
    const container = (live: Thing): Thing => live['spec'].template.spec.containers[0];
    const live = await bench.get(path);
    const containers = [
      { ...container(live), image: 'another:2', env: [{ name: 'EMPTY', value: '' }] },
      { name: 'injected', image: 'sidecar:1' },
    ];
    const patch = {
      metadata: { labels: { app: 'other' } },
      spec: { replicas: 1, template: { spec: { containers } } },
    };
    const query = { fieldManager: 'somebody' };
    const changed = await bench.patch(path, patch, { type: MERGE_PATCH, query });
    const where = 'spec.template.spec.containers[name="web"]';
    assert.deepEqual(
      differences(manifest, changed).map(({ path }) => path),
      [
        'metadata.labels.app',
        'spec.replicas',
        `${where}.image`,
        ...['NODE', 'CPU', 'KEY'].map((name) => `${where}.env[name="${name}"]`),
      ],
    );
    const { object } = await applyObject(bench.connection, manifest, { force: true });
    assert.deepEqual(differences(manifest, object), []);
  });
});
