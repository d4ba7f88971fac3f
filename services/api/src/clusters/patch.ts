import { CetusError } from '@cetus/shared/errors';
import { ClusterResize, Kubeconfig, KubeconfigContext, type JsonPatch } from '@cetus/shared/schemas';
import { Type, type Static } from 'typebox';
import { compileBody, fieldErrors } from '../http/validation.ts';
import { applyPatch } from '../json-patch.ts';

const KubeconfigPatch = Type.Object({ kubeconfig: Kubeconfig, context: Type.Optional(KubeconfigContext) });
export type KubeconfigPatch = Static<typeof KubeconfigPatch>;

const KUBECONFIG_PATHS = ['/kubeconfig', '/context'];

const validateCount = compileBody<{ node_count: number }>(
  Type.Object({ node_count: ClusterResize.properties.node_count }),
);
const validateKubeconfig = compileBody<KubeconfigPatch>(KubeconfigPatch);

/** Whether a patch is about how a cluster is reached that others made. */
export function isKubeconfigPatch(patch: JsonPatch): boolean {
  return patch.some(({ path }) => KUBECONFIG_PATHS.includes(path));
}

/**
 * The kubeconfig that a patch brings. Secrets are kept out of what errors say, so it is read here and not by the general patch.
 * @throws CetusError `invalid_patch`, `invalid_field`, `missing_field`
 */
export function readKubeconfigPatch(patch: JsonPatch): KubeconfigPatch {
  const found: Record<string, unknown> = {};
  for (const [index, { op, path, value }] of patch.entries()) {
    const field = path.slice(1);
    if (!KUBECONFIG_PATHS.includes(path)) {
      throw new CetusError('invalid_patch', `${path} cannot be changed together with the kubeconfig`, {
        field,
      });
    }
    if (op !== 'add' && op !== 'replace') {
      throw new CetusError('invalid_field', `${field} is never shown, and can only be replaced`, { field });
    }
    requireValue(op, value, index);
    found[field] = value;
  }
  if (validateKubeconfig(found)) return found;
  const [first] = fieldErrors(validateKubeconfig.errors ?? [], 'body');
  throw new CetusError(first?.code ?? 'invalid_field', first?.detail ?? 'The patch is not acceptable', {
    field: first?.field ?? 'kubeconfig',
  });
}

/**
 * The number of default workers after a patch, the only thing that can be changed once a cluster is accepted, as in Magnum; undefined
 * when the patch only tests it.
 * @param nodeCount the number of workers that is shown
 * @throws CetusError `invalid_patch`, `invalid_field`, `unsupported`
 */
export function readNodeCountPatch(patch: JsonPatch, nodeCount: number): number | undefined {
  for (const [index, { op, path, value }] of patch.entries()) {
    const field = path.slice(1);
    if (path === '/health_status' || path === '/health_status_reason') {
      throw new CetusError('unsupported', 'The health of a cluster is found out, not set', { field });
    }
    if (path !== '/node_count') {
      throw new CetusError('invalid_field', `${path} cannot be changed; node_count can`, { field });
    }
    if (op === 'remove') throw new CetusError('invalid_field', 'node_count cannot be removed', { field });
    requireValue(op, value, index);
  }
  const document = applyPatch({ node_count: nodeCount }, patch);
  if (!validateCount(document)) {
    const [first] = fieldErrors(validateCount.errors ?? [], 'node_count');
    throw new CetusError('invalid_field', first?.detail ?? 'node_count is not acceptable', {
      field: 'node_count',
    });
  }
  return patch.every(({ op }) => op === 'test') ? undefined : document.node_count;
}

function requireValue(op: string, value: unknown, index: number): void {
  if (value === undefined) {
    throw new CetusError('invalid_patch', `The operation ${op} needs a value`, { field: `${index}/value` });
  }
}
