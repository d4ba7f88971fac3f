import { isFields, listOf, type Fields } from '../objects.ts';

/** The fields that there are, for finding those that are misspelled; undefined: not looked into. */
interface Shape {
  readonly [field: string]: Shape | undefined;
}

function shape(names: string, inner: Readonly<Record<string, Shape>> = {}): Shape {
  return { ...Object.fromEntries(names.split(' ').map((name) => [name, undefined])), ...inner };
}

const METADATA = shape(
  'name generateName namespace uid resourceVersion generation creationTimestamp deletionTimestamp ' +
    'deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields selfLink clusterName',
);
const PROBE = shape(
  'exec httpGet tcpSocket grpc initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold ' +
    'terminationGracePeriodSeconds',
);
const CONTAINER = shape(
  'name image command args workingDir env envFrom resizePolicy restartPolicy restartPolicyRules volumeDevices ' +
    'lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy stdin stdinOnce tty targetContainerName',
  {
    ports: shape('name hostPort containerPort protocol hostIP'),
    resources: shape('limits requests claims'),
    volumeMounts: shape('name readOnly recursiveReadOnly mountPath subPath mountPropagation subPathExpr'),
    livenessProbe: PROBE,
    readinessProbe: PROBE,
    startupProbe: PROBE,
    securityContext: shape(
      'capabilities privileged seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot readOnlyRootFilesystem ' +
        'allowPrivilegeEscalation procMount seccompProfile appArmorProfile',
    ),
  },
);
const POD_SPEC = shape(
  'volumes restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName ' +
    'serviceAccount automountServiceAccountToken nodeName hostNetwork hostPID hostIPC shareProcessNamespace ' +
    'imagePullSecrets hostname subdomain affinity schedulerName tolerations hostAliases priorityClassName priority ' +
    'dnsConfig readinessGates runtimeClassName enableServiceLinks preemptionPolicy overhead topologySpreadConstraints ' +
    'setHostnameAsFQDN os hostUsers schedulingGates resourceClaims resources hostnameOverride',
  {
    containers: CONTAINER,
    initContainers: CONTAINER,
    ephemeralContainers: CONTAINER,
    securityContext: shape(
      'seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy ' +
        'fsGroup sysctls fsGroupChangePolicy seccompProfile appArmorProfile seLinuxChangePolicy',
    ),
  },
);
const TEMPLATE = shape('', { metadata: METADATA, spec: POD_SPEC });
const JOB = shape(
  'parallelism completions activeDeadlineSeconds podFailurePolicy successPolicy backoffLimit backoffLimitPerIndex ' +
    'maxFailedIndexes selector manualSelector ttlSecondsAfterFinished completionMode suspend podReplacementPolicy managedBy',
  { template: TEMPLATE },
);
const DATA = 'data binaryData immutable';

/** Beside `apiVersion`, `kind`, `metadata` and `status`. */
const KINDS: Readonly<Record<string, Shape>> = {
  ConfigMap: shape(DATA),
  Secret: shape(`${DATA} stringData type`),
  ServiceAccount: shape('secrets imagePullSecrets automountServiceAccountToken'),
  Role: shape('rules'),
  RoleBinding: shape('subjects roleRef'),
  ClusterRole: shape('rules aggregationRule'),
  ClusterRoleBinding: shape('subjects roleRef'),
  PriorityClass: shape('value globalDefault description preemptionPolicy'),
  Namespace: shape('spec'),
  Pod: shape('', { spec: POD_SPEC }),
  Deployment: shape('', {
    spec: shape(
      'replicas selector strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds',
      { template: TEMPLATE },
    ),
  }),
  StatefulSet: shape('', {
    spec: shape(
      'replicas selector volumeClaimTemplates serviceName podManagementPolicy updateStrategy revisionHistoryLimit ' +
        'minReadySeconds persistentVolumeClaimRetentionPolicy ordinals',
      { template: TEMPLATE },
    ),
  }),
  DaemonSet: shape('', {
    spec: shape('selector updateStrategy minReadySeconds revisionHistoryLimit', { template: TEMPLATE }),
  }),
  Job: shape('', { spec: JOB }),
  CronJob: shape('', {
    spec: shape(
      'schedule timeZone startingDeadlineSeconds concurrencyPolicy suspend successfulJobsHistoryLimit failedJobsHistoryLimit',
      { jobTemplate: shape('', { metadata: METADATA, spec: JOB }) },
    ),
  }),
  Service: shape('', {
    spec: shape(
      'selector clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP loadBalancerSourceRanges externalName ' +
        'externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig ipFamilies ipFamilyPolicy ' +
        'allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution topologyKeys ipFamily',
      { ports: shape('name protocol appProtocol port targetPort nodePort') },
    ),
  }),
};

/** Path of the first field that an object of a kind does not have; undefined when all is known, or the kind is not. */
export function unknownField(kind: string, object: Fields): string | undefined {
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined) return undefined;
  return unknownIn({ ...known, ...shape('apiVersion kind status'), metadata: METADATA }, object, '');
}

function unknownIn(known: Shape, value: unknown, path: string): string | undefined {
  for (const item of Array.isArray(value) ? listOf(value) : [value]) {
    if (!isFields(item)) continue;
    for (const [name, inner] of Object.entries(item)) {
      const here = `${path}.${name}`;
      if (!Object.hasOwn(known, name)) return here;
      const next = known[name];
      const found = next === undefined ? undefined : unknownIn(next, inner, here);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
