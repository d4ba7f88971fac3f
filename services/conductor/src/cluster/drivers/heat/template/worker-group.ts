import type { PublicSecrets } from '../bootstrap/node-files.ts';
import { getAttr, type HotOutput, type HotParameter, type HotTemplate, type HotValue } from '../hot.ts';
import type { ResolvedStackInput, ResolvedWorkerGroup } from '../stack-input.ts';
import { groupName, PARAMETER, RESOURCE, workerName } from './names.ts';
import { GROUP_OUTPUT, OUTPUT } from './outputs.ts';
import { workersResource, workerUserData } from './workers.ts';

function parameters(key: string | null): Record<string, HotParameter> {
  return {
    [groupName(PARAMETER.nodeCount, key)]: {
      type: 'number',
      description: 'number of workers',
      constraints: [{ range: { min: 0 } }],
    },
    [groupName(PARAMETER.nodesToRemove, key)]: {
      type: 'comma_delimited_list',
      description: 'server ids or indexes of workers that go first when the number shrinks',
      default: '',
    },
  };
}

function outputs(input: ResolvedStackInput, group: ResolvedWorkerGroup): Record<string, HotOutput> {
  const { key } = group;
  const workers = groupName(RESOURCE.workers, key);
  return {
    [groupName(GROUP_OUTPUT.nodeAddresses, key)]: {
      description: 'private addresses of workers',
      value: getAttr(workers, 'first_address'),
    },
    [groupName(GROUP_OUTPUT.nodePublicAddresses, key)]: {
      description: 'floating addresses of workers',
      value: input.floatingIpEnabled ? getAttr(workers, 'public_address') : [],
    },
    [groupName(GROUP_OUTPUT.nodeServerIds, key)]: {
      description: 'server ids of workers',
      value: getAttr(workers, 'refs'),
    },
    [groupName(GROUP_OUTPUT.nodeVersion, key)]: {
      description: 'Kubernetes version that workers are made with',
      value: group.kubeTag,
    },
  };
}

/** A template with a group of workers in it. */
export function withWorkerGroup(
  template: HotTemplate,
  input: ResolvedStackInput,
  group: ResolvedWorkerGroup,
  secrets: PublicSecrets,
): HotTemplate {
  return {
    ...template,
    parameters: { ...template.parameters, ...parameters(group.key) },
    resources: {
      ...template.resources,
      [groupName(RESOURCE.workers, group.key)]: workersResource(input, group, secrets),
    },
    outputs: { ...template.outputs, ...outputs(input, group) },
  };
}

/** A template without a group of workers; equal to what it was before the group came. */
export function withoutWorkerGroup(template: HotTemplate, key: string | null): HotTemplate {
  const without = <T>(all: Record<string, T>, names: readonly string[]): Record<string, T> => {
    const gone = new Set(names.map((name) => groupName(name, key)));
    return Object.fromEntries(Object.entries(all).filter(([name]) => !gone.has(name)));
  };
  return {
    ...template,
    parameters: without(template.parameters, Object.values(PARAMETER)),
    resources: without(template.resources, [RESOURCE.workers]),
    outputs: without(template.outputs, Object.values(GROUP_OUTPUT)),
  };
}

/**
 * A template whose new workers of a group get the group's version of Kubernetes. Nothing changes but what a machine reads at its first boot: a
 * definition with another image would make Heat build all of the group's servers anew.
 */
export function withWorkerVersion(
  template: HotTemplate,
  input: ResolvedStackInput,
  group: ResolvedWorkerGroup,
  secrets: PublicSecrets,
): HotTemplate {
  const name = groupName(RESOURCE.workers, group.key);
  const resource = template.resources[name];
  const definition = resource?.properties?.['resource_def'] as
    { type: string; properties: Record<string, HotValue> } | undefined;
  if (resource === undefined || definition === undefined) return template;
  const text = JSON.stringify(definition.properties['user_data']);
  // The image stays, and with it the form that it reads.
  const osDistro = text.includes('#cloud-config') ? 'ubuntu' : 'fedora-coreos';
  const node = { ...input, ...group, image: { ...group.image, osDistro } };
  const user_data = workerUserData(node, workerName(input.uuid, group.key), secrets);
  const resource_def = { ...definition, properties: { ...definition.properties, user_data } };
  const changed = { ...resource, properties: { ...resource.properties, resource_def } };
  return withVersionOutput(
    { ...template, resources: { ...template.resources, [name]: changed } },
    groupName(GROUP_OUTPUT.nodeVersion, group.key),
    group.kubeTag,
  );
}

/** A template that says that its masters have a version: they were brought to it where they are, and are never made anew. */
export function withMasterVersion(template: HotTemplate, version: string): HotTemplate {
  return withVersionOutput(template, OUTPUT.masterVersion, version);
}

function withVersionOutput(template: HotTemplate, name: string, value: string): HotTemplate {
  const output: HotOutput = { description: 'Kubernetes version', ...template.outputs?.[name], value };
  return { ...template, outputs: { ...template.outputs, [name]: output } };
}
