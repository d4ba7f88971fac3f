import { canonicalQuantity } from '@cetus/shared/applications';
import type {
  Container,
  ContainerSecurity,
  EnvironmentVariable,
  InitContainer,
  Probe,
  Resources,
} from '@cetus/shared/schemas';
import { given, nonEmpty, type Fields, type ManifestInput } from './input.ts';
import { secretName } from './names.ts';
import { volumeMounts } from './volumes.ts';

/** A container that runs before the others. */
export function initContainer(input: ManifestInput, container: InitContainer): Fields {
  const { name, image, command, args, working_dir, resources } = container;
  return given({
    name,
    image,
    imagePullPolicy: container.image_pull_policy ?? defaultPullPolicy(image),
    command: nonEmpty(command),
    args: nonEmpty(args),
    workingDir: working_dir,
    env: nonEmpty((container.env ?? []).map((variable) => environmentVariable(input, variable))),
    resources: resources === undefined ? undefined : nonEmpty(resourcesOf(resources)),
    volumeMounts: volumeMounts(input, container),
    securityContext: securityContext(container.security),
  });
}

export function container(input: ManifestInput, form: Container): Fields {
  const { pre_stop_command: command } = form;
  return given({
    ...initContainer(input, form),
    ports: nonEmpty((form.ports ?? []).map((port) => containerPort(input, port))),
    livenessProbe: probe(form.liveness_probe),
    readinessProbe: probe(form.readiness_probe),
    startupProbe: probe(form.startup_probe),
    lifecycle: command === undefined ? undefined : { preStop: { exec: { command } } },
    stdin: nonEmpty(form.stdin),
    tty: nonEmpty(form.tty),
  });
}

/**
 * What the API server sets when nothing is said, when it sees the first image. It would not change it for the next one, so it is said.
 * Source: SetDefaults_Container of Kubernetes' core/v1
 */
function defaultPullPolicy(image: string): string {
  const [reference = '', digest] = image.split('@');
  const tag = /:([^:/]+)$/.exec(reference)?.[1] ?? (digest === undefined ? 'latest' : '');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function environmentVariable(
  { application, spec }: ManifestInput,
  { name, value, secret }: EnvironmentVariable,
): Fields {
  if (secret === undefined) return given({ name, value: nonEmpty(value) });
  const secretKeyRef = { name: secretName(application.name, spec, secret.name), key: secret.key };
  return { name, valueFrom: { secretKeyRef } };
}

function containerPort(
  { spec }: ManifestInput,
  { name, port, protocol = 'TCP' }: NonNullable<Container['ports']>[number],
): Fields {
  // On the network of the node it is the node's port, which older API servers set and would keep.
  const hostPort = spec.host_network === true ? port : undefined;
  return given({ name, containerPort: port, hostPort, protocol });
}

function resourcesOf({ requests, limits }: Resources): Fields {
  return given({ requests: amounts(requests), limits: amounts(limits) });
}

function amounts(form: Resources['requests']): Fields | undefined {
  if (form === undefined) return undefined;
  const { cpu, memory, ephemeral_storage: storage } = form;
  return nonEmpty(
    given({
      cpu: cpu === undefined ? undefined : canonicalQuantity(cpu),
      memory: memory === undefined ? undefined : canonicalQuantity(memory),
      'ephemeral-storage': storage === undefined ? undefined : canonicalQuantity(storage),
    }),
  );
}

/** Path and scheme are what the API server would set: unless they go with the rest, the probe cannot become one of another kind. */
function probe(form: Probe | undefined): Fields | undefined {
  if (form === undefined) return undefined;
  const { http, tcp, exec } = form;
  return given({
    httpGet:
      http === undefined
        ? undefined
        : { path: http.path ?? '/', port: http.port, scheme: http.scheme ?? 'HTTP' },
    tcpSocket: tcp === undefined ? undefined : { port: tcp.port },
    exec: exec === undefined ? undefined : { command: exec.command },
    initialDelaySeconds: nonEmpty(form.initial_delay_seconds),
    periodSeconds: form.period_seconds,
    timeoutSeconds: form.timeout_seconds,
    successThreshold: form.success_threshold,
    failureThreshold: form.failure_threshold,
  });
}

/** Nobody gets more rights than the process had that began, so that the site's `baseline` is met. */
function securityContext(security: ContainerSecurity = {}): Fields {
  const { privileged = false, drop_capabilities: drop = [] } = security;
  return given({
    ...(privileged ? { privileged } : { allowPrivilegeEscalation: false }),
    runAsUser: security.run_as_user,
    runAsGroup: security.run_as_group,
    runAsNonRoot: security.run_as_non_root,
    readOnlyRootFilesystem: security.read_only_root_filesystem,
    capabilities: drop.length === 0 ? undefined : { drop },
  });
}
