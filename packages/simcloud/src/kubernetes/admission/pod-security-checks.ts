import { at, fieldsOf, isFields, listOf, textOf, type Fields } from '../objects.ts';

/** A pod, or the template of one. */
export interface PodShape {
  annotations: Readonly<Record<string, string>>;
  spec: Fields;
}

/** What is wrong with a pod, in Kubernetes' words. */
export interface Violation {
  reason: string;
  detail: string;
}

/** One control of the Pod Security Standards. */
export interface Check {
  level: 'baseline' | 'restricted';
  /** A check of the baseline that this one takes the place of. */
  replaces?: Check;
  find(pod: PodShape): Violation | undefined;
}

function containersOf({ spec }: PodShape): Fields[] {
  return ['initContainers', 'containers', 'ephemeralContainers'].flatMap((list) =>
    listOf<Fields>(spec[list]),
  );
}

/** A field of a container's security context. */
function secured(container: Fields, ...path: string[]): unknown {
  return at(container['securityContext'], ...path);
}

function quoted(values: Iterable<unknown>): string {
  return [...values].map((value) => JSON.stringify(value)).join(', ');
}

function plural(one: string, more: string, count: number): string {
  return count === 1 ? one : more;
}

function named(containers: readonly Fields[]): string {
  const names = containers.map((container) => container['name']);
  return `${plural('container', 'containers', names.length)} ${quoted(names)}`;
}

/** `pod and container "a"`: who has set something. */
function setters(isPod: boolean, containers: readonly Fields[]): string {
  return [...(isPod ? ['pod'] : []), ...(containers.length > 0 ? [named(containers)] : [])].join(' and ');
}

function sortedSet(values: Iterable<unknown>): string[] {
  return [...new Set([...values].map(String))].sort();
}

const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';

const appArmorProfile: Check = {
  level: 'baseline',
  find: ({ annotations }) => {
    const bad = Object.entries(annotations)
      .filter(([key]) => key.startsWith(APP_ARMOR))
      .filter(
        ([, profile]) => profile !== '' && profile !== 'runtime/default' && !profile.startsWith('localhost/'),
      )
      .map(([key, profile]) => `${key}=${JSON.stringify(profile)}`)
      .sort();
    const reason = plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', bad.length);
    return bad.length === 0 ? undefined : { reason, detail: bad.join(', ') };
  },
};

const DEFAULT_CAPABILITIES = new Set(
  (
    'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID ' +
    'SYS_CHROOT'
  ).split(' '),
);

function addedBeyond(pod: PodShape, allowed: ReadonlySet<unknown>): { bad: Fields[]; text: string } {
  const forbidden = (container: Fields): unknown[] =>
    listOf(secured(container, 'capabilities', 'add')).filter((one) => !allowed.has(one));
  const bad = containersOf(pod).filter((container) => forbidden(container).length > 0);
  const names = quoted(sortedSet(bad.flatMap(forbidden)));
  return { bad, text: `${named(bad)} must not include ${names} in securityContext.capabilities.add` };
}

const capabilitiesBaseline: Check = {
  level: 'baseline',
  find: (pod) => {
    const { bad, text } = addedBeyond(pod, DEFAULT_CAPABILITIES);
    return bad.length === 0 ? undefined : { reason: 'non-default capabilities', detail: text };
  },
};

const hostNamespaces: Check = {
  level: 'baseline',
  find: ({ spec }) => {
    const set = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name] === true);
    if (set.length === 0) return undefined;
    return { reason: 'host namespaces', detail: set.map((name) => `${name}=true`).join(', ') };
  },
};

const hostPathVolumes: Check = {
  level: 'baseline',
  find: ({ spec }) => {
    const names = listOf<Fields>(spec['volumes'])
      .filter((volume) => isFields(volume['hostPath']))
      .map((volume) => volume['name']);
    if (names.length === 0) return undefined;
    const detail = `${plural('volume', 'volumes', names.length)} ${quoted(names)}`;
    return { reason: 'hostPath volumes', detail };
  },
};

