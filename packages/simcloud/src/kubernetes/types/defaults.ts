import { fieldsOf, isFields, listOf, type Fields, type KubeObject } from '../objects.ts';

/** Sets fields that are not set. */
function fill(target: Fields, values: Fields): void {
  for (const [name, value] of Object.entries(values)) if (target[name] === undefined) target[name] = value;
}

/** The map of a field, made when it is not there. */
function inside(target: Fields, name: string): Fields {
  if (!isFields(target[name])) target[name] = {};
  return target[name] as Fields;
}

function specOf(object: KubeObject): Fields {
  return inside(object, 'spec');
}

function probe(value: unknown): void {
  if (!isFields(value)) return;
  fill(value, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  if (isFields(value['httpGet'])) fill(value['httpGet'], { path: '/', scheme: 'HTTP' });
}

function container(value: unknown): void {
  if (!isFields(value)) return;
  const image = typeof value['image'] === 'string' ? value['image'] : '';
  const tag = /(?::([^/@]+))?(?:@.+)?$/.exec(image)?.[1];
  fill(value, {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy:
      (tag === undefined && !image.includes('@')) || tag === 'latest' ? 'Always' : 'IfNotPresent',
  });
  for (const port of listOf<Fields>(value['ports'])) fill(port, { protocol: 'TCP' });
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) probe(value[name]);
  for (const variable of listOf<Fields>(value['env'])) {
    const field = fieldsOf(variable['valueFrom'])['fieldRef'];
    if (isFields(field)) fill(field, { apiVersion: 'v1' });
  }
  // A limit is a request, when there is none.
  const resources = inside(value, 'resources');
  if (isFields(resources['limits'])) fill(inside(resources, 'requests'), resources['limits']);
}

function volumeSource(volume: Fields): void {
  const modes: Record<string, Fields> = {
    secret: { defaultMode: 420 },
    configMap: { defaultMode: 420 },
    projected: { defaultMode: 420 },
    downwardAPI: { defaultMode: 420 },
    hostPath: { type: '' },
  };
  for (const [name, values] of Object.entries(modes)) if (isFields(volume[name])) fill(volume[name], values);
}

function podSpec(spec: Fields): void {
  fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  if (spec['serviceAccountName'] !== undefined) fill(spec, { serviceAccount: spec['serviceAccountName'] });
  for (const name of ['containers', 'initContainers']) listOf(spec[name]).forEach(container);
  for (const volume of listOf<Fields>(spec['volumes'])) volumeSource(volume);
}

function template(spec: Fields): void {
  const found = inside(spec, 'template');
  const metadata = inside(found, 'metadata');
  if (metadata['creationTimestamp'] === undefined) metadata['creationTimestamp'] = null;
  podSpec(inside(found, 'spec'));
}

const TOLERATED_SECONDS = 300;

export function pod(object: KubeObject): void {
  const spec = specOf(object);
  podSpec(spec);
  fill(spec, {
    serviceAccountName: 'default',
    serviceAccount: 'default',
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    priority: 0,
    tolerations: [],
  });
  const tolerations = spec['tolerations'] as Fields[];
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const isThere = tolerations.some(
      (one) =>
        (one['key'] === key || one['key'] === undefined) && (one['effect'] ?? 'NoExecute') === 'NoExecute',
    );
    if (!isThere)
      tolerations.push({
        effect: 'NoExecute',
        key,
        operator: 'Exists',
        tolerationSeconds: TOLERATED_SECONDS,
      });
  }
  fill(inside(object, 'status'), { phase: 'Pending', qosClass: qualityClass(spec) });
}

/** Guaranteed, Burstable or BestEffort. */
function qualityClass(spec: Fields): string {
  const resources = [...listOf<Fields>(spec['containers']), ...listOf<Fields>(spec['initContainers'])].map(
    (one) => fieldsOf(one['resources']),
  );
  if (
    resources.every(
      (one) => Object.keys({ ...fieldsOf(one['requests']), ...fieldsOf(one['limits']) }).length === 0,
    )
  )
    return 'BestEffort';
  const isGuaranteed = resources.every((one) =>
    ['cpu', 'memory'].every((name) => {
      const limit = fieldsOf(one['limits'])[name];
      return limit !== undefined && limit === fieldsOf(one['requests'])[name];
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

export function podTemplate(object: KubeObject): void {
  template(object);
}

export function replicationController(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { replicas: 1 });
  template(spec);
  fill(spec, { selector: fieldsOf(fieldsOf(spec['template'])['metadata'])['labels'] ?? {} });
}

export function deployment(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const strategy = inside(spec, 'strategy');
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy['type'] === 'RollingUpdate')
    fill(inside(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
  template(spec);
}

export function replicaSet(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { replicas: 1 });
  template(spec);
}

export function statefulSet(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady', serviceName: '' });
  const strategy = inside(spec, 'updateStrategy');
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy['type'] === 'RollingUpdate') fill(inside(strategy, 'rollingUpdate'), { partition: 0 });
  template(spec);
  for (const claim of listOf<Fields>(spec['volumeClaimTemplates'])) {
    fill(claim, { kind: 'PersistentVolumeClaim', apiVersion: 'v1' });
    fill(inside(claim, 'spec'), { volumeMode: 'Filesystem' });
    fill(inside(claim, 'status'), { phase: 'Pending' });
  }
}

export function daemonSet(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { revisionHistoryLimit: 10 });
  const strategy = inside(spec, 'updateStrategy');
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy['type'] === 'RollingUpdate')
    fill(inside(strategy, 'rollingUpdate'), { maxUnavailable: 1, maxSurge: 0 });
  template(spec);
}

