import {
  ContainerPath,
  type Container,
  type ContainerPort,
  type ContainerSecurity,
  type InitContainer,
  type Resources,
} from '@cetus/shared/schemas';
import type { Mapping } from '../mapping.ts';
import type { Names } from '../names.ts';
import { given, matches, nonEmpty, quantity } from '../values.ts';
import { environmentOf } from './environment.ts';
import { probeOf } from './probes.ts';
import { securityOf } from './security.ts';
import type { WorkloadStorage } from './storage.ts';

/** What the containers of a pod have in common. */
export interface PodFacts {
  storage: WorkloadStorage;
  names: Names;
  /** What the pod says of all its containers. */
  security: ContainerSecurity;
}

/** A container that runs before the others. */
export function initContainerOf(container: Mapping, pod: PodFacts): InitContainer {
  const made = partsOf(container, pod);
  container.tell({
    restartPolicy: [
      'lost',
      'It runs to its end before the others begin: there are no sidecars of this kind.',
    ],
    ports: ['lost', 'A container that runs before the others has no ports.'],
    livenessProbe: ['lost', 'It runs to its end.'],
    readinessProbe: ['lost', 'It runs to its end.'],
    startupProbe: ['lost', 'It runs to its end.'],
    lifecycle: ['lost', 'It runs to its end.'],
  });
  tellRest(container);
  return made;
}

export function containerOf(container: Mapping, pod: PodFacts): Container {
  const parts = partsOf(container, pod);
  const ports = portsOf(container);
  const made = given<Container>({
    ...parts,
    ports: ports.length === 0 ? undefined : ports,
    liveness_probe: probeOf(container, 'livenessProbe', ports),
    readiness_probe: probeOf(container, 'readinessProbe', ports),
    startup_probe: probeOf(container, 'startupProbe', ports),
    pre_stop_command: preStopOf(container),
    tty: container.flag('tty') === true ? true : undefined,
    stdin: container.flag('stdin') === true ? true : undefined,
  });
  tellRest(container);
  return made;
}

function partsOf(container: Mapping, { storage, names, security }: PodFacts): InitContainer {
  const wanted = container.text('name') ?? '';
  const name = names.take(wanted);
  if (name !== wanted) container.at.in('name').changed(`The container is called ${name}.`);
  const mounts = storage.mountsOf(container);
  const env = environmentOf(container, storage);
  return given<InitContainer>({
    name,
    image: container.text('image') ?? '',
    image_pull_policy: pullPolicy(container),
    command: wordsOf(container, 'command'),
    args: wordsOf(container, 'args'),
    working_dir: workingDir(container),
    env: env.length === 0 ? undefined : env,
    resources: resourcesOf(container),
    mounts: mounts.length === 0 ? undefined : mounts,
    security: nonEmpty({ ...security, ...securityOf(container) }),
  });
}

function tellRest(container: Mapping): void {
  container.usual({
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  container.tell({
    resizePolicy: ['lost', 'It is not carried over.'],
    stdinOnce: ['lost', 'The input stays open.'],
    terminationMessagePath: ['lost', 'It is as it is when nothing is said.'],
    terminationMessagePolicy: ['lost', 'It is as it is when nothing is said.'],
    volumeDevices: ['lost', 'Volumes are file systems.'],
  });
  container.rest();
}

function wordsOf(container: Mapping, key: 'command' | 'args'): string[] | undefined {
  const words = container.texts(key);
  return words.length === 0 ? undefined : words;
}

function workingDir(container: Mapping): string | undefined {
  const path = container.text('workingDir') || undefined;
  if (path === undefined || matches(ContainerPath, path)) return path;
  container.at.in('workingDir').lost('It must be an absolute path without a colon.');
  return undefined;
}

function pullPolicy(container: Mapping): Container['image_pull_policy'] {
  const policy = container.text('imagePullPolicy');
  if (policy === undefined || policy === 'Always' || policy === 'IfNotPresent' || policy === 'Never')
    return policy;
  container.at.in('imagePullPolicy').lost('It must be Always, IfNotPresent or Never.');
  return undefined;
}

function portsOf(container: Mapping): ContainerPort[] {
  const seen = new Set<string>();
  return container.mappings('ports').flatMap((port): ContainerPort[] => {
    const number = port.integer('containerPort', 1, 65_535);
    const protocol = port.text('protocol') ?? 'TCP';
    const name = port.text('name') || undefined;
    port.tell({
      hostPort: ['lost', 'Ports of nodes are given by the exposure.'],
      hostIP: ['lost', 'Ports of nodes are given by the exposure.'],
    });
    port.rest();
    if (number === undefined || (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP')) {
      port.at.lost('It is not a port of TCP, UDP or SCTP.');
      return [];
    }
    const key = `${String(number)}/${protocol}`;
    if (seen.has(key)) {
      port.at.lost('The same port is there already.');
      return [];
    }
    seen.add(key);
    return [given({ name, port: number, protocol: protocol === 'TCP' ? undefined : protocol })];
  });
}

function resourcesOf(container: Mapping): Resources | undefined {
  const resources = container.mapping('resources');
  if (resources === undefined) return undefined;
  const amounts = (side: 'requests' | 'limits') => {
    const part = resources.mapping(side);
    if (part === undefined) return undefined;
    const amount = (key: string) => quantity(part.text(key), part.at.in(key));
    const made = nonEmpty(
      given<NonNullable<Resources['limits']>>({
        cpu: amount('cpu'),
        memory: amount('memory'),
        ephemeral_storage: amount('ephemeral-storage'),
      }),
    );
    part.rest('Applications ask for processors, memory and disk of nodes alone.');
    return made;
  };
  const made = nonEmpty(given<Resources>({ requests: amounts('requests'), limits: amounts('limits') }));
  resources.rest();
  return made;
}

function preStopOf(container: Mapping): string[] | undefined {
  const lifecycle = container.mapping('lifecycle');
  const preStop = lifecycle?.mapping('preStop');
  const exec = preStop?.mapping('exec');
  const command = exec?.texts('command') ?? [];
  exec?.rest();
  preStop?.rest('Before the end only a command is run.');
  lifecycle?.tell({ postStart: ['lost', 'Nothing is run after the beginning.'] });
  lifecycle?.rest();
  return command.length === 0 ? undefined : command;
}