const hostPorts: Check = {
  level: 'baseline',
  find: (pod) => {
    const portsOf = (container: Fields): unknown[] =>
      listOf<Fields>(container['ports'])
        .map((port) => port['hostPort'] ?? 0)
        .filter((port) => port !== 0);
    const bad = containersOf(pod).filter((container) => portsOf(container).length > 0);
    if (bad.length === 0) return undefined;
    const ports = sortedSet(bad.flatMap(portsOf));
    const use = plural('uses', 'use', bad.length);
    const detail = `${named(bad)} ${use} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`;
    return { reason: 'hostPort', detail };
  },
};

const privileged: Check = {
  level: 'baseline',
  find: (pod) => {
    const bad = containersOf(pod).filter((container) => secured(container, 'privileged') === true);
    if (bad.length === 0) return undefined;
    return { reason: 'privileged', detail: `${named(bad)} must not set securityContext.privileged=true` };
  },
};

const procMount: Check = {
  level: 'baseline',
  find: (pod) => {
    const mountOf = (container: Fields): unknown => secured(container, 'procMount') ?? 'Default';
    const bad = containersOf(pod).filter((container) => mountOf(container) !== 'Default');
    if (bad.length === 0) return undefined;
    const types = quoted(sortedSet(bad.map(mountOf)));
    return {
      reason: 'procMount',
      detail: `${named(bad)} must not set securityContext.procMount to ${types}`,
    };
  },
};

const SE_LINUX_TYPES = new Set([
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
]);

const seLinuxOptions: Check = {
  level: 'baseline',
  find: (pod) => {
    const isBad = (options: Fields): boolean =>
      !SE_LINUX_TYPES.has(textOf(options['type'])) || Boolean(options['user']) || Boolean(options['role']);
    const ofPod = fieldsOf(at(pod.spec['securityContext'], 'seLinuxOptions'));
    const ofContainer = (container: Fields): Fields => fieldsOf(secured(container, 'seLinuxOptions'));
    const bad = containersOf(pod).filter((container) => isBad(ofContainer(container)));
    if (!isBad(ofPod) && bad.length === 0) return undefined;
    const all = [ofPod, ...bad.map(ofContainer)].filter(isBad);
    const types = sortedSet(
      all.map((one) => one['type'] ?? '').filter((one) => !SE_LINUX_TYPES.has(textOf(one))),
    );
    const what = [
      ...(types.length > 0 ? [`${plural('type', 'types', types.length)} ${quoted(types)}`] : []),
      ...['user', 'role']
        .filter((name) => all.some((one) => one[name]))
        .map((name) => `${name} may not be set`),
    ];
    const who = setters(isBad(ofPod), bad);
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
    };
  },
};

const SECCOMP_TYPES = new Set<unknown>(['RuntimeDefault', 'Localhost']);
const seccompOf = (context: unknown): unknown => at(context, 'seccompProfile', 'type');

function badSeccomp(pod: PodShape): Violation | undefined {
  const isBad = (type: unknown): boolean => type !== undefined && !SECCOMP_TYPES.has(type);
  const ofPod = seccompOf(pod.spec['securityContext']);
  const bad = containersOf(pod).filter((container) => isBad(seccompOf(container['securityContext'])));
  if (!isBad(ofPod) && bad.length === 0) return undefined;
  const types = [ofPod, ...bad.map((container) => seccompOf(container['securityContext']))].filter(isBad);
  const who = setters(isBad(ofPod), bad);
  const detail = `${who} must not set securityContext.seccompProfile.type to ${quoted(sortedSet(types))}`;
  return { reason: 'seccompProfile', detail };
}

const seccompBaseline: Check = { level: 'baseline', find: badSeccomp };

const SAFE_SYSCTLS = new Set<unknown>(
  (
    'kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range ' +
    'net.ipv4.ip_unprivileged_port_start net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time ' +
    'net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes'
  ).split(' '),
);

