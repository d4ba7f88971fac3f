import type { HotTemplate, HotValue } from './hot.ts';
import type { ClusterSecrets } from './pki.ts';
import { resolveStackInput } from './resolve-stack-input.ts';
import type { ClusterStackInput, ResolvedStackInput, ResolvedWorkerGroup } from './stack-input.ts';
import { groupName, PARAMETER } from './template/names.ts';
import { secretParameterValues } from './template/secret-parameters.ts';
import { clusterTemplate } from './template/template.ts';
import { withoutWorkerGroup, withWorkerGroup, withWorkerVersion } from './template/worker-group.ts';
import { workerTemplate, workerTemplateFile } from './template/workers.ts';

/** What is sent to Heat when a stack is created. */
export interface ClusterStack {
  template: HotTemplate;
  /** Texts of nested templates by the name the template uses; empty when there are none. */
  files: Record<string, string>;
  parameters: Record<string, HotValue>;
}

/**
 * The stack that makes a cluster. Pure: equal input and secrets give equal bytes.
 * @throws InvalidStackInputError for a value no stack can be made from
 * @throws UnsupportedImageError when nodes cannot be made from the image
 */
export function buildClusterStack(input: ClusterStackInput, secrets: ClusterSecrets): ClusterStack {
  const resolved = resolveStackInput(input);
  const counts = resolved.workerGroups.map(({ key, nodeCount }) => [
    groupName(PARAMETER.nodeCount, key),
    nodeCount,
  ]);
  return {
    template: clusterTemplate(resolved, secrets),
    files: nestedTemplates(resolved, resolved.workerGroups),
    parameters: {
      ...(Object.fromEntries(counts) as Record<string, number>),
      ...secretParameterValues(secrets),
    },
  };
}

/**
 * A stack's template with more groups of workers. It begins from the template that the stack has, so that an update touches nothing
 * else: what this code would write today for a master may differ from what the master was made of.
 * @param template the stack's own
 * @param keys of the groups of the input that are to come
 * @throws InvalidStackInputError, UnsupportedImageError as {@link buildClusterStack}
 */
export function addWorkerGroups(
  template: HotTemplate,
  keys: ReadonlySet<string | null>,
  input: ClusterStackInput,
  secrets: ClusterSecrets,
): Pick<ClusterStack, 'template' | 'files'> {
  const resolved = resolveStackInput(input);
  const added = resolved.workerGroups.filter(({ key }) => keys.has(key));
  return {
    template: added.reduce((all, group) => withWorkerGroup(all, resolved, group, secrets), template),
    files: nestedTemplates(resolved, added),
  };
}

/**
 * A stack's template whose new workers of some groups are of the version that the input says.
 * @throws InvalidStackInputError
 */
export function upgradeWorkerGroups(
  template: HotTemplate,
  keys: ReadonlySet<string | null>,
  input: ClusterStackInput,
  secrets: ClusterSecrets,
): HotTemplate {
  const resolved = resolveStackInput(input);
  return resolved.workerGroups
    .filter(({ key }) => keys.has(key))
    .reduce((all, group) => withWorkerVersion(all, resolved, group, secrets), template);
}

/** A stack's template without some groups of workers. */
export function removeWorkerGroups(template: HotTemplate, keys: Iterable<string | null>): HotTemplate {
  return [...keys].reduce(withoutWorkerGroup, template);
}

function nestedTemplates(
  input: ResolvedStackInput,
  groups: readonly ResolvedWorkerGroup[],
): Record<string, string> {
  return Object.fromEntries(
    groups.flatMap((group) => {
      const template = workerTemplate(input, group);
      return template === undefined ? [] : [[workerTemplateFile(group.key), JSON.stringify(template)]];
    }),
  );
}
