import { ContainerPath, type ApplicationCreate, type Container } from '@cetus/shared/schemas';
import { labelsOf, type LabelFound } from '../labels.ts';
import { isFields, Mapping, textOf } from '../mapping.ts';
import { given, literally, matches } from '../values.ts';
import { durationSeconds } from './amounts.ts';
import type { ComposeContext } from './context.ts';
import { deployedAs } from './deploy.ts';
import { environmentOf } from './environment.ts';
import { reachedAt } from './exposure.ts';
import { probeOf } from './healthcheck.ts';
import { resourcesOf } from './resources.ts';
import { securityOf } from './security.ts';
import { ServiceStorage } from './storage.ts';
import { SERVICE } from './told.ts';
import { wordsOf } from './words.ts';

/**
 * The form that a service becomes; undefined, and told of, when it names no image.
 * @param serviceName what others call it
 * @param name what the application is called
 */
export function formOfService(
  service: Mapping,
  serviceName: string,
  name: string,
  context: ComposeContext,
): ApplicationCreate | undefined {
  const image = service.text('image');
  if (image === undefined) {
    service.at.lost(
      service.has('build')
        ? 'It is not imported: images are not built. Build it, push it to a registry, and name it as image.'
        : 'It is not imported: it names no image.',
    );
    return undefined;
  }
  const deploy = service.mapping('deploy');
  const storage = new ServiceStorage(service, context);
  const { ports, exposure } = reachedAt(service, serviceName, context);
  const { plain, secret } = environmentOf(service, context.interpolation);
  const secretName = Object.keys(secret).length === 0 ? '' : storage.addVariables(secret);
  const env = [
    ...plain,
    ...Object.keys(secret).map((key) => ({ name: key, secret: { name: secretName, key } })),
  ];
  const probe = probeOf(service);
  const labels = labelsOf([...labelsIn(service), ...(deploy === undefined ? [] : labelsIn(deploy))]);
  const resources = resourcesOf(service, deploy);
  const deployed = deployedAs(service, deploy, {
    keeps: storage.keeps,
    serves: exposure !== undefined || probe !== undefined,
  });
  const container = given<Container>({
    name,
    image,
    image_pull_policy: pullPolicy(service),
    command: commandOf(service, 'entrypoint'),
    args: commandOf(service, 'command'),
    working_dir: workingDir(service),
    env: unlessEmpty(env),
    ports: unlessEmpty(ports),
    resources,
    mounts: unlessEmpty(storage.mounts),
    security: securityOf(service),
    // What runs to its end is not looked after meanwhile.
    liveness_probe: deployed.kind === 'job' ? undefined : probe,
    readiness_probe: deployed.kind === 'job' ? undefined : probe,
    tty: service.flag('tty') === true ? true : undefined,
    stdin: service.flag('stdin_open') === true ? true : undefined,
  });
  const form = given<ApplicationCreate>({
    name,
    ...deployed,
    labels,
    placements: context.options.placements,
    containers: [container],
    exposure,
    config_files: unlessEmpty(storage.configFiles),
    secrets: unlessEmpty(storage.secrets),
    volumes: unlessEmpty(storage.volumes),
    termination_grace_seconds: durationSeconds(
      service.text('stop_grace_period'),
      0,
      service.at.in('stop_grace_period'),
    ),
    host_network: isOnHost(service) ? true : undefined,
  });
  service.silent('profiles');
  service.tell(SERVICE);
  service.rest('It is not known.');
  return form;
}

function unlessEmpty<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function pullPolicy(service: Mapping): Container['image_pull_policy'] {
  const policy = service.text('pull_policy');
  if (policy === undefined) return undefined;
  if (policy === 'missing' || policy === 'if_not_present') return 'IfNotPresent';
  if (policy === 'never') return 'Never';
  if (policy !== 'always')
    service.at.in('pull_policy').changed('The image is looked for whenever an instance begins.');
  return 'Always';
}

function commandOf(service: Mapping, key: 'entrypoint' | 'command'): string[] | undefined {
  const value = service.any(key);
  if (value === undefined) return undefined;
  const at = service.at.in(key);
  const text = textOf(value);
  const words = text === undefined ? service.texts(key) : wordsOf(text);
  if (words === undefined) at.lost('A quote in it is not closed.');
  else if (words.length === 0) at.lost('What the image runs cannot be taken away, only replaced.');
  else return words.map(literally);
  return undefined;
}

function workingDir(service: Mapping): string | undefined {
  const path = service.text('working_dir');
  if (path === undefined || matches(ContainerPath, path)) return path;
  service.at.in('working_dir').lost('It must be an absolute path without a colon.');
  return undefined;
}

/** Labels are a mapping, or a list of `key=value`. */
function labelsIn(fields: Mapping): LabelFound[] {
  const value = fields.any('labels');
  if (isFields(value)) return new Mapping(value, fields.at.in('labels')).textEntries();
  return fields.list('labels').flatMap(({ value: item }) => {
    const [key = '', ...rest] = (textOf(item) ?? '').split('=');
    return [{ key, text: rest.join('='), at: fields.at.in('labels', key) }];
  });
}

function isOnHost(service: Mapping): boolean {
  const mode = service.text('network_mode') ?? 'bridge';
  if (mode === 'host') return true;
  if (mode !== 'bridge' && mode !== 'default')
    service.at.in('network_mode').lost('An instance has a network of its own, or that of the node.');
  return false;
}