const sysctls: Check = {
  level: 'baseline',
  find: ({ spec }) => {
    const bad = listOf<Fields>(at(spec['securityContext'], 'sysctls'))
      .map((one) => one['name'])
      .filter((name) => !SAFE_SYSCTLS.has(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  },
};

const windowsHostProcess: Check = {
  level: 'baseline',
  find: (pod) => {
    const isSet = (context: unknown): boolean => at(context, 'windowsOptions', 'hostProcess') === true;
    const isPod = isSet(pod.spec['securityContext']);
    const bad = containersOf(pod).filter((container) => isSet(container['securityContext']));
    if (!isPod && bad.length === 0) return undefined;
    const detail = `${setters(isPod, bad)} must not set securityContext.windowsOptions.hostProcess=true`;
    return { reason: 'hostProcess', detail };
  },
};

const allowPrivilegeEscalation: Check = {
  level: 'restricted',
  find: (pod) => {
    const bad = containersOf(pod).filter((one) => secured(one, 'allowPrivilegeEscalation') !== false);
    if (bad.length === 0) return undefined;
    return {
      reason: 'allowPrivilegeEscalation != false',
      detail: `${named(bad)} must set securityContext.allowPrivilegeEscalation=false`,
    };
  },
};

const capabilitiesRestricted: Check = {
  level: 'restricted',
  replaces: capabilitiesBaseline,
  find: (pod) => {
    const keeping = containersOf(pod).filter(
      (container) => !listOf(secured(container, 'capabilities', 'drop')).includes('ALL'),
    );
    const { bad, text } = addedBeyond(pod, new Set(['NET_BIND_SERVICE']));
    const details = [
      ...(keeping.length > 0 ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(bad.length > 0 ? [text] : []),
    ];
    if (details.length === 0) return undefined;
    return { reason: 'unrestricted capabilities', detail: details.join('; ') };
  },
};

const VOLUME_TYPES = new Set(
  'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret'.split(' '),
);

const restrictedVolumes: Check = {
  level: 'restricted',
  replaces: hostPathVolumes,
  find: ({ spec }) => {
    const typeOf = (volume: Fields): string | undefined =>
      Object.keys(volume).find((key) => key !== 'name' && !VOLUME_TYPES.has(key));
    const bad = listOf<Fields>(spec['volumes']).filter((volume) => typeOf(volume) !== undefined);
    if (bad.length === 0) return undefined;
    const types = sortedSet(bad.map(typeOf));
    const detail = [
      plural('volume', 'volumes', bad.length),
      quoted(bad.map((volume) => volume['name'])),
      plural('uses', 'use', bad.length),
      plural('restricted volume type', 'restricted volume types', types.length),
      quoted(types),
    ].join(' ');
    return { reason: 'restricted volume types', detail };
  },
};

const runAsNonRoot: Check = {
  level: 'restricted',
  find: (pod) => {
    const reason = 'runAsNonRoot != true';
    const ofPod = at(pod.spec['securityContext'], 'runAsNonRoot');
    const containers = containersOf(pod);
    const bad = containers.filter((container) => secured(container, 'runAsNonRoot') === false);
    if (ofPod === false || bad.length > 0) {
      const detail = `${setters(ofPod === false, bad)} must not set securityContext.runAsNonRoot=false`;
      return { reason, detail };
    }
    const unsaid = containers.filter((container) => secured(container, 'runAsNonRoot') === undefined);
    if (ofPod === true || unsaid.length === 0) return undefined;
    return { reason, detail: `pod or ${named(unsaid)} must set securityContext.runAsNonRoot=true` };
  },
};

const runAsUser: Check = {
  level: 'restricted',
  find: (pod) => {
    const isPod = at(pod.spec['securityContext'], 'runAsUser') === 0;
    const bad = containersOf(pod).filter((container) => secured(container, 'runAsUser') === 0);
    if (!isPod && bad.length === 0) return undefined;
    return { reason: 'runAsUser=0', detail: `${setters(isPod, bad)} must not set runAsUser=0` };
  },
};

const seccompRestricted: Check = {
  level: 'restricted',
  replaces: seccompBaseline,
  find: (pod) => {
    const bad = badSeccomp(pod);
    if (bad !== undefined || seccompOf(pod.spec['securityContext']) !== undefined) return bad;
    const unsaid = containersOf(pod).filter((one) => seccompOf(one['securityContext']) === undefined);
    if (unsaid.length === 0) return undefined;
    const detail = `pod or ${named(unsaid)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
    return { reason: 'seccompProfile', detail };
  },
};

/** In the order in which their findings are told. Source: the Pod Security Standards. */
export const CHECKS: readonly Check[] = [
  appArmorProfile,
  capabilitiesBaseline,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  privileged,
  procMount,
  seLinuxOptions,
  seccompBaseline,
  sysctls,
  windowsHostProcess,
  allowPrivilegeEscalation,
  capabilitiesRestricted,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompRestricted,
];
