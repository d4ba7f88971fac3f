import type { HotTemplate, HotValue } from './hot.ts';
import type { ClusterSecrets } from './pki.ts';
import { resolveStackInput } from './resolve-stack-input.ts';
import type { ClusterStackInput } from './stack-input.ts';
import { secretParameterValues } from './template/secret-parameters.ts';
import { clusterTemplate } from './template/template.ts';
import { PARAMETER, WORKER_TEMPLATE_FILE, workerTemplate } from './template/workers.ts';

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
  const nested = workerTemplate(resolved);
  return {
    template: clusterTemplate(resolved, secrets),
    files: nested === undefined ? {} : { [WORKER_TEMPLATE_FILE]: JSON.stringify(nested) },
    parameters: { [PARAMETER.nodeCount]: resolved.nodeCount, ...secretParameterValues(secrets) },
  };
}

/**
 * Parameters of the PATCH that changes the number of workers.
 * @param remove server ids of workers that are to go; the list is set each time, so that an old one cannot act again
 */
export function scaleParameters(nodeCount: number, remove: readonly string[] = []): Record<string, HotValue> {
  return { [PARAMETER.nodeCount]: nodeCount, [PARAMETER.nodesToRemove]: remove.join(',') };
}
