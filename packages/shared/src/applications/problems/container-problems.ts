import type { ApplicationForm, Container, InitContainer, Probe, Resources } from '../../schemas/index.ts';
import { compareQuantities, MAX_QUANTITY, wholeValue } from '../quantity.ts';
import { denied, exactlyOne, invalid, repeated, type Path, type Problem } from './problem.ts';

export function containersProblems(form: ApplicationForm, allowed: ReadonlySet<string>): Problem[] {
  const places = [
    ...form.containers.map((container, index) => ({ container, path: ['containers', index] })),
    ...(form.init_containers ?? []).map((container, index) => ({
      container,
      path: ['init_containers', index],
    })),
  ];
  const ports = form.containers.flatMap(({ ports = [] }, container) =>
    ports.map(({ name }, port) => ({ name, path: ['containers', container, 'ports', port] })),
  );
  return [
    ...repeated(places.map(({ container }) => container.name)).map(({ index, name }) =>
      invalid(
        [...(places[index]?.path ?? []), 'name'],
        `must be unique: another container is called ${name}`,
      ),
    ),
    // Others name a port without its container.
    ...repeated(ports.map(({ name }) => name)).map(({ index, name }) =>
      invalid([...(ports[index]?.path ?? []), 'name'], `must be unique: another port is called ${name}`),
    ),
    ...places.flatMap(({ container, path }) => [
      ...environmentProblems(container, path),
      ...mountProblems(container, path, form),
      ...resourceProblems(container.resources, [...path, 'resources']),
      ...securityProblems(container, path, allowed),
    ]),
    ...form.containers.flatMap((container, index) => ofContainer(container, ['containers', index])),
  ];
}

/** What a container promises and takes. */
export function resourceProblems(resources: Resources | undefined, path: Path): Problem[] {
  if (resources === undefined) return [];
  const problems: Problem[] = [];
  for (const side of ['requests', 'limits'] as const) {
    for (const [kind, amount] of Object.entries(resources[side] ?? {}))
      problems.push(...amountProblems(amount, [...path, side, kind]));
  }
  if (problems.length > 0) return problems;
  for (const kind of ['cpu', 'memory', 'ephemeral_storage'] as const) {
    const [request, limit] = [resources.requests?.[kind], resources.limits?.[kind]];
    if (request !== undefined && limit !== undefined && compareQuantities(request, limit) > 0)
      problems.push(invalid([...path, 'requests', kind], `must not be more than the limit, ${limit}`));
  }
  return problems;
}

/** An amount that Kubernetes can count. */
export function amountProblems(amount: string, path: Path): Problem[] {
  return wholeValue(amount) > MAX_QUANTITY ? [invalid(path, 'is more than can be counted')] : [];
}

/** Kubernetes takes fewer names for ports than for other parts. */
function portNameProblems(name: string | undefined, path: Path): Problem[] {
  if (name === undefined || (/[a-z]/.test(name) && !name.includes('--'))) return [];
  return [invalid(path, 'must have a letter, and no two `-` in a row')];
}

function ofContainer(container: Container, path: Path): Problem[] {
  const { ports = [] } = container;
  return [
    ...repeated(ports.map(({ port, protocol = 'TCP' }) => `${String(port)}/${protocol}`)).map(
      ({ index, name }) =>
        invalid([...path, 'ports', index, 'port'], `must be unique: ${name} is there twice`),
    ),
    ...ports.flatMap(({ name }, index) => portNameProblems(name, [...path, 'ports', index, 'name'])),
    ...(['liveness_probe', 'readiness_probe', 'startup_probe'] as const).flatMap((kind) =>
      probeProblems(container[kind], [...path, kind], kind),
    ),
  ];
}

function probeProblems(probe: Probe | undefined, path: Path, kind: string): Problem[] {
  if (probe === undefined) return [];
  return [
    ...exactlyOne(path, probe, ['http', 'tcp', 'exec']),
    ...(kind !== 'readiness_probe' && (probe.success_threshold ?? 1) !== 1
      ? [invalid([...path, 'success_threshold'], 'must be 1')]
      : []),
  ];
}

function environmentProblems({ env = [] }: InitContainer, path: Path): Problem[] {
  return [
    ...repeated(env.map(({ name }) => name)).map(({ index, name }) =>
      invalid([...path, 'env', index, 'name'], `must be unique: ${name} is there twice`),
    ),
    ...env.flatMap((variable, index) => exactlyOne([...path, 'env', index], variable, ['value', 'secret'])),
  ];
}

function mountProblems({ mounts = [] }: InitContainer, path: Path, form: ApplicationForm): Problem[] {
  const configs = new Set((form.config_files ?? []).map(({ name }) => name));
  const volumes = new Set((form.volumes ?? []).map(({ name }) => name));
  return [
    ...repeated(mounts.map((mount) => mount.path)).map(({ index, name }) =>
      invalid([...path, 'mounts', index, 'path'], `must be unique: something else is at ${name}`),
    ),
    ...mounts.flatMap((mount, index) => {
      const at = [...path, 'mounts', index];
      const { config, volume } = mount;
      return [
        ...exactlyOne(at, mount, ['config', 'secret', 'volume']),
        ...(config !== undefined && !configs.has(config)
          ? [invalid([...at, 'config'], `must be one of config_files: none is called ${config}`)]
          : []),
        ...(volume !== undefined && !volumes.has(volume)
          ? [invalid([...at, 'volume'], `must be one of volumes: none is called ${volume}`)]
          : []),
      ];
    }),
  ];
}

function securityProblems({ security }: InitContainer, path: Path, allowed: ReadonlySet<string>): Problem[] {
  if (security === undefined) return [];
  const at = [...path, 'security'];
  return [
    ...(security.privileged === true && !allowed.has('privileged')
      ? [denied([...at, 'privileged'], 'privileged')]
      : []),
    ...(security.run_as_non_root === true && security.run_as_user === 0
      ? [invalid([...at, 'run_as_user'], 'must not be 0 with run_as_non_root')]
      : []),
  ];
}
