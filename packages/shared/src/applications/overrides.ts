import type { ApplicationForm, Container, EnvironmentVariable, Overrides } from '../schemas/index.ts';

/** The parts of what is asked of an application that can be different in a cluster. */
type Overridable = Pick<
  ApplicationForm,
  'replicas' | 'autoscaling' | 'exposure' | 'scheduling' | 'containers' | 'init_containers'
>;

type AnyContainer = Pick<Container, 'name' | 'image' | 'env' | 'resources'>;

/**
 * What is asked of an application in one place: each field that the overrides name takes the place of the application's, whole. Images
 * and resources are by the name of a container, variables are of all containers, those that run before the others included.
 */
export function withOverrides<T extends Overridable>(spec: T, overrides: Overrides): T {
  const { images, env, resources, ...others } = overrides;
  const change = <C extends AnyContainer>(container: C): C => ({
    ...container,
    ...(own(images, container.name) === undefined ? {} : { image: own(images, container.name) }),
    ...(own(resources, container.name) === undefined ? {} : { resources: own(resources, container.name) }),
    ...(env === undefined ? {} : { env: withVariables(container.env ?? [], env) }),
  });
  return {
    ...spec,
    ...others,
    containers: spec.containers.map(change),
    ...(spec.init_containers === undefined ? {} : { init_containers: spec.init_containers.map(change) }),
  };
}

/** Variables keep their places, as others may refer to them; new ones come last. */
function withVariables(
  variables: readonly EnvironmentVariable[],
  values: Record<string, string>,
): EnvironmentVariable[] {
  const names = new Set(variables.map(({ name }) => name));
  return [
    ...variables.map((variable) => {
      const value = own(values, variable.name);
      return value === undefined ? variable : { name: variable.name, value };
    }),
    ...Object.entries(values).flatMap(([name, value]) => (names.has(name) ? [] : [{ name, value }])),
  ];
}

/** A container may be called `constructor`. */
function own<T>(map: Record<string, T> | undefined, name: string): T | undefined {
  return map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}