function jobSpec(spec: Fields): void {
  fill(spec, {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
  });
  template(spec);
}

/** A job's selector and labels are its uid, unless `manualSelector` says otherwise. */
export function job(object: KubeObject): void {
  const spec = specOf(object);
  jobSpec(spec);
  const { uid, name } = object.metadata;
  if (uid === '' || spec['manualSelector'] === true || spec['selector'] !== undefined) return;
  const labels = inside(inside(fieldsOf(spec['template']), 'metadata'), 'labels');
  labels['controller-uid'] = uid;
  labels['job-name'] = name;
  spec['selector'] = { matchLabels: { 'controller-uid': uid } };
}

export function cronJob(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, {
    concurrencyPolicy: 'Allow',
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
  const jobTemplate = inside(spec, 'jobTemplate');
  const metadata = inside(jobTemplate, 'metadata');
  if (metadata['creationTimestamp'] === undefined) metadata['creationTimestamp'] = null;
  template(inside(jobTemplate, 'spec'));
}

export function service(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
  for (const port of listOf<Fields>(spec['ports'])) {
    fill(port, { protocol: 'TCP' });
    if (spec['type'] !== 'ExternalName') fill(port, { targetPort: port['port'] });
  }
  if (spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer')
    fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (spec['type'] === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
  fill(inside(object, 'status'), { loadBalancer: {} });
}

/** `stringData` is written into `data`, and gone. */
export function secret(object: KubeObject): void {
  fill(object, { type: 'Opaque' });
  const texts = object['stringData'];
  if (!isFields(texts)) return;
  const data = inside(object, 'data');
  for (const [name, text] of Object.entries(texts))
    data[name] = Buffer.from(String(text), 'utf8').toString('base64');
  delete object['stringData'];
}

export function volumeClaim(object: KubeObject): void {
  fill(specOf(object), { volumeMode: 'Filesystem' });
  fill(inside(object, 'status'), { phase: 'Pending' });
}

export function volume(object: KubeObject): void {
  fill(specOf(object), { volumeMode: 'Filesystem', persistentVolumeReclaimPolicy: 'Retain' });
  fill(inside(object, 'status'), { phase: 'Pending' });
}

export function storageClass(object: KubeObject): void {
  fill(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
}

export function priorityClass(object: KubeObject): void {
  fill(object, { value: 0, preemptionPolicy: 'PreemptLowerPriority' });
}

export function networkPolicy(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { podSelector: {} });
  for (const rule of [...listOf<Fields>(spec['ingress']), ...listOf<Fields>(spec['egress'])])
    for (const port of listOf<Fields>(rule['ports'])) fill(port, { protocol: 'TCP' });
  fill(spec, { policyTypes: spec['egress'] === undefined ? ['Ingress'] : ['Ingress', 'Egress'] });
}

export function roleBinding(object: KubeObject): void {
  fill(inside(object, 'roleRef'), { apiGroup: 'rbac.authorization.k8s.io' });
  for (const subject of listOf<Fields>(object['subjects']))
    fill(subject, subject['kind'] === 'ServiceAccount' ? {} : { apiGroup: 'rbac.authorization.k8s.io' });
}

export function autoscaler(object: KubeObject): void {
  const spec = specOf(object);
  fill(spec, { minReplicas: 1 });
  if (listOf(spec['metrics']).length === 0) {
    spec['metrics'] = [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ];
  }
}

/** What a new range says of containers without saying it. */
export function limitRange(object: KubeObject): void {
  for (const item of listOf<Fields>(specOf(object)['limits'])) {
    if (!isFields(item) || item['type'] !== 'Container') continue;
    const [most, least] = [fieldsOf(item['max']), fieldsOf(item['min'])];
    const limits = { ...most, ...fieldsOf(item['default']) };
    const requests = { ...least, ...limits, ...fieldsOf(item['defaultRequest']) };
    if (Object.keys(limits).length > 0) item['default'] = limits;
    if (Object.keys(requests).length > 0) item['defaultRequest'] = requests;
  }
}
